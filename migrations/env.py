"""Alembic's environment: runs on the connection `qiatan migrate` hands over, or opens one for developers' commands."""

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


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = create_engine(context.config.attributes["url"])
    with engine.connect() as opened:
        run(opened)
