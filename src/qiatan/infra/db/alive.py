"""How a connection notices that the other end has gone without a word: a machine that lost its power, a network that fell apart."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any, Final, TypeVar

import psycopg
import structlog
from psycopg.abc import PQGen
from psycopg.conninfo import make_conninfo
from sqlalchemy import make_url

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

_IDLE_SECONDS = 10
_INTERVAL_SECONDS = 3
_COUNT = 3
_UNSEEN_MILLISECONDS = 15_000
"""How long what we sent may stay unconfirmed. The system's own limit is about fifteen minutes, and two hours where nothing was sent."""


def watched(url: str) -> dict[str, Any]:
    """Options for every connection that is kept: it ends within twenty seconds of the other end's silence.

    What the address itself says (`?keepalives_idle=…`) is left as it is. Sockets of this machine do not need it and ignore it.
    """
    said = make_url(url).query
    ours = {
        "keepalives_idle": _IDLE_SECONDS,
        "keepalives_interval": _INTERVAL_SECONDS,
        "keepalives_count": _COUNT,
        "tcp_user_timeout": _UNSEEN_MILLISECONDS,
    }
    return {name: value for name, value in ours.items() if name not in said}


SILENT_SECONDS: Final = 20.0
"""Longer than our statements may take: an answer that has not come by then is doubted."""
_ASK_SECONDS = 5
_AT_WORK = """
    SELECT 1 FROM pg_stat_activity WHERE pid = %s AND coalesce(state, 'active') = 'active' AND wait_event IS DISTINCT FROM 'ClientRead'
"""


class WatchedConnection(psycopg.AsyncConnection[Any]):
    """A connection that notices what the system's own signs of life do not show: a proxy in between that confirms all and passes nothing on.

    When no answer has come for `silent_after` seconds, a second connection asks whether the server is still at it. It may be: a
    statement that was allowed to take long, or a commit that waits for its standby, which must not be taken for a failure. If the server
    knows nothing of it, or does not answer the second connection either, the connection ends as if the other side had closed it:
    `psycopg.OperationalError` to whoever waits.
    """

    silent_after: float = SILENT_SECONDS

    async def wait(self, gen: PQGen[Answer], *args: Any, **options: Any) -> Answer:
        """As psycopg's, watched."""
        doubting = _Doubt(self)
        try:
            return await super().wait(gen, *args, **options)
        finally:
            doubting.over()


class _Doubt:
    """Asks again and again while an answer is awaited, and ends the connection when nobody works at it."""

    def __init__(self, connection: WatchedConnection) -> None:
        self._connection = connection
        self._asking: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(connection.silent_after, self._begin)

    def over(self) -> None:
        """The answer has come, or nobody waits for it any more."""
        self._timer.cancel()
        if self._asking is not None:
            self._asking.cancel()

    def _begin(self) -> None:
        self._asking = asyncio.get_running_loop().create_task(self._ask(), name="doubted-connection")

    async def _ask(self) -> None:
        while True:
            if not await _is_at_work(self._connection):
                break
            await asyncio.sleep(self._connection.silent_after)
        log.warning("database.silent_connection_ended", backend=self._connection.pgconn.backend_pid)
        # Not closed, which is for its owner: whoever waits on it hears that the other side is gone.
        with socket.socket(fileno=os.dup(self._connection.pgconn.socket)) as line:
            line.shutdown(socket.SHUT_RDWR)


async def _is_at_work(connection: WatchedConnection) -> bool:
    """Whether the server still works at what the connection waits for, as far as anybody can tell."""
    parameters = {**connection.info.get_parameters(), "password": connection.info.password, "connect_timeout": str(_ASK_SECONDS)}
    # As who signs in, not in the role that statements run in: that one may not see what its own connection does.
    address = make_conninfo(**{name: value for name, value in parameters.items() if value and name != "options"})
    try:
        async with asyncio.timeout(2 * _ASK_SECONDS):
            asking = await psycopg.AsyncConnection.connect(address, autocommit=True)
            async with asking:
                found = await (await asking.execute(_AT_WORK, (connection.pgconn.backend_pid,))).fetchone()
    except (psycopg.Error, TimeoutError) as error:
        log.info("database.silent", error=str(error))
        return False
    return found is not None
