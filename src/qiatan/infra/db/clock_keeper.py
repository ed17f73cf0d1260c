"""Keeps a process's clock with the database's."""

from __future__ import annotations

import asyncio

import structlog

from qiatan.infra.clock import FollowingClock, ticks
from qiatan.infra.db.database import Database

log = structlog.get_logger(__name__)

EVERY_SECONDS = 60
GLANCE_SECONDS = 1.0
"""How often one quick reading asks whether the database's clock was set, or is that of another machine now: timers are to be right within a second."""
TOLERATED_SECONDS = 1.0
"""A difference worth a line in the log: the machine's clock is wrong, or was set."""


class ClockKeeper:
    """Measures at the start, every minute, and when a glance finds them apart, how far the process's clock is from the database's."""

    def __init__(self, database: Database, clock: FollowingClock) -> None:
        self._database = database
        self._clock = clock
        self._measuring: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises `DatabaseUnavailable` when the first measurement fails."""
        await self._measure()
        self._measuring = asyncio.create_task(self._go_on(), name="clock")

    async def close(self) -> None:
        if self._measuring is not None:
            self._measuring.cancel()

    async def _measure(self) -> None:
        behind = self._clock.follow(*await self._database.read_clock())
        if abs(behind.total_seconds()) > TOLERATED_SECONDS:
            log.warning("clock.corrected", seconds=round(behind.total_seconds(), 3))

    async def _glance(self) -> bool:
        """Whether the clocks are further apart than the reading's own uncertainty explains."""
        moment, at, uncertain = await self._database.glance_at_clock()
        return abs(self._clock.behind(moment, at).total_seconds()) > TOLERATED_SECONDS + uncertain

    async def _go_on(self) -> None:
        measured, told = ticks(), False
        while True:
            await asyncio.sleep(GLANCE_SECONDS)
            try:
                if ticks() - measured >= EVERY_SECONDS or await self._glance():
                    await self._measure()
                    measured = ticks()
                told = False
            except Exception as error:  # noqa: BLE001 -- this loop must live as long as the process
                # The counter goes on being right enough; the next turn measures again.
                if not told:
                    log.warning("clock.not_measured", error=str(error))
                told = True
