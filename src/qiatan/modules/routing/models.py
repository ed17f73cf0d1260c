"""Tables."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base


class PresenceRow(Base):
    """`lease_until` is renewed while a page of the agent is connected; a process that dies lets it lapse."""

    __tablename__ = "agent_presence"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "agent_id"], ["agents.enterprise_id", "agents.id"], ondelete="CASCADE"),
        CheckConstraint("status IN ('online', 'away', 'offline')", name="status"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(Text)
    lease_until: Mapped[datetime]
    last_assigned_at: Mapped[datetime | None]
