"""The table of push subscriptions."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base


class SubscriptionRow(Base):
    """Where the browser of a session lets itself be called. It goes with the session."""

    __tablename__ = "push_subscriptions"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "session_id"], ["sessions.enterprise_id", "sessions.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["enterprise_id", "agent_id"], ["agents.enterprise_id", "agents.id"], ondelete="CASCADE"),
        CheckConstraint("char_length(endpoint) BETWEEN 1 AND 1000", name="endpoint_length"),
        Index("uq_push_subscriptions_endpoint", "enterprise_id", "endpoint", unique=True),
        Index("ix_push_subscriptions_by_agent", "enterprise_id", "agent_id"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID]
    endpoint: Mapped[str] = mapped_column(Text)
    p256dh: Mapped[str] = mapped_column(Text)
    auth: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
