"""Answers to calls that carry a key, for those that come again.

Only adds. An older program beside it knows no keys, and makes each call as if it were the first, as it always did.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from qiatan.infra.db.ddl import protect

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None
phase = "before"


def upgrade() -> None:
    op.create_table(
        "given_answers",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("asked", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "caller_id", "key", name="pk_given_answers"),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name="fk_given_answers_enterprises"),
    )
    op.create_index("ix_given_answers_of_caller", "given_answers", ["enterprise_id", "caller_id", "given_at"])
    op.create_index("ix_given_answers_given_at", "given_answers", ["given_at"])
    protect(op, "given_answers")
