"""What an agent prefers, where push goes, and how far a new enterprise has come.

Deploy order: before the new code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from qiatan.infra.db.ddl import protect

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None
phase = "before"


def upgrade() -> None:
    _preferences()
    _onboarding()
    _push()


def _preferences() -> None:
    op.create_table(
        "agent_preferences",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("settings", JSONB(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "agent_id", name="pk_agent_preferences"),
        sa.ForeignKeyConstraint(
            ["enterprise_id", "agent_id"], ["agents.enterprise_id", "agents.id"], name="fk_agent_preferences_agents", ondelete="CASCADE"
        ),
    )
    protect(op, "agent_preferences")


def _onboarding() -> None:
    op.create_table(
        "onboarding",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("skipped", ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("site_found_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("enterprise_id", name="pk_onboarding"),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name="fk_onboarding_enterprise"),
        sa.CheckConstraint("cardinality(skipped) <= 20", name=op.f("ck_onboarding_few_steps")),
    )
    protect(op, "onboarding")


def _push() -> None:
    op.create_table(
        "push_subscriptions",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("p256dh", sa.Text(), nullable=False),
        sa.Column("auth", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "session_id", name="pk_push_subscriptions"),
        sa.ForeignKeyConstraint(
            ["enterprise_id", "session_id"],
            ["sessions.enterprise_id", "sessions.id"],
            name="fk_push_subscriptions_sessions",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["enterprise_id", "agent_id"], ["agents.enterprise_id", "agents.id"], name="fk_push_subscriptions_agents", ondelete="CASCADE"
        ),
        sa.CheckConstraint("char_length(endpoint) BETWEEN 1 AND 1000", name=op.f("ck_push_subscriptions_endpoint_length")),
    )
    op.create_index("uq_push_subscriptions_endpoint", "push_subscriptions", ["enterprise_id", "endpoint"], unique=True)
    op.create_index("ix_push_subscriptions_by_agent", "push_subscriptions", ["enterprise_id", "agent_id"])
    protect(op, "push_subscriptions")
