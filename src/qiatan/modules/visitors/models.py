"""Tables of visitors."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base, TenantRow

_CUSTOMER = ["customers.enterprise_id", "customers.id"]
_CHANNEL = ["channels.enterprise_id", "channels.id"]


class TokenRow(TenantRow, Base):
    """A visitor's token, of which only the SHA-256 is known here."""

    __tablename__ = "visitor_tokens"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "channel_id"], _CHANNEL),
        ForeignKeyConstraint(["enterprise_id", "customer_id"], _CUSTOMER, ondelete="CASCADE"),
        CheckConstraint("octet_length(token_hash) = 32", name="hash_length"),
        Index("uq_visitor_tokens_hash", "token_hash", unique=True),
        Index("ix_visitor_tokens_expires_at", "expires_at"),
        Index("ix_visitor_tokens_customer", "enterprise_id", "customer_id"),
    )

    channel_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    replaced_at: Mapped[datetime | None]


class VisitRow(TenantRow, Base):
    """A stay on the site. Everything but the times and the address is the browser's word."""

    __tablename__ = "visits"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "channel_id"], _CHANNEL),
        ForeignKeyConstraint(["enterprise_id", "customer_id"], _CUSTOMER, ondelete="CASCADE"),
        CheckConstraint("device IN ('desktop', 'phone', 'tablet', 'bot')", name="device"),
        Index("ix_visits_latest_of_customer", "enterprise_id", "customer_id", "last_seen_at"),
    )

    customer_id: Mapped[UUID]
    channel_id: Mapped[UUID]
    page_url: Mapped[str | None] = mapped_column(Text)
    page_title: Mapped[str | None] = mapped_column(Text)
    landing_url: Mapped[str | None] = mapped_column(Text)
    referrer: Mapped[str | None] = mapped_column(Text)
    user_agent: Mapped[str | None] = mapped_column(Text)
    browser: Mapped[str | None] = mapped_column(Text)
    os: Mapped[str | None] = mapped_column(Text)
    device: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str | None] = mapped_column(Text)
    timezone: Mapped[str | None] = mapped_column(Text)
    screen: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    region: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    # The pages gone through, oldest first, as `VisitPage`. Read where it is shown; most of who reads a visit decides something by it.
    track: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"), deferred=True)
