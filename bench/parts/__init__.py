"""The parts of the measurement, each a function that returns rows of the table."""

from __future__ import annotations

from collections.abc import Callable

from bench.parts.crowd import crowd
from bench.parts.decisions import decisions
from bench.parts.growth import growth
from bench.parts.idle import idle
from bench.parts.lists import lists
from bench.parts.messages import messages
from bench.parts.mixed import mixed
from bench.parts.noisy import noisy
from bench.parts.pages import pages
from bench.parts.pair import pair
from bench.parts.regions import regions
from bench.parts.routing import freed, timers
from bench.parts.widget import widget
from bench.report import Row

PARTS: dict[str, Callable[[], list[Row]]] = {
    "messages": messages,
    "pair": pair,
    "pages": pages,
    "idle": idle,
    "lists": lists,
    "widget": widget,
    "regions": regions,
    "decisions": decisions,
    "freed": freed,
    "timers": timers,
    "noisy": noisy,
}

LOAD_PARTS: dict[str, Callable[[], list[Row]]] = {
    "mixed": mixed,
    "crowd": crowd,
    "growth": growth,
}
"""What takes long and wants the whole machine: `make bench-load`."""
