"""One embedded PostgreSQL for the whole test run, one database for each xdist worker.

The process that leads the run starts the server and migrates the database `qiatan` once; each worker copies that one as its own.
The database is left to the server, which goes with its directory at the end.
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from qiatan.infra.db.migrate import upgrade
from qiatan.infra.postgres import EmbeddedPostgres, make_scratch_dir
from qiatan.infra.postgres.cluster import SUPERUSER

_OF_TESTS = """
    SELECT relname FROM pg_class AS tables
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
      AND (relname IN ('enterprises', 'tries', 'nodes', 'backups')
        OR relname IN ('procrastinate_jobs', 'procrastinate_events', 'procrastinate_periodic_defers')
        OR EXISTS (SELECT FROM pg_attribute WHERE attrelid = tables.oid AND attname = 'enterprise_id' AND NOT attisdropped))
    ORDER BY relname"""
"""All that names an enterprise (test_tenants proves that each does); the tries that are counted by address, which tests share; and what is
of the installation and would be counted, or worked off, by a later test."""


class TestServer:
    """PostgreSQL without flushes, in a directory that is removed at the end."""

    __test__ = False

    def __init__(self) -> None:
        self._directory: Path | None = None
        self._postgres: EmbeddedPostgres | None = None
        self.url = ""

    def start(self) -> str:
        """Start and migrate; returns the address of the database to copy. Call it on the main thread."""
        self._directory = make_scratch_dir()
        self._postgres = EmbeddedPostgres(self._directory, durable=False, max_connections=200)
        self.url = asyncio.run(self._postgres.start())
        upgrade(self.url)
        return self.url

    def stop(self) -> None:
        if self._postgres is not None:
            asyncio.run(self._postgres.stop())
            self._postgres = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None


def copy_database(url: str, name: str) -> str:
    """A fresh copy of the migrated database, under the name; returns its address."""
    template = make_url(url).database or ""
    with psycopg.connect(elsewhere(url, "postgres"), autocommit=True) as connection:
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        connection.execute(copy)
    return elsewhere(url, name)


def elsewhere(url: str, database: str) -> str:
    """The same server's address with another database."""
    return make_url(url).set(database=database).render_as_string(hide_password=False)


class Broom:
    """Removes every enterprise of one database with all that is theirs, and what tests left of jobs, nodes and backups, as a superuser
    and past the tables' own triggers.

    What a test leaves behind has no reader, but a price: the sweeps and timers of each application that starts look at all who wait.
    """

    def __init__(self, url: str) -> None:
        superuser = make_url(url).set(username=SUPERUSER).render_as_string(hide_password=False)
        self._connection = psycopg.connect(superuser, autocommit=True, options="-c session_replication_role=replica -c lock_timeout=500ms")
        named = self._connection.execute(_OF_TESTS).fetchall()
        self._sweep = sql.SQL("; ").join(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)) for (name,) in named)

    def sweep(self) -> None:
        """What a background task of the test still holds stays for the next sweep: the task cannot go on while this one waits."""
        with suppress(psycopg.errors.LockNotAvailable):
            self._connection.execute(self._sweep)

    def close(self) -> None:
        self._connection.close()
