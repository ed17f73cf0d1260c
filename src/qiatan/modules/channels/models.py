"""The table of channels."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base, TenantRow


class ChannelRow(TenantRow, Base):
    __tablename__ = "channels"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),
        CheckConstraint("kind IN ('web')", name="kind"),
        CheckConstraint("char_length(name) BETWEEN 1 AND 60", name="name_length"),
        CheckConstraint("char_length(key) >= 22", name="key_length"),
        Index("uq_channels_key", "key", unique=True),
        Index("uq_channels_one_first_per_enterprise", "enterprise_id", unique=True, postgresql_where=text("is_first")),
    )

    kind: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    enabled: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    # The channel made together with the enterprise; unique, so that making it twice is harmless.
    is_first: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    settings: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[datetime]
