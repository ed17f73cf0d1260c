"""Tables: enterprises, roles, agents, groups."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base, TenantRow

AGENT = ["agents.enterprise_id", "agents.id"]
ROLE = ["roles.enterprise_id", "roles.id"]
_GROUP = ["groups.enterprise_id", "groups.id"]


class EnterpriseRow(Base):
    """A tenant. Its own id is what row-level security compares."""

    __tablename__ = "enterprises"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    timezone: Mapped[str] = mapped_column(String(64), server_default="Asia/Shanghai")
    locale: Mapped[str] = mapped_column(String(10), server_default="zh-CN")
    typing_preview: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime]


class RoleRow(TenantRow, Base):
    """A set of permission points. What the built-in ones hold is computed, not stored: it grows with the modules."""

    __tablename__ = "roles"
    __table_args__ = (
        CheckConstraint("builtin IN ('admin', 'agent')", name="builtin"),
        Index("uq_roles_one_per_name", "enterprise_id", func.lower(text("name")), unique=True),
        Index("uq_roles_builtin", "enterprise_id", "builtin", unique=True, postgresql_where=text("builtin IS NOT NULL")),
        Index("ix_roles_in_order_of_creation", "enterprise_id", "created_at", "id"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), primary_key=True, sort_order=-2)
    name: Mapped[str] = mapped_column(String(60))
    builtin: Mapped[str | None] = mapped_column(String(10))
    points: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'"))
    requires_two_factor: Mapped[bool] = mapped_column(server_default=text("false"))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime]


UNUSABLE = "!"
"""Stored in place of a password's hash: the account has joined, and no password opens it."""


class AgentRow(TenantRow, Base):
    """An account. Pending until its invitation was accepted, which is when it gets a password."""

    __tablename__ = "agents"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "role_id"], ROLE),
        CheckConstraint("visitor_region_mode IN ('all', 'only', 'except')", name="visitor_region_mode"),
        CheckConstraint("scope_kind IN ('self', 'groups', 'all')", name="scope_kind"),
        CheckConstraint("max_conversations BETWEEN 0 AND 500", name="max_conversations"),
        Index("uq_agents_one_account_per_email", func.lower(text("email")), unique=True),
        Index("ix_agents_by_role", "enterprise_id", "role_id"),
        Index("ix_agents_in_order_of_creation", "enterprise_id", "created_at", "id"),
        Index("uq_agents_avatar", "avatar", unique=True, postgresql_where=text("avatar IS NOT NULL")),
    )

    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), primary_key=True, sort_order=-2)
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(60))
    public_name: Mapped[str] = mapped_column(String(60), server_default="")
    password_hash: Mapped[str | None] = mapped_column(String(200))
    staff_number: Mapped[str] = mapped_column(String(20), server_default="")
    role_id: Mapped[UUID]
    scope_kind: Mapped[str] = mapped_column(String(10))
    visitor_region_mode: Mapped[str] = mapped_column(String(10), server_default="all")
    visitor_regions: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'"))
    max_conversations: Mapped[int] = mapped_column(server_default=text("10"))
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    avatar: Mapped[str | None] = mapped_column(String(41))
    locale: Mapped[str] = mapped_column(String(10), server_default="zh-CN")
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime]


class GroupRow(TenantRow, Base):
    __tablename__ = "groups"
    __table_args__ = (
        Index("uq_groups_one_per_name", "enterprise_id", func.lower(text("name")), unique=True),
        Index("ix_groups_in_order_of_creation", "enterprise_id", "created_at", "id"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), primary_key=True, sort_order=-2)
    name: Mapped[str] = mapped_column(String(60))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime]


class GroupMemberRow(Base):
    """An agent works in a group."""

    __tablename__ = "group_members"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "group_id"], _GROUP, ondelete="CASCADE"),
        ForeignKeyConstraint(["enterprise_id", "agent_id"], AGENT, ondelete="CASCADE"),
        Index("ix_group_members_by_agent", "enterprise_id", "agent_id"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(primary_key=True)


class AgentScopeGroupRow(Base):
    """An agent's rights reach a group (where the kind of scope is `groups`)."""

    __tablename__ = "agent_scope_groups"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "agent_id"], AGENT, ondelete="CASCADE"),
        ForeignKeyConstraint(["enterprise_id", "group_id"], _GROUP, ondelete="CASCADE"),
        Index("ix_agent_scope_groups_by_group", "enterprise_id", "group_id"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(primary_key=True)
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
