"""Bring a database from any released version to the newest, in one command, with nobody else migrating meanwhile."""

from __future__ import annotations

from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

import qiatan
from qiatan.infra.db.database import driver_url

log = structlog.get_logger(__name__)

MINIMUM_VERSION = 150000
# Any constant serves; this one is ours ("qiatan" read as digits of a phone pad).
_MIGRATION_LOCK = 742826


class DatabaseTooOld(RuntimeError):
    """The database server is too old."""


def migrations_folder() -> Path:
    """The migrations: inside the installed package, or beside `src` in a checkout."""
    package = Path(qiatan.__file__).parent
    packaged = package / "migrations"
    return packaged if packaged.is_dir() else package.parents[1] / "migrations"


def configuration(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.attributes["url"] = driver_url(url)
    return config


def head() -> str | None:
    """The newest revision this program knows."""
    return ScriptDirectory(str(migrations_folder())).get_current_head()


def upgrade(url: str) -> None:
    """Migrate to the newest revision.

    Waits for another process that is migrating (advisory lock), then finds nothing left to do.

    Raises:
        DatabaseTooOld: below PostgreSQL 15; the message names the version found and the remedy.
    """
    engine = create_engine(driver_url(url))
    try:
        with engine.connect() as connection:
            version = int(connection.execute(text("SHOW server_version_num")).scalar_one())
            if version < MINIMUM_VERSION:
                raise DatabaseTooOld(
                    f"PostgreSQL {version // 10000} is too old: 15 or newer is needed. Upgrade the server, "
                    "or unset DATABASE_URL to use the embedded PostgreSQL."
                )
            if MigrationContext.configure(connection).get_current_revision() == head():
                return
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            connection.commit()
            config = configuration(url)
            config.attributes["connection"] = connection
            log.info("database.migrating", to=head())
            command.upgrade(config, "head")
    finally:
        engine.dispose()
