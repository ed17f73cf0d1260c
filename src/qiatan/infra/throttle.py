"""Token buckets in memory: how often something may happen per visitor, address or account.

One process keeps its own counts; with several processes a limit is at most multiplied by their number, which is accepted for
what these limits guard against (floods), and not used where a limit is a promise, or keeps somebody from guessing (`tries.py`).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass

from qiatan.infra import metrics
from qiatan.kit.errors import TooMany

MAX_KEYS = 50_000


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` at once, refilled at `per_minute`."""

    burst: int
    per_minute: float


class Throttle:
    """Counts by key. The keys used longest ago are forgotten first, so memory is bounded."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str, rate: Rate) -> float:
        """Take one token. Returns 0 when there was one, else the seconds until there will be."""
        now = time.monotonic()
        tokens, at = self._buckets.pop(key, (float(rate.burst), now))
        tokens = min(float(rate.burst), tokens + (now - at) * rate.per_minute / 60)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > MAX_KEYS:
            self._buckets.popitem(last=False)
        if allowed:
            return 0.0
        metrics.THROTTLED.add(key.partition(":")[0])
        return (1 - tokens) * 60 / rate.per_minute

    def check(self, key: str, rate: Rate) -> None:
        """Take one token.

        Raises:
            TooMany: with the whole seconds to wait.
        """
        seconds = self.wait(key, rate)
        if seconds > 0:
            raise TooMany(retry_after=max(1, round(seconds + 0.5)))

    def forget(self, key: str) -> None:
        """Give the key a full bucket again (after a success)."""
        self._buckets.pop(key, None)
