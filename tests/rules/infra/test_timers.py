"""The loop fires what is due, whatever some of it does."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from qiatan.infra import timers
from qiatan.infra.db import Tx
from qiatan.infra.resources import Resources
from qiatan.infra.timers import Timer, TimerLoop
from qiatan.kit.errors import Busy, DatabaseUnavailable, Fault, NotFound, StorageFull
from tests.support.clock import NOON, FakeClock


@dataclass
class Rows:
    """A table of deadlines in memory. `wrong` fail each time, `stuck` never come to an end. `unreadable`: what the query fails with."""

    due_at: dict[tuple[UUID, UUID], datetime] = field(default_factory=dict)
    fired: list[UUID] = field(default_factory=list)
    tried: list[UUID] = field(default_factory=list)
    wrong: set[UUID] = field(default_factory=set)
    stuck: set[UUID] = field(default_factory=set)
    fault: Exception = field(default_factory=lambda: DatabaseUnavailable(retry_after=1))
    unreadable: Exception | None = None
    rounds: int = 0

    def add(self, at: datetime = NOON, enterprise_id: UUID | None = None) -> UUID:
        row_id = uuid4()
        self.due_at[enterprise_id or uuid4(), row_id] = at
        return row_id

    async def due(self, tx: Tx, limit: int, besides: Collection[UUID]) -> Sequence[tuple[UUID, UUID]]:
        if self.unreadable is not None:
            raise self.unreadable
        due = (key for key, at in self.due_at.items() if at <= tx.now and key[0] not in besides)
        return sorted(due, key=lambda key: self.due_at[key])[:limit]

    async def next_due(self, _tx: Tx) -> datetime | None:
        self.rounds += 1
        return min(self.due_at.values(), default=None)

    async def fire(self, _tx: Tx, row_id: UUID) -> None:
        self.tried.append(row_id)
        if row_id in self.stuck:
            await asyncio.Event().wait()
        if row_id in self.wrong:
            raise self.fault
        self.fired.append(row_id)
        self.due_at = {key: at for key, at in self.due_at.items() if key[1] != row_id}


class House:
    """A database that opens transactions and stores nothing."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.away = False
        self.asked = 0

    @asynccontextmanager
    async def system(self) -> AsyncIterator[Tx]:
        self.asked += 1
        if self.away:
            raise DatabaseUnavailable(retry_after=1)
        yield Tx(cast("Any", None), None, self._clock.now())

    @asynccontextmanager
    async def tenant(self, enterprise_id: UUID) -> AsyncIterator[Tx]:
        yield Tx(cast("Any", None), enterprise_id, self._clock.now())


