"""Who keeps the time looks at the database's clock every second, and follows when it was set."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from qiatan.infra.clock import FollowingClock, ticks
from qiatan.infra.db import clock_keeper
from qiatan.infra.db.clock_keeper import ClockKeeper
from qiatan.infra.db.database import Database
from qiatan.kit.errors import DatabaseUnavailable

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


class Wall:
    """A database of which only the clock is there. `wrong_by`: what a glance may be wrong by."""

    def __init__(self) -> None:
        self._began = ticks()
        self.set_by = timedelta()
        self.wrong_by = 0.0
        self.away = False
        self.glances = asyncio.Semaphore(0)
        self.measured = 0

    def _now(self) -> tuple[datetime, float]:
        if self.away:
            raise DatabaseUnavailable(retry_after=1)
        at = ticks()
        return NOON + self.set_by + timedelta(seconds=at - self._began), at

    async def read_clock(self) -> tuple[datetime, float]:
        self.measured += 1
        return self._now()

    async def glance_at_clock(self) -> tuple[datetime, float, float]:
        self.glances.release()
        return (*self._now(), self.wrong_by)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    monkeypatch.setattr(clock_keeper, "GLANCE_SECONDS", 0.001)
    return Wall()


async def glances(wall: Wall, count: int) -> None:
    for _ in range(count):
        await wall.glances.acquire()


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1), timedelta(seconds=3)], ids=str)
async def test_a_clock_that_was_set_is_followed(wall: Wall, step: timedelta) -> None:
    clock = FollowingClock()
    keeper = ClockKeeper(cast("Database", wall), clock)
    await keeper.start()
    await glances(wall, 3)

    wall.set_by = step
    await glances(wall, 3)

    assert abs(clock.now() - (NOON + step)) < timedelta(seconds=2)
    assert wall.measured == 2
    await keeper.close()


async def test_a_glance_that_may_be_wrong_by_that_much_changes_nothing(wall: Wall) -> None:
    clock = FollowingClock()
    keeper = ClockKeeper(cast("Database", wall), clock)
    await keeper.start()

    wall.set_by, wall.wrong_by = timedelta(seconds=3), 2.5
    await glances(wall, 3)

    assert wall.measured == 1
    await keeper.close()


async def test_a_database_that_is_back_is_looked_at_again(wall: Wall) -> None:
    clock = FollowingClock()
    keeper = ClockKeeper(cast("Database", wall), clock)
    await keeper.start()
    wall.away = True
    await glances(wall, 3)

    wall.away, wall.set_by = False, timedelta(hours=-1)
    await glances(wall, 3)

    assert clock.now() < NOON - timedelta(minutes=59)
    await keeper.close()
