"""Looking at, and ending, the database's own processes, as its owner."""

from __future__ import annotations

import asyncio

import psycopg

from qiatan.infra.db import Database

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
_END = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE %s
"""


async def somebody_waits_for_a_lock(database: Database) -> None:
    """Return as soon as some connection of this database waits for another's lock."""
    async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as connection:
        for _ in range(500):
            row = await (await connection.execute(_WAITING)).fetchone()
            if row is not None and row[0]:
                return
            await asyncio.sleep(0.01)
    raise AssertionError("nobody waits for a lock")


async def terminate(database: Database, query: str) -> int:
    """End the connections whose latest statement is like `query`, as a failing server would; returns how many."""
    async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as connection:
        row = await (await connection.execute(_END, (query,))).fetchone()
        return int(row[0]) if row is not None else 0
