"""Tables: where people may sign in from, who did, what was changed, keys for programs."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base, TenantRow
from qiatan.modules.accounts.models.people import AGENT, ROLE


class LoginPolicyRow(Base):
    """From where the members of some roles may sign in (F02). Regions are codes like `CN/广东省/深圳市`."""

    __tablename__ = "login_policies"
    __table_args__ = (ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),)

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    enabled: Mapped[bool] = mapped_column(server_default=text("false"))
    regions: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'"))
    version: Mapped[int] = mapped_column(server_default=text("1"))


class LoginPolicyRoleRow(Base):
    """A role whose members are restricted."""

    __tablename__ = "login_policy_roles"
    __table_args__ = (ForeignKeyConstraint(["enterprise_id", "role_id"], ROLE, ondelete="CASCADE"),)

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    role_id: Mapped[UUID] = mapped_column(primary_key=True)


class TrustedAddressRow(TenantRow, Base):
    """Addresses from which everybody may sign in: `first` alone, a network in CIDR notation, or `first` to `last`."""

    __tablename__ = "trusted_addresses"

    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), primary_key=True, sort_order=-2)
    first: Mapped[str] = mapped_column(String(64))
    last: Mapped[str | None] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(String(60), server_default="")
    position: Mapped[int]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class LoginEntryRow(TenantRow, Base):
    """A sign-in that was let in or turned away, or a session that was ended because its place is no longer allowed."""

    __tablename__ = "login_log"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "agent_id"], AGENT, ondelete="CASCADE"),
        Index("ix_login_log_newest_first", "enterprise_id", "at", "id"),
        Index("ix_login_log_by_agent", "enterprise_id", "agent_id", "at", "id"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), primary_key=True, sort_order=-2)
    at: Mapped[datetime]
    agent_id: Mapped[UUID]
    address: Mapped[str] = mapped_column(String(64))
    region: Mapped[str] = mapped_column(String(120))
    device: Mapped[str] = mapped_column(String(120))
    method: Mapped[str] = mapped_column(String(10))
    allowed: Mapped[bool]
    reason: Mapped[str] = mapped_column(String(30))


class AuditHeadRow(Base):
    """The end of an enterprise's audit chain; its row lock puts the entries in order."""

    __tablename__ = "audit_heads"
    __table_args__ = (ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),)

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class AuditEntryRow(Base):
    """One thing somebody did. Never changed nor deleted: the database refuses it. `hash` covers the row and the hash before it."""

    __tablename__ = "audit_log"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),
        Index("ix_audit_log_by_actor", "enterprise_id", "actor_id", "seq"),
        Index("ix_audit_log_by_subject", "enterprise_id", "subject_kind", "subject_id", "seq"),
        Index("ix_audit_log_by_action", "enterprise_id", "action", "seq"),
        Index("ix_audit_log_by_time", "enterprise_id", "at", "seq"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime]
    actor_kind: Mapped[str] = mapped_column(String(10))
    actor_id: Mapped[UUID | None]
    address: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(60))
    subject_kind: Mapped[str | None] = mapped_column(String(30))
    subject_id: Mapped[UUID | None]
    subject_name: Mapped[str | None] = mapped_column(String(254))
    details: Mapped[dict[str, Any]]
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class ApiKeyRow(TenantRow, Base):
    """A key for a program. Its secret is shown once and kept as a hash; revoked keys stay, so that the log can name them."""

    __tablename__ = "api_keys"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "created_by"], AGENT),
        CheckConstraint("cardinality(points) > 0", name="points"),
        Index("uq_api_keys_secret_hash", "secret_hash", unique=True),
        Index("ix_api_keys_in_order_of_creation", "enterprise_id", "created_at", "id"),
    )

    name: Mapped[str] = mapped_column(String(60))
    prefix: Mapped[str] = mapped_column(String(12))
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    points: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    created_by: Mapped[UUID]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
