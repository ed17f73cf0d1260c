"""Table: what agents prefer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base
from qiatan.modules.accounts.models.people import AGENT


class PreferencesRow(Base):
    """One agent's preferences as they were saved last (`contracts.Preferences`). No row: the defaults."""

    __tablename__ = "agent_preferences"
    __table_args__ = (ForeignKeyConstraint(["enterprise_id", "agent_id"], AGENT, ondelete="CASCADE"),)

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(primary_key=True)
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB)
    version: Mapped[int] = mapped_column(server_default=text("1"))
