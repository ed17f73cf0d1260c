"""Customers.

Deploy order: before the new code; it only adds a table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from qiatan.infra.db.ddl import protect

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
phase = "before"


def upgrade() -> None:
    op.create_table(
        "customers",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_customers"),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name="fk_customers_enterprises"),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 60", name=op.f("ck_customers_name_length")),
    )
    protect(op, "customers")
