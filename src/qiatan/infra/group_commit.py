"""Group commit: one writer gathers what arrived meanwhile and writes it in one transaction.

The price of a disk flush is shared by everybody who was waiting for it. While one batch is being written, the next one gathers by
itself, so nothing is ever held back to fill a batch. When more waits than a batch takes, each enterprise has its turn (`infra/fair.py`):
one that sends at full speed fills what the others leave, and no more.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

import structlog

from qiatan.infra import metrics, tracing
from qiatan.infra.fair import Turns
from qiatan.kit.errors import StorageFull

log = structlog.get_logger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_BATCH = 500
MAX_WAITING = 20_000
MAX_WAITING_OF_EACH = 10_000
_RETRY_PAUSES = (0.05, 0.2, 0.5, 1.0, 2.0)


class Unavailable(Exception):
    """Raised by a write that did not reach the database, or does not know whether it did; writing again must be safe."""


class _Line:
    """How far the items of one key have come: what is submitted, what has its result, and who waits for what was submitted so far."""

    __slots__ = ("barriers", "settled", "submitted")

    def __init__(self) -> None:
        self.submitted = self.settled = 0
        self.barriers: deque[tuple[int, asyncio.Future[None]]] = deque()

    def settle(self) -> None:
        self.settled += 1
        while self.barriers and self.barriers[0][0] <= self.settled:
            _, reached = self.barriers.popleft()
            if not reached.done():
                reached.set_result(None)


class GroupCommit(Generic[Item, Result]):
    """Batches writes of items.

    `write` stores a batch in one transaction and returns one result per item, in order; it must be repeat-safe. It raises
    `Unavailable` when the database is away (the batch is tried again, then given up), and anything else when some item of the batch
    is at fault: then the items are written one by one, so that one sender's fault is one sender's error.

    `settle` is called once per item, with its result or the exception that concerns it; in order inside a `key`, which is whose turn an
    item takes (without it all items are of one).
    """

    def __init__(
        self,
        write: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        settle: Callable[[Sequence[tuple[Item, Result | Exception]]], None],
        key: Callable[[Item], Hashable] | None = None,
    ) -> None:
        self._write = write
        self._settle = settle
        self._key = key or (lambda _item: None)
        self._waiting: Turns[Item] = Turns(most=MAX_WAITING, most_of_each=MAX_WAITING_OF_EACH if key else MAX_WAITING)
        self._lines: dict[Hashable, _Line] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def waiting(self) -> int:
        """How many wait for the next batch."""
        return len(self._waiting)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="group-commit")

    def submit(self, item: Item) -> bool:
        """Queue an item. False when too many wait already, in all or of its key: the sender must try again later."""
        key = self._key(item)
        if self._closing or not self._waiting.add(key, item):
            return False
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line()
        line.submitted += 1
        self._wake.set()
        return True

    async def settled(self, key: Hashable = None) -> None:
        """Wait until everything submitted so far has its result, of one key if it is named: what is written afterwards comes after it."""
        lines = [self._lines[key]] if key in self._lines else [] if key is not None else list(self._lines.values())
        waits = []
        for line in lines:
            reached = asyncio.get_running_loop().create_future()
            line.barriers.append((line.submitted, reached))
            waits.append(reached)
        for reached in waits:
            await reached

    async def close(self) -> None:
        """Write what waits, then stop."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        stored: list[tuple[Hashable, Item, Result | Exception]] = []
        while True:
            if not self._waiting:
                if stored:
                    self._tell(stored)
                    stored = []
                    continue
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            taken = self._waiting.take(MAX_BATCH)
            batch = [item for _, item in taken]
            writing = asyncio.create_task(self._store(batch), name="group-commit-batch")
            if stored:
                # The database works on this batch while the last one's results are told: neither waits for the other.
                await asyncio.sleep(0)
                self._tell(stored)
            stored = [(key, item, result) for (key, item), result in zip(taken, await writing, strict=True)]

    def _tell(self, stored: Sequence[tuple[Hashable, Item, Result | Exception]]) -> None:
        try:
            self._settle([(item, result) for _, item, result in stored])
        except Exception as error:
            # What is stored stays stored; the writer must live on for everybody else.
            log.exception("group_commit.settle_failed", error=str(error))
        for key, _, _ in stored:
            line = self._lines[key]
            line.settle()
            if line.settled == line.submitted:
                del self._lines[key]

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
        metrics.BATCH_SIZE.observe(len(batch))
        began = time.perf_counter()
        with tracing.span("batch", {"size": len(batch)}):
            stored = await self._written(batch)
        metrics.BATCH_SECONDS.observe(time.perf_counter() - began)
        return stored

    async def _written(self, batch: Sequence[Item]) -> Sequence[Result]:
        for pause in _RETRY_PAUSES:
            try:
                return await self._write(batch)
            except Unavailable as error:
                if self._closing:
                    raise  # whoever waits hears it now and sends again after the restart
                log.warning("group_commit.retrying", size=len(batch), error=str(error))
                await asyncio.sleep(pause)
        return await self._write(batch)
