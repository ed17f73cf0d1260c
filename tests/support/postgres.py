"""One embedded PostgreSQL for the whole test run, one database for each xdist worker.

The process that leads the run starts the server and migrates the database `qiatan` once; each worker copies that one as its own.
The database is left to the server, which goes with its directory at the end.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from qiatan.infra.db.migrate import upgrade
from qiatan.infra.postgres import EmbeddedPostgres, make_scratch_dir


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
