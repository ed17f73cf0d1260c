"""The one place that reads the clock and the system's randomness."""

from __future__ import annotations

import os
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from qiatan.kit.ids import uuid7

SET_BACK = timedelta(seconds=5)
"""A clock that is further ahead than any drift, or error of a measurement, would put it."""


class Clock(Protocol):
    """Where time comes from; tests bring their own."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def ticks() -> float:
    """Seconds of a counter that nobody can set. Where the system has one, it goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def worked() -> float:
    """Seconds for which the processor has worked for this thread."""
    return time.thread_time()


class FollowingClock:
    """A clock that follows another machine's, the database's: processes whose own clocks differ agree on what is due.

    Between measurements it runs on a counter, so it does not jump with the machine's clock. It does not go back for a little: told that it
    is ahead, it stands still until the other has caught up. When the other was set back by more than `SET_BACK`, it is too: standing
    still for an hour would keep every deadline waiting for an hour. Before the first measurement it is the machine's own.
    """

    def __init__(self, own: Clock | None = None) -> None:
        self._own = own or SystemClock()
        self._origin: tuple[datetime, float] | None = None
        self._latest = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        moment = self._own.now() if self._origin is None else self._at(self._origin, ticks())
        self._latest = max(self._latest, moment)
        return self._latest

    def follow(self, moment: datetime, at: float) -> timedelta:
        """The other clock showed `moment` when our counter (`ticks()`) showed `at`. Returns by how much this clock was behind it."""
        behind = self.behind(moment, at)
        self._origin = (moment, at)
        if behind < -SET_BACK:
            self._latest = moment
        return behind

    def behind(self, moment: datetime, at: float) -> timedelta:
        """By how much this clock was behind another one that showed `moment` when our counter showed `at`; follows nothing."""
        return moment - (self._own.now() if self._origin is None else self._at(self._origin, at))

    @staticmethod
    def _at(origin: tuple[datetime, float], at: float) -> datetime:
        moment, then = origin
        return moment + timedelta(seconds=at - then)


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return uuid7(time.time_ns() // 1_000_000, os.urandom(10))


def pick(count: int) -> int:
    """A number from 0 to below `count`, each as likely."""
    return secrets.randbelow(count)
