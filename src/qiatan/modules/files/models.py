"""The table of files."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base, TenantRow


class FileRow(TenantRow, Base):
    """A kept picture. No foreign keys to who sent it and where it went: those tables lie above this module or beside it."""

    __tablename__ = "files"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),
        CheckConstraint("uploader_kind IN ('agent', 'customer')", name="uploader_kind"),
        CheckConstraint("char_length(name) BETWEEN 1 AND 120", name="name_length"),
        CheckConstraint("size > 0 AND width > 0 AND height > 0", name="measures"),
        CheckConstraint(
            "(conversation_id IS NULL) = (attached_at IS NULL) AND (client_message_id IS NULL) = (attached_at IS NULL)",
            name="attached_whole",
        ),
        Index("ix_files_unattached", "created_at", postgresql_where=text("attached_at IS NULL")),
        Index(
            "ix_files_unattached_of_uploader",
            "enterprise_id",
            "uploader_id",
            "created_at",
            postgresql_where=text("attached_at IS NULL"),
        ),
    )

    uploader_kind: Mapped[str] = mapped_column(Text)
    uploader_id: Mapped[UUID]
    conversation_id: Mapped[UUID | None]
    client_message_id: Mapped[UUID | None]
    blob: Mapped[str] = mapped_column(Text)
    thumb_blob: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    content_type: Mapped[str] = mapped_column(Text)
    size: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    created_at: Mapped[datetime]
    attached_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
