"""Bring a database from any released version to the newest, in one command, with nobody else migrating meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import structlog

import qiatan
from qiatan.infra.db.database import driver_url

if TYPE_CHECKING:
    from alembic.config import Config

log = structlog.get_logger(__name__)

MINIMUM_VERSION = 150000
# Any constant serves; this one is ours ("qiatan" read as digits of a phone pad).
_MIGRATION_LOCK = 742826


class UnfitDatabase(RuntimeError):
    """This database cannot be used; the message says why and what to do."""


class DatabaseTooOld(UnfitDatabase):
    """The database server is too old."""


class DatabaseTooNew(UnfitDatabase):
    """The database was migrated by a newer Qiatan."""


def migrations_folder() -> Path:
    """The migrations: inside the installed package, or beside `src` in a checkout."""
    package = Path(qiatan.__file__).parent
    packaged = package / "migrations"
    return packaged if packaged.is_dir() else package.parents[1] / "migrations"


def configuration(url: str) -> Config:
    """Alembic's configuration for a database; importing Alembic costs time and memory that most starts do not need."""
    from alembic.config import Config  # noqa: PLC0415 -- see above

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.attributes["url"] = driver_url(url)
    return config


def head() -> str:
    """The newest revision this program knows. Revisions are numbers in a row; files are named by them (a test holds that)."""
    return max(path.name.partition("_")[0] for path in (migrations_folder() / "versions").glob("[0-9]*_*.py"))


def current(connection: psycopg.Connection[Any]) -> str | None:
    """The revision a database is at; None for an empty one."""
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else None


def upgrade(url: str) -> None:
    """Migrate to the newest revision.

    Waits for another process that is migrating (advisory lock), then finds nothing left to do.

    Raises:
        DatabaseTooOld: below PostgreSQL 15; the message names the version found and the remedy.
        DatabaseTooNew: a newer Qiatan has migrated it; nothing was changed.
    """
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        version = connection.info.server_version
        if version < MINIMUM_VERSION:
            raise DatabaseTooOld(
                f"PostgreSQL {version // 10000} is too old: 15 or newer is needed. Upgrade the server, "
                "or unset DATABASE_URL to use the embedded PostgreSQL."
            )
        found = current(connection)
        if found == head():
            return
        if found is not None and found > head():
            raise DatabaseTooNew(f"the database is at revision {found}, this Qiatan knows {head()}: start the newer Qiatan that made it so")
        connection.execute("SELECT pg_advisory_lock(%s)", (_MIGRATION_LOCK,))
        if current(connection) != head():
            _run(url)


def _run(url: str) -> None:
    from alembic import command  # noqa: PLC0415 -- see `configuration`

    log.info("database.migrating", to=head())
    command.upgrade(configuration(url), "head")
