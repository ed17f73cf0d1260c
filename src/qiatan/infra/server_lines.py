"""Places for calls to other servers: few at one server, so that one that does not answer keeps only its own callers waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from weakref import WeakValueDictionary


class NoPlace(Exception):
    """There was no place in time. The server was not asked."""


class ServerLines:
    """So many calls at once in all, and so many at each server."""

    def __init__(self, in_all: int, *, seconds: float) -> None:
        """`seconds`: how long somebody waits for a place."""
        self._in_all = asyncio.Semaphore(in_all)
        self._seconds = seconds
        self._of_each: WeakValueDictionary[tuple[Hashable, int], asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def place(self, server: Hashable, at_once: int, time_left: asyncio.Timeout) -> AsyncIterator[None]:
        """A place at this server for the block. `time_left`, which is the server's, stands still until the place is had.

        Raises:
            NoPlace: none was free in time.
        """
        of_server = self._of_each.setdefault((server, at_once), asyncio.Semaphore(at_once))
        with _standing_still(time_left):
            try:
                async with asyncio.timeout(self._seconds):
                    await self._both(of_server)
            except TimeoutError:
                raise NoPlace from None
        try:
            yield
        finally:
            self._in_all.release()
            of_server.release()

    async def _both(self, of_server: asyncio.Semaphore) -> None:
        await of_server.acquire()
        try:
            await self._in_all.acquire()
        except BaseException:
            of_server.release()
            raise


@contextmanager
def _standing_still(time_left: asyncio.Timeout) -> Iterator[None]:
    ends, loop = time_left.when(), asyncio.get_running_loop()
    left = ends - loop.time() if ends is not None else None
    time_left.reschedule(None)
    try:
        yield
    finally:
        time_left.reschedule(loop.time() + left if left is not None else None)
