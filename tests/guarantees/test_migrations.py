from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from qiatan.entrypoints.tables import metadata
from qiatan.infra.db import migrate
from qiatan.infra.db.database import driver_url
from tests.support.postgres import elsewhere


@pytest.fixture
def blank(postgres_url: str) -> str:
    """A database in which nothing was ever done."""
    name = f"blank_{uuid4().hex}"
    with psycopg.connect(elsewhere(postgres_url, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return elsewhere(postgres_url, name)


def test_models_and_database_agree(database_url: str) -> None:
    engine = create_engine(driver_url(database_url))
    with engine.connect() as connection:
        options = {
            "compare_type": True,
            "include_name": lambda name, kind, _: kind != "table" or not str(name).startswith("procrastinate_"),
        }
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, metadata)
    engine.dispose()

    assert differences == []


def test_two_processes_may_migrate_at_once_and_a_third_finds_nothing_to_do(blank: str) -> None:
    with ThreadPoolExecutor() as threads:
        both = [threads.submit(migrate.upgrade, blank) for _ in range(2)]
        assert {upgrade.result(60).target for upgrade in both} == {migrate.head(), None}
    before = _fingerprint(blank)
    assert migrate.upgrade(blank) == migrate.Plan(None)

    assert _fingerprint(blank) == before
    assert before[0] == [(migrate.head(),)]


def _fingerprint(url: str) -> tuple[list[Any], list[Any]]:
    with psycopg.connect(url) as connection:
        revision = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        tables = connection.execute("SELECT oid, relname, relfilenode FROM pg_class WHERE relkind IN ('r', 'i') ORDER BY oid").fetchall()
    return revision, tables


def test_a_database_that_is_too_old_is_refused_and_left_alone(blank: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "MINIMUM_VERSION", 990000)

    with pytest.raises(migrate.DatabaseTooOld, match=r"is too old: 15 or newer is needed\. Upgrade the server"):
        migrate.upgrade(blank)

    with psycopg.connect(blank) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_a_migration_waits_for_nobody_for_long(database_url: str) -> None:
    """Behind a waiting ALTER TABLE everybody would queue: the environment sets a lock timeout."""
    source = (migrate.migrations_folder() / "env.py").read_text()

    assert "lock_timeout = '5s'" in source
    engine = create_engine(driver_url(database_url))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [migrate.head()]
    engine.dispose()
