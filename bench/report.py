"""One table of everything that was measured, beside what is wanted."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `reached` is None where nothing is wanted of it."""

    what: str
    measured: str
    wanted: str = ""
    reached: bool | None = None


def at_most(what: str, value: float, limit: float, unit: str, *, digits: int = 1) -> Row:
    return Row(what, f"{value:,.{digits}f} {unit}", f"≤ {limit:g} {unit}", value <= limit)


def at_least(what: str, value: float, limit: float, unit: str, *, digits: int = 0) -> Row:
    return Row(what, f"{value:,.{digits}f} {unit}", f"≥ {limit:,g} {unit}", value >= limit)


def table(rows: Iterable[Row]) -> str:
    """The rows as aligned text."""
    marks = {True: "yes", False: "NO", None: ""}
    cells = [("what", "measured", "wanted", "reached"), *((row.what, row.measured, row.wanted, marks[row.reached]) for row in rows)]
    widths = [max(_width(line[column]) for line in cells) for column in range(4)]
    lines = ["  ".join(text + " " * (widths[column] - _width(text)) for column, text in enumerate(line)).rstrip() for line in cells]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
