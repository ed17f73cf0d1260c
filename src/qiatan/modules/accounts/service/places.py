"""The regions there are, for settings that name some of them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from qiatan.infra.geo import Geo


async def unknown_regions(geo: Geo, codes: Collection[str]) -> list[str]:
    """The codes that stand for no region, in order. In a thread: the first look reads all region data."""
    return sorted(set(codes) - await asyncio.to_thread(_codes, geo)) if codes else []


def _codes(geo: Geo) -> set[str]:
    codes: set[str] = set()
    for country in geo.tree():
        codes.add(country.code)
        for province in country.provinces:
            codes.add(province.code)
            codes.update(city.code for city in province.cities)
    return codes
