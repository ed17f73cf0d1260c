"""Backups that were made, and which steps this schema has been through.

Two tables of the whole installation; nothing older uses them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from qiatan.infra.db.roles import SYSTEM

revision = "0019"
down_revision = "0017"
branch_labels = None
depends_on = None
phase = "before"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "schema_steps",
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("revision", name="pk_schema_steps"),
        sa.CheckConstraint("phase IN ('before', 'after')", name=op.f("ck_schema_steps_phase")),
    )
    op.create_table(
        "backups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("due_at", _TIME, nullable=True),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("ok", sa.Boolean(), nullable=True),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_backups"),
        sa.CheckConstraint("(ok IS NULL) = (ended_at IS NULL)", name=op.f("ck_backups_ended_says_how")),
        sa.CheckConstraint("(error IS NOT NULL) = (ok IS NOT DISTINCT FROM false)", name=op.f("ck_backups_failed_says_why")),
    )
    op.create_index("backups_newest", "backups", ["started_at"])
    op.create_index("backups_of_turn", "backups", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    # Of no enterprise, so the role that sees one enterprise sees none of it; what runs jobs and answers operators does.
    for table in ("schema_steps", "backups"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY all_enterprises ON {table} TO {SYSTEM} USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT ON schema_steps TO {SYSTEM}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON backups TO {SYSTEM}")
