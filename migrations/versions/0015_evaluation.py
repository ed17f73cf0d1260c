"""What customers say of a conversation.

Deploy order: before the new code; what is added may be empty, so that older processes go on writing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from qiatan.infra.db.ddl import protect

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None
phase = "before"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("conversations", sa.Column("evaluation_invited_at", _TIME, nullable=True))
    op.add_column("conversations", sa.Column("evaluated_at", _TIME, nullable=True))
    op.create_table(
        "evaluations",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("segments", JSONB(), nullable=False),
        sa.Column("first_at", _TIME, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "conversation_id", name="pk_evaluations"),
        sa.ForeignKeyConstraint(
            ["enterprise_id", "conversation_id"],
            ["conversations.enterprise_id", "conversations.id"],
            name="fk_evaluations_conversation",
        ),
        sa.CheckConstraint("level IN ('good', 'medium', 'bad')", name=op.f("ck_evaluations_level")),
        sa.CheckConstraint("char_length(remark) <= 500", name=op.f("ck_evaluations_remark_length")),
        sa.CheckConstraint("at >= first_at", name=op.f("ck_evaluations_order")),
    )
    op.create_index("evaluations_by_time", "evaluations", ["enterprise_id", "first_at", "conversation_id"])
    protect(op, "evaluations")
