"""Alembic's environment; `qiatan.infra.db.migrate` holds the lock that lets only one process in here."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine, text

from qiatan.entrypoints.tables import metadata


def ours(name: str | None, kind: str, parents: object) -> bool:
    """procrastinate brings its own tables; comparing models and database is about ours."""
    return kind != "table" or name is None or not name.startswith("procrastinate_")


def run(connection: Connection) -> None:
    # A migration that must wait for a busy table gives up instead of queueing everybody behind it.
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transaction_per_migration=True,
        compare_type=True,
        include_name=ours,
    )
    with context.begin_transaction():
        context.run_migrations()


engine = create_engine(context.config.attributes["url"])
with engine.connect() as opened:
    run(opened)
engine.dispose()
