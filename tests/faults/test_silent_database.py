"""A way to the database that confirms everything and passes nothing on: signs of life of the system's own do not show it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Any, cast

import procrastinate
import psycopg
import pytest
from procrastinate.exceptions import ConnectorException

from qiatan.infra.db import alive
from qiatan.infra.db.alive import WatchedConnection
from qiatan.infra.db.roles import SYSTEM
from qiatan.infra.jobs import build_worker_app
from tests.faults.pair import Pair, Postgres
from tests.faults.wires import Line, Wires

pytestmark = pytest.mark.timeout(120)
SOON = 0.3


class Impatient(WatchedConnection):
    silent_after = SOON


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    pair = Pair()
    try:
        pair.primary.make()
        pair.primary.start()
        pair.primary.ask(f"CREATE ROLE {SYSTEM}", f"GRANT {SYSTEM} TO qiatan")
        yield pair.primary
    finally:
        pair.remove()


@pytest.fixture
def line(server: Postgres) -> Iterator[Line]:
    with Wires() as wires, closing(wires.line(server.port)) as line:
        yield line


async def connected(line: Line) -> Impatient:
    return await Impatient.connect(f"postgresql://qiatan@127.0.0.1:{line.port}/qiatan", autocommit=True)


async def test_a_connection_whose_answers_never_come_ends(line: Line) -> None:
    async with await connected(line) as connection:
        line.swallow()
        with pytest.raises(psycopg.OperationalError):
            await connection.execute("SELECT 1")
        assert connection.broken


async def test_an_answer_that_was_lost_on_its_way_ends_the_connection(line: Line) -> None:
    async with await connected(line) as connection:
        asking = asyncio.create_task(connection.execute("SELECT pg_sleep(0.2)"))
        await asyncio.sleep(0.1)  # it has reached the server, and is answered later
        line.swallow()
        with pytest.raises(psycopg.OperationalError):
            await asking


async def test_a_connection_ends_when_nobody_at_all_is_reached(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alive, "_ASK_SECONDS", 1)
    async with await connected(line) as connection:
        line.silence()
        with pytest.raises(psycopg.OperationalError):
            await connection.execute("SELECT 1")
        line.mend()


async def test_what_takes_long_is_waited_for(line: Line) -> None:
    async with await connected(line) as connection:
        answer = await connection.execute("SELECT 1 FROM pg_sleep(%s)", (5 * SOON,))
        assert await answer.fetchone() == (1,)


async def test_a_commit_that_waits_for_the_standby_is_waited_for(server: Postgres, line: Line) -> None:
    """Giving it up would leave a server process behind each time, as long as the standby is away."""
    async with await connected(line) as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS commits (n int)")
        server.ask("ALTER SYSTEM SET synchronous_standby_names = 'away'", "SELECT pg_reload_conf()")
        await asyncio.sleep(0.2)
        committing = asyncio.create_task(connection.execute("INSERT INTO commits VALUES (1)"))
        await asyncio.sleep(5 * SOON)
        assert not committing.done()
        server.ask("ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()")
        await committing


@pytest.fixture
def jobs(line: Line, monkeypatch: pytest.MonkeyPatch) -> procrastinate.App:
    """What works the jobs off, over the line."""
    monkeypatch.setattr(WatchedConnection, "silent_after", SOON)
    return build_worker_app(f"postgresql://qiatan@127.0.0.1:{line.port}/qiatan", [], cast("Any", None))


async def test_jobs_go_on_over_a_new_connection_when_the_old_one_has_fallen_silent(line: Line, jobs: procrastinate.App) -> None:
    async with jobs.open_async():
        connector = cast("procrastinate.PsycopgConnector", jobs.connector)
        before = await connector.execute_query_one_async("SELECT pg_backend_pid() AS backend")
        line.swallow()
        after = await connector.execute_query_one_async("SELECT pg_backend_pid() AS backend")
    assert after != before


async def test_a_look_for_jobs_that_is_never_answered_fails(line: Line, jobs: procrastinate.App) -> None:
    async with jobs.open_async():
        looking = asyncio.create_task(jobs.connector.execute_query_async("SELECT pg_sleep(0.2)"))
        await asyncio.sleep(0.1)  # it has reached the server, and is answered later
        line.swallow()
        with pytest.raises(ConnectorException):
            await looking
