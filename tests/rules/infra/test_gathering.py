from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from qiatan.infra import gathering
from qiatan.infra.gathering import Gathering


class Work:
    """Keeps what it was called with. Fails while an item is in `bad`."""

    def __init__(self, *, bad: frozenset[int] = frozenset()) -> None:
        self.bad = bad
        self.calls: list[list[int]] = []

    async def __call__(self, items: Sequence[int]) -> None:
        self.calls.append(list(items))
        await asyncio.sleep(0)
        if self.bad & set(items):
            raise ValueError("one of these is bad")


async def test_what_comes_within_a_moment_is_one_call_and_what_comes_meanwhile_the_next() -> None:
    work = Work()
    gathered = Gathering(work, seconds=0, name="test")

    assert [gathered.add("a", 1), gathered.add("a", 2)] == [True, True]
    while not work.calls:
        await asyncio.sleep(0)
    gathered.add("a", 3)
    await gathered.settled()
    gathered.add("a", 4)
    await gathered.settled()

    assert work.calls == [[1, 2], [3], [4]]


async def test_a_call_that_fails_is_logged_and_costs_the_next_nothing() -> None:
    work = Work(bad=frozenset({1}))
    gathered = Gathering(work, seconds=0, name="test")
    gathered.add("a", 1)

    with capture_logs() as lines:
        await gathered.settled()
    gathered.add("a", 2)
    await gathered.settled()

    assert [(line["event"], line["what"], line["items"]) for line in lines] == [("gathering.failed", "test", 1)]
    assert work.calls == [[1], [2]]


async def test_a_flood_of_one_fills_its_part_and_leaves_the_others_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MAX_AT_ONCE", 2)
    monkeypatch.setattr(gathering, "MAX_WAITING_OF_EACH", 3)
    work = Work()
    gathered = Gathering(work, seconds=0, name="test")

    taken = [gathered.add("noisy", number) for number in range(4)]
    assert gathered.add("quiet", 100)
    await gathered.settled()

    assert taken == [True, True, True, False]
    assert work.calls == [[0, 100], [1, 2]]
