"""Alembic's environment; `qiatan.infra.db.migrate` holds the lock that lets only one process in here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from sqlalchemy import Connection, create_engine, text

import qiatan
from qiatan.entrypoints.tables import metadata

_NOTE = text("INSERT INTO schema_steps (revision, phase, program) VALUES (:revision, :phase, :program) ON CONFLICT (revision) DO NOTHING")


def ours(name: str | None, kind: str, parents: object) -> bool:
    """procrastinate brings its own tables; comparing models and database is about ours."""
    return kind != "table" or name is None or not name.startswith("procrastinate_")


def note(ctx: MigrationContext, step: MigrationInfo, heads: Collection[Any], run_args: Mapping[str, Any]) -> None:
    """Write into the step's own transaction that it has run; once there is a table for that, also what ran before there was one."""
    connection = ctx.connection
    if connection is None or connection.execute(text("SELECT to_regclass('schema_steps')")).scalar_one() is None:
        return
    known = {row[0] for row in connection.execute(text("SELECT revision FROM schema_steps"))}
    for script in context.script.iterate_revisions(step.up_revision_id, "base"):
        if script.revision not in known:
            connection.execute(_NOTE, {"revision": script.revision, "phase": script.module.phase, "program": qiatan.__version__})


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
        on_version_apply=note,
    )
    with context.begin_transaction():
        context.run_migrations()


engine = create_engine(context.config.attributes["url"])
with engine.connect() as opened:
    run(opened)
engine.dispose()
