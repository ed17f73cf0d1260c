"""Where addresses are: what is found, what stays unknown, and whose file is read."""

from __future__ import annotations

import struct
from bisect import bisect_right
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ip2region import util as xdb
from ip2region.searcher import new_with_buffer

import qiatan
from qiatan.infra import geo
from qiatan.infra.geo import NAMES, UNKNOWN, Geo, Region

HEAD = 256
INDEX = 256 * 256 * 8
MADE = 1_760_000_000  # 2025-10-09
LATER = frozenset({"64:ff9b:1::/48", "2002::/16", "3fff::/20", "5f00::/16"})
"""Entered in the registry after the oldest Python this program runs on was made."""


def region_file(rows: list[tuple[str, str, str]], *, version: int, structure: int = 3) -> bytes:
    """A file of region data: first address, last address, line; the rows in order, none across a change of the first two bytes."""
    order: Literal["little", "big"] = "little" if version == 4 else "big"
    width = 4 if version == 4 else 16
    texts = [line.encode() for _, _, line in rows]
    start = HEAD + INDEX + sum(map(len, texts))
    pointers: dict[bytes, list[int]] = {}
    index, at = b"", HEAD + INDEX
    for number, ((first, last, _), text) in enumerate(zip(rows, texts, strict=True)):
        low, high = ip_address(first), ip_address(last)
        row = int(low).to_bytes(width, order) + int(high).to_bytes(width, order) + struct.pack("<HI", len(text), at)
        pointers.setdefault(low.packed[:2], []).append(start + number * len(row))
        index += row
        at += len(text)
    size = 2 * width + 6
    vector = bytearray(INDEX)
    for prefix, places in pointers.items():
        struct.pack_into("<II", vector, (prefix[0] * 256 + prefix[1]) * 8, places[0], places[-1])
    head = struct.pack("<HHIIIHH", structure, 1, MADE, start, start + len(index) - size, version if structure == 3 else 0, 4)
    return head.ljust(HEAD, b"\0") + bytes(vector) + b"".join(texts) + index


@pytest.fixture(scope="module")
def shipped() -> Geo:
    return Geo.load(None)


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("113.118.113.77", Region("CN", "广东省", "深圳市")),
        ("::ffff:113.118.113.77", Region("CN", "广东省", "深圳市")),
        ("202.96.209.133", Region("CN", "上海", "上海市")),
        ("8.8.8.8", Region("US", "", "")),
        ("2400:3200::1", Region("CN", "", "")),
        ("2001:4860:4860::8888", Region("US", "", "")),
    ],
)
def test_public_addresses_are_found_in_what_comes_with_the_program(shipped: Geo, address: str, region: Region) -> None:
    assert shipped.region_of(address) == region


@pytest.mark.parametrize("address", ["168.95.1.1", "2001:b000:168::1"])
def test_taiwan_is_one_place_for_both_sources(shipped: Geo, address: str) -> None:
    region = shipped.region_of(address)

    assert (region.country, region.province) == ("CN", "台湾省")


NOWHERE = (
    "|unknown|testclient|10.0.0.1|192.168.1.1|127.0.0.1|100.64.0.1|::1|fe80::1%eth0|fd00::1|224.0.0.1|0.0.0.0|255.255.255.255|"
    "203.0.113.7|1.2.3|8.8.8.8:80|[2400:3200::1]|::ffff:10.0.0.1|\0"
)


@pytest.mark.parametrize("address", NOWHERE.split("|"))
def test_what_is_not_a_public_address_is_nowhere(shipped: Geo, address: str) -> None:
    region = shipped.region_of(address)

    assert region == UNKNOWN
    assert not region.known
    assert region.code == ""


def test_codes_end_where_knowledge_does() -> None:
    assert Region("CN", "广东省", "深圳市").code == "CN/广东省/深圳市"
    assert Region("CN", "广东省", "").code == "CN/广东省"
    assert Region("US", "", "").code == "US"


def test_the_operators_files_win(tmp_path: Path) -> None:
    (tmp_path / "ip2region_v4.xdb").write_bytes(
        region_file(
            [
                ("8.8.0.0", "8.8.7.255", "0|0|0|Reserved|0"),
                ("8.8.8.0", "8.8.8.255", "United States|California|Mountain View|Google|US"),
                ("113.118.0.0", "113.118.255.255", "中国|云南省|大理白族自治州|电信|CN"),
            ],
            version=4,
        )
    )
    (tmp_path / "ip2region_v6.xdb").write_bytes(
        region_file(
            [
                ("2400:3200::", "2400:3200:ffff:ffff:ffff:ffff:ffff:ffff", "中国|浙江省|杭州市|阿里云|CN"),
                ("2404:6800::", "2404:6800:ffff:ffff:ffff:ffff:ffff:ffff", "中国|香港特别行政区|0|Google|HK"),
            ],
            version=6,
        )
    )
    regions = Geo.load(tmp_path)

    assert regions.region_of("8.8.8.8") == Region("US", "California", "Mountain View")
    assert regions.region_of("8.8.4.4") == Region("US", "", "")  # the registries'
    assert regions.region_of("113.118.113.77") == Region("CN", "云南省", "大理")
    assert regions.region_of("2400:3200::1") == Region("CN", "浙江省", "杭州市")
    assert regions.region_of("2404:6800::1") == Region("CN", "香港", "")
    assert regions.data_version.startswith("IPv4 2025-10-09, IPv6 2025-10-09, countries ")
    china = regions.tree()[0]
    assert [province.name for province in china.provinces] == ["云南省", "浙江省", "香港"]
    assert china.provinces[0].cities == (("CN/云南省/大理", "大理"),)


