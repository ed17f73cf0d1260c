"""Asking the system what addresses a name has, where strangers chose the name.

The system's own call blocks its thread for as long as the name's servers keep silent, and cannot be called off. The event loop has few
threads for it (uvloop: two), which our own connections by name need (database, mail, bus): what strangers ask for has threads of its
own. Names of one zone are mostly answered by the same servers, so one that keeps silent holds up no more than its own, and is then let
alone for a while; zones that have answered have places that no other zone takes.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Thread
from weakref import WeakValueDictionary

from qiatan.infra.silent_servers import SilentServers

SECONDS = 5.0
AT_ONCE, AT_ONCE_OF_A_ZONE = 64, 4
AT_ONCE_OF_STRANGERS = 48
"""Of all zones together that have not answered yet."""
PAUSE_SECONDS = 10.0
"""How long a zone that kept silent is let alone; then one is let through to try."""
ZONES_KNOWN = 10_000

Look = Callable[[str, int], Sequence[str]]


def system_look(host: str, port: int) -> list[str]:
    """All addresses the system knows for a name; blocks. Raises `OSError` or `UnicodeError`."""
    return list(dict.fromkeys(str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


class Names:
    """Resolves names, some at once and few of one zone."""

    def __init__(self, look: Look = system_look, *, seconds: float = SECONDS, pause: float = PAUSE_SECONDS) -> None:
        self._look = look
        self._seconds = seconds
        self._places = asyncio.Semaphore(AT_ONCE - AT_ONCE_OF_STRANGERS)
        self._places_of_strangers = asyncio.Semaphore(AT_ONCE_OF_STRANGERS)
        self._answered: OrderedDict[str, None] = OrderedDict()
        self._silent = SilentServers(pause)
        self._zones: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a name; of an address, itself.

        Raises:
            TimeoutError: its servers, or those of the names before it, did not answer in time, or a moment ago.
            OSError, UnicodeError: it is not known, or no name.
        """
        if _is_address(host):
            return [host]
        zone = _zone(host)
        if self._silent.is_let_alone(zone):
            raise TimeoutError
        line, places = await self._place(zone)
        try:
            async with asyncio.timeout(self._seconds):
                found = await self._ask(host, port, line, places)
        except TimeoutError:
            self._silent.was_silent(zone)
            self._answered.pop(zone, None)
            raise
        except OSError:
            self._silent.has_answered(zone)
            raise
        self._has_answered(zone)
        return found

    async def _place(self, zone: str) -> tuple[asyncio.Semaphore, asyncio.Semaphore]:
        line = self._zones.setdefault(zone, asyncio.Semaphore(AT_ONCE_OF_A_ZONE))
        places = self._places if zone in self._answered else self._places_of_strangers
        async with asyncio.timeout(self._seconds):
            await line.acquire()
            try:
                await places.acquire()
            except asyncio.CancelledError:
                line.release()
                raise
        return line, places

    def _has_answered(self, zone: str) -> None:
        self._silent.has_answered(zone)
        self._answered[zone] = None
        self._answered.move_to_end(zone)
        if len(self._answered) > ZONES_KNOWN:
            self._answered.popitem(last=False)

    def _ask(self, host: str, port: int, line: asyncio.Semaphore, places: asyncio.Semaphore) -> asyncio.Future[Sequence[str]]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sequence[str]] = loop.create_future()

        def over(found: Sequence[str] | Exception) -> None:
            # Only now: whoever asked may have given up long ago, but the thread was taken until here.
            line.release()
            places.release()
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
    """What one owner has, mostly: the last two labels, or three where a country gives names out below the second (`com.cn`, `co.uk`)."""
    labels = host.lower().rstrip(".").split(".")
    below_second = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3 if below_second else -2 :])
