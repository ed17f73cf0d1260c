"""Values by chance from a seed, where Hypothesis' own would be too small: it draws little at a time, and lists of long stories rarely."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

Pick = Callable[[Random], Any]
"""Takes one value of some kind."""


class Draw:
    """Takes values, the same ones again from the same seed."""

    def __init__(self, source: int | Random) -> None:
        self._random = source if isinstance(source, Random) else Random(source)

    def __call__(self, pick: Pick) -> Any:
        return pick(self._random)


def sampled_from(values: Sequence[Any]) -> Pick:
    return lambda random: random.choice(values)


def integers(least: int, most: int) -> Pick:
    return lambda random: random.randint(least, most)


def booleans() -> Pick:
    return sampled_from((True, False))


def just(value: Any) -> Pick:
    return lambda _: value


def one_of(*picks: Pick) -> Pick:
    return lambda random: random.choice(picks)(random)


def builds(make: Callable[..., Any], *picks: Pick) -> Pick:
    return lambda random: make(*(pick(random) for pick in picks))


def several(values: Sequence[Any], most: int) -> Pick:
    """Some of these, each once."""
    return lambda random: random.sample(values, random.randint(0, min(most, len(values))))


def such(pick: Pick, is_wanted: Callable[[Any], bool]) -> Pick:
    """Only what is wanted of it."""

    def take(random: Random) -> Any:
        while not is_wanted(found := pick(random)):
            pass
        return found

    return take


def mapped(pick: Pick, change: Callable[[Any], Any]) -> Pick:
    return lambda random: change(pick(random))


def lists(pick: Pick, least: int, most: int) -> Pick:
    return lambda random: [pick(random) for _ in range(random.randint(least, most))]


def dictionary(needed: Mapping[str, Pick], optional: Mapping[str, Pick] | None = None) -> Pick:
    """With all that is needed, and each of what is not as often as without it."""

    def take(random: Random) -> dict[str, Any]:
        more = {name: pick for name, pick in (optional or {}).items() if random.choice((True, False))}
        return {name: pick(random) for name, pick in {**needed, **more}.items()}

    return take


def composed(make: Callable[[Draw], Any]) -> Pick:
    """What a function draws together."""
    return lambda random: make(Draw(random))