@dataclass
class Stage:
    clock: FakeClock
    house: House
    rows: Rows
    other: Rows
    loop: TimerLoop

    async def until(self, done: Any) -> None:
        async with asyncio.timeout(10):
            while not done():
                await asyncio.sleep(0.005)


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(timers, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(timers, "REST_SECONDS", 0.02)
    clock = FakeClock()
    house, rows = House(clock), Rows()

    @dataclass
    class Shared:
        database: House
        clock: FakeClock

    other = Rows()
    kinds = [Timer("test", rows.due, rows.next_due, rows.fire), Timer("other", other.due, other.next_due, other.fire)]
    loop = TimerLoop(cast("Resources", Shared(house, clock)), kinds)
    yield Stage(clock, house, rows, other, loop)
    await loop.close()


async def test_what_is_due_fires_earliest_first_and_what_is_not_waits(stage: Stage) -> None:
    one = uuid4()
    late, early, later = (stage.rows.add(NOON + timedelta(seconds=s), one) for s in (-1, -5, 60))
    stage.loop.start()

    await stage.until(lambda: len(stage.rows.fired) == 2)

    assert stage.rows.fired == [early, late]
    stage.clock.advance(seconds=60)
    await stage.until(lambda: stage.rows.fired == [early, late, later])


async def test_one_that_fails_is_tried_again_without_spinning_and_holds_up_nobody(stage: Stage) -> None:
    wrong = {stage.rows.add(NOON - timedelta(hours=1)) for _ in range(timers.BATCH + 10)}
    stage.rows.wrong, stage.rows.fault = wrong, NotFound()
    stage.loop.start()
    await stage.until(lambda: len(stage.rows.tried) >= len(wrong))

    right = stage.rows.add()
    await stage.until(lambda: stage.rows.fired == [right])

    assert len(stage.rows.tried) == len(wrong) + 1  # each once: the second try comes after a second


async def test_one_that_failed_fires_once_it_can(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "RETRY_SECONDS", (0.02,))
    row = stage.rows.add()
    stage.rows.wrong, stage.rows.fault = {row}, ValueError("our own mistake")
    stage.loop.start()
    await stage.until(lambda: len(stage.rows.tried) >= 2)

    stage.rows.wrong = set()

    await stage.until(lambda: stage.rows.fired == [row])


@pytest.mark.parametrize("fault", [DatabaseUnavailable(retry_after=1), Busy(retry_after=1), StorageFull()], ids=lambda fault: fault.code)
async def test_what_the_database_had_no_time_for_is_tried_again_soon_each_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    """A lock that others held for long, again and again, must not make the timer wait for a minute once it is free."""
    monkeypatch.setattr(timers, "AGAIN_SECONDS", (0.001,))
    monkeypatch.setattr(timers, "RETRY_SECONDS", (3600.0,))
    row = stage.rows.add()
    stage.rows.wrong, stage.rows.fault = {row}, fault
    stage.loop.start()
    await stage.until(lambda: len(stage.rows.tried) >= 10)

    stage.rows.wrong = set()

    await stage.until(lambda: stage.rows.fired == [row])


async def test_an_enterprise_whose_timers_hang_does_not_hold_up_another(stage: Stage) -> None:
    busy = uuid4()
    stage.rows.stuck = {stage.rows.add(NOON - timedelta(minutes=1), busy) for _ in range(timers.MAX_IN_FLIGHT + timers.BATCH)}
    other = stage.rows.add()
    stage.loop.start()

    await stage.until(lambda: stage.rows.fired == [other])

    assert len(set(stage.rows.tried) & stage.rows.stuck) == timers.AT_ONCE_OF_ONE


async def test_more_of_one_enterprise_than_a_query_takes_do_not_hide_what_is_due_elsewhere(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given twice as many deadlines of one enterprise as are read at once, all earlier than another's, then the other's does not wait."""
    monkeypatch.setattr(timers, "MAX_LOOK", 400)
    busy = uuid4()
    many = {stage.rows.add(NOON - timedelta(minutes=1), busy) for _ in range(800)}
    other = stage.rows.add(NOON)
    stage.loop.start()

    await stage.until(lambda: other in stage.rows.fired)

    # No more went before it than one enterprise may have at work, as they fire at once here.
    assert stage.rows.fired.index(other) <= timers.IN_FLIGHT_OF_ONE
    await stage.until(lambda: len(stage.rows.fired) == 801)
    assert set(stage.rows.fired) == {*many, other}


async def test_what_is_found_by_several_queries_of_one_look_is_begun_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given two crowds, each of which fills a query of its own, and others' deadlines before all of them, then each is tried once."""
    monkeypatch.setattr(timers, "MAX_LOOK", 400)
    monkeypatch.setattr(timers, "REST_SECONDS", 3600.0)
    others = [stage.rows.add(NOON - timedelta(hours=1)) for _ in range(20)]
    crowds = [stage.rows.add(NOON - timedelta(minutes=minutes), one) for minutes, one in ((3, uuid4()), (2, uuid4())) for _ in range(400)]
    stage.loop.start()

    await stage.until(lambda: len(stage.rows.fired) >= 820)
    await stage.loop.close()

    assert Counter(stage.rows.tried) == Counter([*others, *crowds])


async def test_many_that_fail_do_not_hide_what_is_due_elsewhere(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given more deadlines of one enterprise that rest after a failure than are read at once, then another's fires all the same."""
    monkeypatch.setattr(timers, "MAX_LOOK", 400)
    monkeypatch.setattr(timers, "RETRY_SECONDS", (3600.0,))
    busy = uuid4()
    stage.rows.wrong = {stage.rows.add(NOON - timedelta(minutes=1), busy) for _ in range(400)}
    stage.rows.fault = NotFound()
    stage.loop.start()
    await stage.until(lambda: len(stage.rows.tried) == 400)

    other = stage.rows.add()

    await stage.until(lambda: stage.rows.fired == [other])


@pytest.mark.parametrize("fault", [ValueError("our own mistake"), DatabaseUnavailable(retry_after=1)], ids=["mistake", "too slow"])
async def test_a_kind_whose_query_fails_does_not_stop_the_others(stage: Stage, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    monkeypatch.setattr(timers, "AGAIN_SECONDS", (0.001,))
    monkeypatch.setattr(timers, "RETRY_SECONDS", (0.001,))
    stage.rows.unreadable = fault
    held = stage.rows.add()
    fine = stage.other.add()
    stage.loop.start()

    await stage.until(lambda: stage.other.fired == [fine])

    assert stage.rows.fired == []
    stage.rows.unreadable = None
    await stage.until(lambda: stage.rows.fired == [held])


async def test_a_database_that_was_away_is_asked_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "RETRY_SECONDS", (0.02,))
    stage.house.away = True
    row = stage.rows.add()
    stage.loop.start()
    await asyncio.sleep(0)

    stage.house.away = False

    await stage.until(lambda: stage.rows.fired == [row])


async def test_however_long_the_database_was_away_what_came_due_fires_at_its_return(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "AWAY_SECONDS", (0.001,))
    monkeypatch.setattr(timers, "AGAIN_SECONDS", (3600.0,))
    row = stage.rows.add()
    stage.rows.wrong.add(row)
    stage.loop.start()
    await stage.until(lambda: stage.rows.tried == [row])  # it rests for an hour now, as the database failed it
    stage.house.away = True
    asked = stage.house.asked
    stage.loop.wake()
    await stage.until(lambda: stage.house.asked > asked + 20)
    stage.rows.wrong.clear()

    stage.house.away = False

    await stage.until(lambda: stage.rows.fired == [row])


async def test_what_the_database_failed_often_is_tried_soon_again_still(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause that grew with every failure would be waited for when the database is well again."""
    assert max(timers.AGAIN_SECONDS) == max(timers.AWAY_SECONDS) == 0.5
    monkeypatch.setattr(timers, "AGAIN_SECONDS", (0.001,))
    row = stage.rows.add()
    stage.rows.wrong.add(row)
    stage.loop.start()
    await stage.until(lambda: stage.rows.tried.count(row) > 10)

    stage.rows.wrong.clear()

    await stage.until(lambda: stage.rows.fired == [row])


async def test_many_more_than_a_batch_fire_each_once(stage: Stage) -> None:
    rows = {stage.rows.add() for _ in range(3 * timers.BATCH)}
    stage.loop.start()

    await stage.until(lambda: len(stage.rows.fired) >= len(rows))

    assert set(stage.rows.fired) == rows
    assert len(stage.rows.fired) == len(rows)


async def test_woken_it_looks_at_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "POLL_SECONDS", 60)
    stage.loop.start()
    await stage.until(lambda: stage.rows.rounds == 1)
    row = stage.rows.add()

    stage.loop.wake()

    await stage.until(lambda: stage.rows.fired == [row])
