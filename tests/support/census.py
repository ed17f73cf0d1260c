"""How much a part of the program remembers: how many things lie in each of its containers, however deep.

Counts are exact and name the attribute, so that a leak says where it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

_CONTAINERS = (dict, set, frozenset, list, deque, tuple, bytearray)
_OURS = "qiatan."


def census(*roots: object, besides: tuple[type, ...] = ()) -> dict[str, int]:
    """Sums by `Class.attribute` over all objects of ours that can be reached from the roots. `besides`: kinds that are not entered."""
    counts: dict[str, int] = {}
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, besides):
            continue
        seen.add(id(thing))
        if isinstance(thing, _CONTAINERS):
            waiting += _inside(thing)
            continue
        if not type(thing).__module__.startswith(_OURS) or isinstance(thing, type):
            continue
        for name, value in _attributes(thing):
            if isinstance(value, _CONTAINERS):
                place = f"{type(thing).__name__}.{name}"
                counts[place] = counts.get(place, 0) + len(value)
            waiting.append(value)
    return counts


def _attributes(thing: object) -> Iterator[tuple[str, Any]]:
    yield from getattr(thing, "__dict__", {}).items()
    for kind in type(thing).__mro__:
        for name in getattr(kind, "__slots__", ()):
            if hasattr(thing, name):
                yield name, getattr(thing, name)


def _inside(container: Any) -> list[object]:
    if isinstance(container, bytearray):
        return []
    return [*container.keys(), *container.values()] if isinstance(container, Mapping) else list(container)
