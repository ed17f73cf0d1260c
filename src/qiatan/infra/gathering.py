"""What comes within a moment is done together: many small things that nobody waits for, at the price of few transactions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

import structlog

from qiatan.infra.fair import Turns

log = structlog.get_logger(__name__)

Item = TypeVar("Item")

MAX_AT_ONCE = 500
MAX_WAITING = 20_000
MAX_WAITING_OF_EACH = 5_000


class Gathering(Generic[Item]):
    """Calls `work` with what came within `seconds`, one call after another; each key (an enterprise) has its turn.

    Not for what is acknowledged: when `work` raises, that is logged and the items are gone.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Awaitable[None]], *, seconds: float, name: str) -> None:
        self._work = work
        self._seconds = seconds
        self._name = name
        self._waiting: Turns[Item] = Turns(most=MAX_WAITING, most_of_each=MAX_WAITING_OF_EACH)
        self._task: asyncio.Task[None] | None = None

    def add(self, key: Hashable, item: Item) -> bool:
        """False when too many wait already, in all or of this key."""
        if not self._waiting.add(key, item):
            return False
        if self._task is None:
            self._task = asyncio.create_task(self._work_off(), name=f"gathering-{self._name}")
        return True

    async def settled(self) -> None:
        """Wait until everything that was added is done."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(self._seconds)
                items = [item for _, item in self._waiting.take(MAX_AT_ONCE)]
                try:
                    await self._work(items)
                except Exception as error:
                    log.exception("gathering.failed", what=self._name, items=len(items), error=str(error))
        finally:
            self._task = None
