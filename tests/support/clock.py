"""Clocks that stand still until a test moves them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
"""Monday noon in Shanghai: where every test begins."""


class FakeClock:
    """Implements `qiatan.infra.clock.Clock`."""

    def __init__(self) -> None:
        self._now = NOON

    def now(self) -> datetime:
        return self._now

    def advance(self, **amount: float) -> datetime:
        """Move forward: `clock.advance(minutes=5)`."""
        self._now += timedelta(**amount)
        return self._now

    def reset(self) -> None:
        self._now = NOON


class StandingSeconds:
    """What rates are counted by, in place of the module `time`: no token comes back meanwhile, however long the machine takes."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now
