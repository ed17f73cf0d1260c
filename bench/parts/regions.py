"""IP regions: how long a lookup takes, which every restricted request pays. No address comes twice, and nothing is warm."""

from __future__ import annotations

import random
import time
from ipaddress import IPv4Address, IPv6Address

from bench.report import Row, at_most
from qiatan.infra.geo import Geo

LOOKUPS = 30_000


def regions() -> list[Row]:
    geo = Geo.load(None)
    chance = random.Random(1)
    public = IPv6Address("2001:200::")
    sets = {
        "IPv4": [str(IPv4Address(chance.getrandbits(32))) for _ in range(LOOKUPS)],
        "IPv6": [str(public + chance.getrandbits(121)) for _ in range(LOOKUPS)],
    }
    return [at_most(f"region of a random {name} address", _microseconds(geo, addresses), 20, "µs") for name, addresses in sets.items()]


def _microseconds(geo: Geo, addresses: list[str]) -> float:
    began = time.perf_counter()
    for address in addresses:
        geo.region_of(address)
    return (time.perf_counter() - began) / len(addresses) * 1e6
