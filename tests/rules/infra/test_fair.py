from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from qiatan.infra.fair import Gate, Turns
from qiatan.kit.errors import Busy

_KEYS = some.sampled_from("abcd")


@given(some.lists(some.tuples(_KEYS, some.integers()), max_size=60), some.lists(some.integers(1, 9), min_size=1, max_size=30))
def test_everything_comes_out_once_and_in_order_inside_a_key(items: list[tuple[str, int]], takes: list[int]) -> None:
    turns: Turns[int] = Turns(most=1_000, most_of_each=1_000)
    for key, item in items:
        assert turns.add(key, item)

    out = [taken for count in takes for taken in turns.take(count)]
    out += turns.take(1_000)

    assert len(turns) == 0
    for key in "abcd":
        assert [item for taken, item in out if taken == key] == [item for wanted, item in items if wanted == key]


@given(some.dictionaries(_KEYS, some.integers(1, 40), min_size=1), some.integers(1, 60))
def test_nobody_gets_two_more_than_somebody_who_still_waits(waiting: dict[str, int], count: int) -> None:
    turns: Turns[int] = Turns(most=1_000, most_of_each=1_000)
    for key, number in waiting.items():
        for item in range(number):
            turns.add(key, item)

    got = Counter(key for key, _ in turns.take(count))

    assert sum(got.values()) == min(count, sum(waiting.values()))
    for key in waiting:
        if turns.of(key):
            assert max(got.values()) <= got[key] + 1


@given(some.integers(1, 5), some.integers(1, 5), some.lists(_KEYS, max_size=30))
def test_what_waits_is_bounded_of_each_and_in_all(most: int, most_of_each: int, keys: list[str]) -> None:
    turns: Turns[str] = Turns(most=most, most_of_each=most_of_each)

    for key in keys:
        room = len(turns) < most and turns.of(key) < most_of_each
        assert turns.add(key, key) is room

    assert len(turns) <= most
    assert all(turns.of(key) <= most_of_each for key in "abcd")


def test_who_did_not_come_to_their_turn_comes_first_the_next_time() -> None:
    turns: Turns[int] = Turns(most=100, most_of_each=100)
    for item in range(3):
        turns.add("noisy", item)
    turns.add("quiet", 9)

    assert [turns.take(1), turns.take(1), turns.take(2)] == [[("noisy", 0)], [("quiet", 9)], [("noisy", 1), ("noisy", 2)]]


def test_what_is_dropped_waits_no_more() -> None:
    turns: Turns[int] = Turns(most=2, most_of_each=2)
    turns.add("a", 1)
    turns.add("a", 2)

    turns.drop("a", 1)

    assert (turns.add("b", 3), turns.take(9)) == (True, [("a", 2), ("b", 3)])


def _gate(places: int, of_each: int, *, waiting: int = 100, waiting_of_each: int = 100, seconds: float = 5, reserve: int = 0) -> Gate:
    return Gate(places, of_each, waiting=waiting, waiting_of_each=waiting_of_each, seconds=seconds, reserve=reserve)


@settings(max_examples=60, deadline=None)
@given(some.integers(1, 6), some.integers(1, 6), some.lists(some.tuples(_KEYS, some.integers(0, 3)), max_size=40))
def test_neither_limit_is_ever_passed_and_everybody_comes_through(places: int, of_each: int, visits: list[tuple[str, int]]) -> None:
    gate = _gate(places, of_each)
    inside: Counter[str] = Counter()
    through = []

    async def visit(key: str, turns: int) -> None:
        async with gate.passing(key):
            inside[key] += 1
            assert inside[key] <= of_each
            assert inside.total() <= places
            for _ in range(turns):
                await asyncio.sleep(0)
            inside[key] -= 1
            through.append(key)

    async def everybody() -> None:
        await asyncio.gather(*(visit(key, turns) for key, turns in visits))

    asyncio.run(everybody())

    assert Counter(through) == Counter(key for key, _ in visits)
    assert (gate.inside, gate.waiting, gate.refused) == (0, 0, 0)


async def test_one_that_comes_alone_does_not_wait_behind_a_crowd() -> None:
    gate = _gate(2, 2)
    order = []

    async def visit(key: str) -> None:
        async with gate.passing(key):
            order.append(key)
            await asyncio.sleep(0)

    crowd = [asyncio.create_task(visit("crowd")) for _ in range(50)]
    await asyncio.sleep(0)
    alone = asyncio.create_task(visit("alone"))
    await asyncio.gather(alone, *crowd)

    # Behind those who are inside or have been called in already, and before all the others.
    assert order.index("alone") < 8


async def test_too_many_who_wait_are_sent_away_at_once_and_only_of_that_key() -> None:
    gate = _gate(2, 1, waiting_of_each=1)
    await gate.enter("a")
    waiting = asyncio.create_task(gate.enter("a"))
    await asyncio.sleep(0)

    with pytest.raises(Busy) as refused:
        await gate.enter("a")
    await gate.enter("b")

    assert (refused.value.code, refused.value.status, refused.value.retry_after) == ("try_again", 503, 1)
    assert (gate.inside, gate.waiting, gate.refused) == (2, 1, 1)
    gate.leave("a")
    await asyncio.wait_for(waiting, 5)
    assert (gate.inside, gate.waiting) == (2, 0)


async def test_whose_turn_does_not_come_is_sent_away_and_leaves_nothing_behind() -> None:
    gate = _gate(1, 1, seconds=0.01)
    await gate.enter("a")

    with pytest.raises(Busy):
        await gate.enter("b")

    assert (gate.inside, gate.waiting, gate.refused) == (1, 0, 1)
    gate.leave("a")
    await gate.enter("b")
    assert gate.inside == 1


async def test_who_gives_up_waiting_takes_no_place() -> None:
    gate = _gate(1, 1)
    await gate.enter("a")
    waiting = asyncio.create_task(gate.enter("b"))
    await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    gate.leave("a")

    assert (gate.inside, gate.waiting) == (0, 0)


async def test_who_gives_up_in_the_moment_of_their_turn_gives_the_place_back() -> None:
    gate = _gate(1, 1)
    await gate.enter("a")
    waiting = asyncio.create_task(gate.enter("b"))
    await asyncio.sleep(0)

    gate.leave("a")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert gate.inside == 0


async def test_who_gave_up_is_passed_over_for_the_next_one() -> None:
    gate = _gate(1, 1)
    await gate.enter("a")
    given_up, patient = asyncio.create_task(gate.enter("b")), asyncio.create_task(gate.enter("c"))
    await asyncio.sleep(0)

    given_up.cancel()
    gate.leave("a")
    await asyncio.wait_for(patient, 5)
    with pytest.raises(asyncio.CancelledError):
        await given_up

    assert (gate.inside, gate.waiting) == (1, 0)


async def test_the_reserve_is_open_while_everything_else_waits() -> None:
    gate = _gate(3, 2, reserve=1)
    await gate.enter("a")
    await gate.enter("b")
    waiting = asyncio.create_task(gate.enter("c"))
    await asyncio.sleep(0)
    assert not waiting.done()

    await gate.enter("c", reserved=True)

    assert gate.inside == 3
    for key in "abc":
        gate.leave(key)
    await asyncio.wait_for(waiting, 5)
    assert gate.inside == 1
