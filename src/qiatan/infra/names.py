"""Asking the system what addresses a name has, where strangers chose the name.

The system's own call blocks its thread for as long as the name's servers keep silent, and cannot be called off. The event loop has few
threads for it (uvloop: two), which our own connections by name need (database, mail, bus): what strangers ask for has threads of its
own. Names of one zone are mostly answered by the same servers, so one that keeps silent holds up no more than its own.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence
from threading import Thread
from weakref import WeakValueDictionary

SECONDS = 5.0
AT_ONCE, AT_ONCE_OF_A_ZONE = 32, 4

Look = Callable[[str, int], Sequence[str]]


def system_look(host: str, port: int) -> list[str]:
    """All addresses the system knows for a name; blocks. Raises `OSError` or `UnicodeError`."""
    return list(dict.fromkeys(str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


class Names:
    """Resolves names, some at once and few of one zone."""

    def __init__(self, look: Look = system_look, *, seconds: float = SECONDS) -> None:
        self._look = look
        self._seconds = seconds
        self._places = asyncio.Semaphore(AT_ONCE)
        self._zones: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a name; of an address, itself.

        Raises:
            TimeoutError: its servers, or those of the names before it, did not answer in time.
            OSError, UnicodeError: it is not known, or no name.
        """
        if _is_address(host):
            return [host]
        zone = self._zones.setdefault(_zone(host), asyncio.Semaphore(AT_ONCE_OF_A_ZONE))
        async with asyncio.timeout(self._seconds):
            await zone.acquire()
            try:
                await self._places.acquire()
            except asyncio.CancelledError:
                zone.release()
                raise
            return await self._ask(host, port, zone)

    def _ask(self, host: str, port: int, zone: asyncio.Semaphore) -> asyncio.Future[Sequence[str]]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sequence[str]] = loop.create_future()

        def over(found: Sequence[str] | Exception) -> None:
            # Only now: whoever asked may have given up long ago, but the thread was taken until here.
            zone.release()
            self._places.release()
            if answer.done():
                return
            if isinstance(found, Exception):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        def ask() -> None:
            found: Sequence[str] | Exception
            try:
                found = self._look(host, port)
            except (OSError, UnicodeError) as error:
                found = error
            try:
                loop.call_soon_threadsafe(over, found)
            except RuntimeError:
                return  # the program has ended

        try:
            # Not of a pool: at the end of the program it would be waited for.
            Thread(target=ask, name="resolve", daemon=True).start()
        except RuntimeError as error:
            over(OSError(f"there is no thread for it: {error}"))
        return answer


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _zone(host: str) -> str:
    """The last two labels. Whole countries share some (`com.cn`): with servers that answer nobody notices."""
    return ".".join(host.lower().rstrip(".").split(".")[-2:])
