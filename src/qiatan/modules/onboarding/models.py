"""The table of what is remembered: the rest is seen in what is there."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base


class OnboardingRow(Base):
    """None for an enterprise that has left out nothing and whose site was not found yet."""

    __tablename__ = "onboarding"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),
        CheckConstraint("cardinality(skipped) <= 20", name="few_steps"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    skipped: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'"))
    site_found_at: Mapped[datetime | None]
