"""Visitors' tokens and visits.

Deploy order: before the new code; it only adds tables.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from qiatan.infra.db.ddl import protect

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
phase = "before"

_CUSTOMER = ["customers.enterprise_id", "customers.id"]
_CHANNEL = ["channels.enterprise_id", "channels.id"]


def upgrade() -> None:
    op.create_table(
        "visitor_tokens",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_visitor_tokens"),
        sa.ForeignKeyConstraint(["enterprise_id", "channel_id"], _CHANNEL, name="fk_visitor_tokens_channels"),
        sa.ForeignKeyConstraint(["enterprise_id", "customer_id"], _CUSTOMER, name="fk_visitor_tokens_customers", ondelete="CASCADE"),
        sa.CheckConstraint("octet_length(token_hash) = 32", name=op.f("ck_visitor_tokens_hash_length")),
    )
    op.create_index("uq_visitor_tokens_hash", "visitor_tokens", ["token_hash"], unique=True)
    op.create_index("ix_visitor_tokens_expires_at", "visitor_tokens", ["expires_at"])
    op.create_index("ix_visitor_tokens_customer", "visitor_tokens", ["enterprise_id", "customer_id"])
    protect(op, "visitor_tokens")
    texts = (
        "page_url", "page_title", "landing_url", "referrer", "user_agent", "browser", "os", "device",
        "language", "timezone", "screen", "address",
    )  # fmt: skip
    op.create_table(
        "visits",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Text()) for name in texts),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_visits"),
        sa.ForeignKeyConstraint(["enterprise_id", "channel_id"], _CHANNEL, name="fk_visits_channels"),
        sa.ForeignKeyConstraint(["enterprise_id", "customer_id"], _CUSTOMER, name="fk_visits_customers", ondelete="CASCADE"),
        sa.CheckConstraint("device IN ('desktop', 'phone', 'tablet', 'bot')", name=op.f("ck_visits_device")),
    )
    op.create_index("ix_visits_latest_of_customer", "visits", ["enterprise_id", "customer_id", "last_seen_at"])
    protect(op, "visits")