@pytest.mark.parametrize("broken", ["empty", "text", "cut", "other version", "later structure"])
def test_a_broken_file_gives_way_to_the_programs_own(tmp_path: Path, broken: str) -> None:
    good = region_file([("113.118.0.0", "113.118.255.255", "中国|云南省|昆明市|电信|CN")], version=4)
    content = {
        "empty": b"",
        "text": b"<html>not found</html>" * 50_000,
        "cut": good[:-5],
        "other version": region_file([("2400:3200::", "2400:3200::1", "中国|浙江省|杭州市|0|CN")], version=6),
        "later structure": struct.pack("<H", 4) + good[2:],
    }[broken]
    (tmp_path / "ip2region_v4.xdb").write_bytes(content)

    assert Geo.load(tmp_path).region_of("113.118.113.77") == Region("CN", "广东省", "深圳市")


def test_a_file_overwritten_while_open_changes_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "ip2region_v4.xdb"
    path.write_bytes(region_file([("113.118.0.0", "113.118.255.255", "中国|云南省|昆明市|电信|CN")], version=4))
    regions = Geo.load(tmp_path)
    path.write_bytes(b"")

    assert regions.region_of("113.118.113.77") == Region("CN", "云南省", "昆明市")


@pytest.mark.parametrize("version", [4, 6])
@given(limits=st.sets(st.integers(0, 0xFFFF), min_size=2, max_size=40).map(sorted))
def test_the_search_finds_what_the_librarys_own_finds(version: int, limits: list[int]) -> None:
    first, shift = (ip_address("8.8.0.0"), 0) if version == 4 else (ip_address("2400::"), 96)
    rows = [
        (str(first + (low << shift)), str(first + (high << shift)), f"Country|Province {number}|City|0|{chr(65 + number % 26)}A")
        for number, (low, high) in enumerate(zip(limits[::2], limits[1::2], strict=False))
    ]
    content = region_file(rows, version=version)
    library = new_with_buffer(xdb.IPv4 if version == 4 else xdb.IPv6, content)
    with TemporaryDirectory() as directory:
        path = Path(directory, f"ip2region_v{version}.xdb")
        path.write_bytes(content)
        regions = Geo.read(Path(directory))

    places = {ip_address("8.9.0.0") if version == 4 else ip_address("2401::"), *(first + (limit << shift) for limit in limits)}
    for place in places | {place + side for place in places for side in (-1, 1)}:
        line = library.search(place.packed)
        region = regions.region_of(str(place))
        assert (region.province if region.city else "") == (line.split("|")[1] if line else ""), place


def test_the_search_agrees_with_the_librarys_own_on_what_comes_with_the_program(shipped: Geo) -> None:
    path = Path(qiatan.__file__).parent / "pages" / "geo" / "ip2region.xdb"
    library = new_with_buffer(xdb.IPv4, path.read_bytes())
    chance = Random(7)
    found = 0
    for address in (IPv4Address(chance.getrandbits(32)) for _ in range(3000)):
        expected = geo._region(library.search(address.packed), with_area=True) if address.is_global else UNKNOWN
        if expected.known:
            found += 1
            assert shipped.region_of(str(address)) == expected, address
    assert found > 1000


def test_an_odd_form_of_an_address_is_read_like_the_plain_one(shipped: Geo) -> None:
    assert shipped.region_of(" 2400:3200:0:0:0:0:0:1\n") == shipped.region_of("2400:3200::1") == Region("CN", "", "")


@pytest.mark.parametrize("networks", [geo._NOT_PUBLIC_4, geo._NOT_PUBLIC_6])
def test_the_networks_that_are_not_public_are_known_to_the_last_address(shipped: Geo, networks: str) -> None:
    listed = [ip_network(text) for text in networks.split()]
    borders = geo._borders(networks)

    assert listed == sorted(listed, key=lambda network: int(network.network_address))
    assert not any(one.overlaps(other) for one in listed for other in listed if one is not other and one.version == other.version)
    for network in listed:
        for address in (network.network_address, network.broadcast_address):
            assert bisect_right(borders, address.packed) % 2 == 1, address
            assert not address.is_global or address.is_multicast or str(network) in LATER, address
    for public in (
        ("8.8.8.8", "100.63.255.255", "100.128.0.0", "223.255.255.255") if listed[0].version == 4 else ("2400:3200::1", "2000::", "fe7f::1")
    ):
        assert bisect_right(borders, ip_address(public).packed) % 2 == 0, public


def test_the_tree_starts_with_china_and_names_each_place_once(shipped: Geo) -> None:
    tree = shipped.tree()

    assert (tree[0].code, tree[0].name) == ("CN", "中国")
    assert len(tree[0].provinces) == 34
    assert {country.code for country in tree} == set(NAMES)
    codes = [city.code for country in tree for province in country.provinces for city in province.cities]
    assert len(codes) == len(set(codes))
    assert "CN/广东省/深圳市" in codes
    names = {province.name: {city.name for city in province.cities} for province in tree[0].provinces}
    assert not any(city != other and city.removesuffix("市") == other for cities in names.values() for city in cities for other in cities)
    assert shipped.tree() is tree
