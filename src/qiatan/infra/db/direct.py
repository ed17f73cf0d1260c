"""One connection for statements that stand alone: each is one round trip and one transaction, without the session around it.

For the hot path only (architecture: the way of a message), where a transaction of its own costs more than the work in it.
"""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
from psycopg.sql import SQL

from qiatan.infra.db.alive import WatchedConnection, watched
from qiatan.infra.db.database import refused
from qiatan.infra.db.roles import SYSTEM

_CONNECT_SECONDS = 5
_LIMITS = "-c timezone=UTC -c statement_timeout=10s -c lock_timeout=5s"


class DirectConnection:
    """A connection of the system role, made when it is first needed and again after it broke. One statement runs at a time."""

    def __init__(self, url: str, *, flushed: bool = True) -> None:
        """`flushed`: whether what is written waits for the disk; without it a power failure may take back the last moment."""
        self._url = url
        self._options = f"-c role={SYSTEM} {_LIMITS}" + ("" if flushed else " -c synchronous_commit=off")
        self._connection: WatchedConnection | None = None
        self._connecting = asyncio.Lock()

    async def rows(self, statement: SQL, *parameters: object) -> list[tuple[Any, ...]]:
        """Run one statement.

        Raises:
            DatabaseUnavailable: it does not answer, or asks to try again; whether the statement took effect is not known.
            StorageFull: the database's disk is full; nothing was stored.
        """
        try:
            connection = await self._connected()
            return await (await connection.execute(statement, parameters)).fetchall()
        except psycopg.Error as error:
            if self._connection is not None and self._connection.broken:
                self._connection = None
            fault = refused(error)
            if fault is error:
                raise
            raise fault from error

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _connected(self) -> WatchedConnection:
        async with self._connecting:
            if self._connection is None or self._connection.closed:
                self._connection = await WatchedConnection.connect(
                    self._url,
                    autocommit=True,
                    options=self._options,
                    connect_timeout=_CONNECT_SECONDS,
                    prepare_threshold=1,
                    **watched(self._url),
                )
            return self._connection
