"""Tables: who is signed in, one-time links, what a sign-in that is under way remembers."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base, TenantRow
from qiatan.modules.accounts.models.people import AGENT


class SessionRow(TenantRow, Base):
    """A browser that is signed in. The token itself is only in the browser's cookie."""

    __tablename__ = "sessions"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "agent_id"], AGENT, ondelete="CASCADE"),
        Index("uq_sessions_token_hash", "token_hash", unique=True),
        Index("ix_sessions_by_agent", "enterprise_id", "agent_id", "created_at"),
        Index("ix_sessions_expiry", "expires_at"),
    )

    agent_id: Mapped[UUID]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    method: Mapped[str] = mapped_column(String(10), server_default="password")
    address: Mapped[str] = mapped_column(String(64))
    region: Mapped[str] = mapped_column(String(120), server_default="")
    user_agent: Mapped[str] = mapped_column(String(300))


class OneTimeLinkRow(TenantRow, Base):
    """A link that lets its holder join (`invitation`), sign in (`sign_in`) or set a new password (`reset`), once.

    `email` is the address it was made for: it is worth nothing once the account has another one. `made_by` is the account, or the API
    key, whose right made it; nobody where the owner asked for it, or whoever runs the installation.
    """

    __tablename__ = "one_time_links"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "agent_id"], AGENT, ondelete="CASCADE"),
        CheckConstraint("purpose IN ('invitation', 'sign_in', 'reset')", name="purpose"),
        Index("uq_one_time_links_token_hash", "token_hash", unique=True),
        Index(
            "uq_one_time_links_one_living_per_purpose",
            "enterprise_id",
            "agent_id",
            "purpose",
            unique=True,
            postgresql_where=text("used_at IS NULL"),
        ),
        Index("ix_one_time_links_expiry", "expires_at"),
    )

    agent_id: Mapped[UUID]
    purpose: Mapped[str] = mapped_column(String(10))
    email: Mapped[str] = mapped_column(String(254))
    made_by: Mapped[UUID | None]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ChallengeRow(TenantRow, Base):
    """A sign-in, or the adding of a passkey, that waits for its next step; known by the token its browser holds."""

    __tablename__ = "challenges"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "agent_id"], AGENT, ondelete="CASCADE"),
        CheckConstraint("purpose IN ('second_factor', 'passkey', 'oidc')", name="purpose"),
        Index("uq_challenges_token_hash", "token_hash", unique=True),
        Index("ix_challenges_expiry", "expires_at"),
        Index("ix_challenges_by_agent", "enterprise_id", "agent_id"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), primary_key=True, sort_order=-2)
    agent_id: Mapped[UUID | None]
    purpose: Mapped[str] = mapped_column(String(20))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    data: Mapped[dict[str, Any]]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
