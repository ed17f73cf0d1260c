"""Group commit: one writer gathers what arrived meanwhile and writes it in one transaction.

The price of a disk flush is shared by everybody who was waiting for it. While one batch is being written, the next one gathers by
itself, so nothing is ever held back to fill a batch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import structlog

from qiatan.kit.errors import StorageFull

log = structlog.get_logger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_BATCH = 500
MAX_WAITING = 20_000
_RETRY_PAUSES = (0.05, 0.2, 0.5, 1.0, 2.0)


class Unavailable(Exception):
    """Raised by a write that did not reach the database, or does not know whether it did; writing again must be safe."""


class GroupCommit(Generic[Item, Result]):
    """Batches writes of items.

    `write` stores a batch in one transaction and returns one result per item, in order; it must be repeat-safe. It raises
    `Unavailable` when the database is away (the batch is tried again, then given up), and anything else when some item of the batch
    is at fault: then the items are written one by one, so that one sender's fault is one sender's error.

    `settle` is called once per item, in order, with its result or the exception that concerns it.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        settle: Callable[[Sequence[tuple[Item, Result | Exception]]], None],
    ) -> None:
        self._write = write
        self._settle = settle
        self._waiting: deque[Item] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._submitted = 0
        self._settled = 0
        self._barriers: deque[tuple[int, asyncio.Event]] = deque()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="group-commit")

    def submit(self, item: Item) -> bool:
        """Queue an item. False when too many wait already: the sender must try again later."""
        if self._closing or len(self._waiting) >= MAX_WAITING:
            return False
        self._waiting.append(item)
        self._submitted += 1
        self._wake.set()
        return True

    async def settled(self) -> None:
        """Wait until everything submitted so far has its result: what is written afterwards comes after it."""
        if self._settled < self._submitted:
            reached = asyncio.Event()
            self._barriers.append((self._submitted, reached))
            await reached.wait()

    async def close(self) -> None:
        """Write what waits, then stop."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while True:
            if not self._waiting:
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            batch = [self._waiting.popleft() for _ in range(min(MAX_BATCH, len(self._waiting)))]
            results = list(zip(batch, await self._store(batch), strict=True))
            try:
                self._settle(results)
            except Exception as error:
                # What is stored stays stored; the writer must live on for everybody else.
                log.exception("group_commit.settle_failed", error=str(error))
            self._settled += len(batch)
            while self._barriers and self._barriers[0][0] <= self._settled:
                self._barriers.popleft()[1].set()

    async def _store(self, batch: Sequence[Item]) -> Sequence[Result | Exception]:
        try:
            return await self._persist(batch)
        except (Unavailable, StorageFull) as error:
            return [error] * len(batch)
        except Exception as error:
            if len(batch) == 1:
                log.exception("group_commit.item_failed", error=str(error))
                return [error]
            log.warning("group_commit.batch_split", size=len(batch), error=str(error))
        return [(await self._store([item]))[0] for item in batch]

    async def _persist(self, batch: Sequence[Item]) -> Sequence[Result]:
        for pause in _RETRY_PAUSES:
            try:
                return await self._write(batch)
            except Unavailable as error:
                if self._closing:
                    raise  # whoever waits hears it now and sends again after the restart
                log.warning("group_commit.retrying", size=len(batch), error=str(error))
                await asyncio.sleep(pause)
        return await self._write(batch)
