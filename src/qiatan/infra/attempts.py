"""Asking others for what many need: of many who come at once one asks for all, and who failed a moment ago is not asked again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Found = TypeVar("Found")

PAUSE_SECONDS = 5.0
MOST_KNOWN = 1_000


class FailedLately(Exception):
    """The last attempt failed, and a new one is not due or is under way. The text is that of the failure."""


class Attempts(Generic[Found]):
    """Attempts by key. All who come while one is under way share it, so nobody waits longer than one takes.

    What failed with one of `failures` is not tried again for `PAUSE_SECONDS`. Then one tries, and the others need not wait for it. A failure
    that is as old again says nothing any more.
    """

    def __init__(self, failures: type[Exception], *, but: type[Exception], now: Callable[[], float]) -> None:
        """`but`: those of the failures that tell nothing of the other side."""
        self._failures, self._but, self._now = failures, but, now
        self._under_way: dict[Hashable, asyncio.Task[Found]] = {}
        self._failed: OrderedDict[Hashable, tuple[float, str]] = OrderedDict()

    async def get(self, key: Hashable, attempt: Callable[[], Awaitable[Found]]) -> Found:
        """What the attempt brings.

        Raises:
            FailedLately: as above.
            Exception: what the attempt raised.
        """
        task = self._under_way.get(key)
        if task is None:
            self._forget_if_old(key)
        failed = self._failed.get(key)
        if failed is not None and (task is not None or self._now() < failed[0]):
            raise FailedLately(failed[1])
        if task is None:
            task = self._under_way[key] = asyncio.get_running_loop().create_task(self._try(key, attempt))
            task.add_done_callback(lambda done: self._over(key, done))
        # Who gives up leaves the attempt to the others.
        return await asyncio.shield(task)

    def has_worked(self, key: Hashable) -> None:
        """Somebody found out otherwise that it works again."""
        self._failed.pop(key, None)

    def _forget_if_old(self, key: Hashable) -> None:
        failed = self._failed.get(key)
        if failed is not None and self._now() >= failed[0] + PAUSE_SECONDS:
            del self._failed[key]

    async def _try(self, key: Hashable, attempt: Callable[[], Awaitable[Found]]) -> Found:
        try:
            found = await attempt()
        except self._but:
            raise
        except self._failures as error:
            self._failed[key] = (self._now() + PAUSE_SECONDS, str(error))
            self._failed.move_to_end(key)
            if len(self._failed) > MOST_KNOWN:
                self._failed.popitem(last=False)
            raise
        self.has_worked(key)
        return found

    def _over(self, key: Hashable, done: asyncio.Task[Found]) -> None:
        self._under_way.pop(key, None)
        if not done.cancelled():
            done.exception()  # nobody may be left to hear it
