"""The table of customers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base, TenantRow


class CustomerRow(TenantRow, Base):
    __tablename__ = "customers"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),
        CheckConstraint("char_length(name) BETWEEN 1 AND 60", name="name_length"),
    )

    name: Mapped[str | None] = mapped_column(Text)
    vip: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    attributes: Mapped[dict[str, str]] = mapped_column("metadata", JSONB, default=dict, server_default="{}")
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
