"""Channels.

Deploy order: before the new code; it only adds a table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from qiatan.infra.db.ddl import protect

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
phase = "before"


def upgrade() -> None:
    op.create_table(
        "channels",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("is_first", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("settings", JSONB(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_channels"),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name="fk_channels_enterprises"),
        sa.CheckConstraint("kind IN ('web')", name=op.f("ck_channels_kind")),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 60", name=op.f("ck_channels_name_length")),
        sa.CheckConstraint("char_length(key) >= 22", name=op.f("ck_channels_key_length")),
    )
    op.create_index("uq_channels_key", "channels", ["key"], unique=True)
    op.create_index(
        "uq_channels_one_first_per_enterprise", "channels", ["enterprise_id"], unique=True, postgresql_where=sa.text("is_first")
    )
    protect(op, "channels")
