"""Enterprises, agents, groups, sessions, one-time links."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from qiatan.infra.db.ddl import protect

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
phase = "before"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "enterprises",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("timezone", sa.String(64), server_default="Asia/Shanghai", nullable=False),
        sa.Column("locale", sa.String(10), server_default="zh-CN", nullable=False),
        sa.Column("typing_preview", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_enterprises"),
    )
    _agents()
    _groups()
    _sessions()
    protect(op, "enterprises", column="id")
    for table in ("agents", "groups", "group_members", "agent_scope_groups", "sessions", "one_time_links"):
        protect(op, table)


def _agents() -> None:
    op.create_table(
        "agents",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("public_name", sa.String(60), server_default="", nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=True),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("scope_kind", sa.String(10), nullable=False),
        sa.Column("max_conversations", sa.Integer(), server_default=sa.text("10"), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("avatar", sa.String(41), nullable=True),
        sa.Column("locale", sa.String(10), server_default="zh-CN", nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_agents"),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name="fk_agents_enterprises"),
        sa.CheckConstraint("role IN ('admin', 'agent')", name=op.f("ck_agents_role")),
        sa.CheckConstraint("scope_kind IN ('self', 'groups', 'all')", name=op.f("ck_agents_scope_kind")),
        sa.CheckConstraint("max_conversations BETWEEN 0 AND 500", name=op.f("ck_agents_max_conversations")),
    )
    op.create_index("uq_agents_one_account_per_email", "agents", [sa.text("lower(email)")], unique=True)
    op.create_index("ix_agents_in_order_of_creation", "agents", ["enterprise_id", "created_at", "id"])
    op.create_index("uq_agents_avatar", "agents", ["avatar"], unique=True, postgresql_where=sa.text("avatar IS NOT NULL"))


def _groups() -> None:
    op.create_table(
        "groups",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_groups"),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name="fk_groups_enterprises"),
    )
    op.create_index("uq_groups_one_per_name", "groups", ["enterprise_id", sa.text("lower(name)")], unique=True)
    op.create_index("ix_groups_in_order_of_creation", "groups", ["enterprise_id", "created_at", "id"])
    for table, first, second, index, by in (
        ("group_members", "group_id", "agent_id", "ix_group_members_by_agent", "agent_id"),
        ("agent_scope_groups", "agent_id", "group_id", "ix_agent_scope_groups_by_group", "group_id"),
    ):
        op.create_table(
            table,
            sa.Column("enterprise_id", sa.Uuid(), nullable=False),
            sa.Column(first, sa.Uuid(), nullable=False),
            sa.Column(second, sa.Uuid(), nullable=False),
            sa.PrimaryKeyConstraint("enterprise_id", first, second, name=f"pk_{table}"),
            sa.ForeignKeyConstraint(
                ["enterprise_id", "group_id"], ["groups.enterprise_id", "groups.id"], name=f"fk_{table}_groups", ondelete="CASCADE"
            ),
            _to_agents(table),
        )
        op.create_index(index, table, ["enterprise_id", by])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_seen_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("user_agent", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_sessions"),
        _to_agents("sessions"),
    )
    op.create_index("uq_sessions_token_hash", "sessions", ["token_hash"], unique=True)
    op.create_index("ix_sessions_by_agent", "sessions", ["enterprise_id", "agent_id", "created_at"])
    op.create_index("ix_sessions_expiry", "sessions", ["expires_at"])
    op.create_table(
        "one_time_links",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(10), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_one_time_links"),
        sa.CheckConstraint("purpose IN ('invitation', 'sign_in')", name=op.f("ck_one_time_links_purpose")),
        _to_agents("one_time_links"),
    )
    op.create_index("uq_one_time_links_token_hash", "one_time_links", ["token_hash"], unique=True)
    op.create_index(
        "uq_one_time_links_one_living_per_purpose",
        "one_time_links",
        ["enterprise_id", "agent_id", "purpose"],
        unique=True,
        postgresql_where=sa.text("used_at IS NULL"),
    )
    op.create_index("ix_one_time_links_expiry", "one_time_links", ["expires_at"])


def _to_agents(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["enterprise_id", "agent_id"], ["agents.enterprise_id", "agents.id"], name=f"fk_{table}_agents", ondelete="CASCADE"
    )
