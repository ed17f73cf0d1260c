"""The tables of files."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base, TenantRow


class FileRow(TenantRow, Base):
    """A kept picture or file. No foreign keys to who sent it and where it went: those tables lie above this module or beside it.

    `expires_at`: from then on nobody can read it; `emptied_at`: its content was given up. Pictures stay.
    """

    __tablename__ = "files"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),
        CheckConstraint("uploader_kind IN ('agent', 'customer')", name="uploader_kind"),
        CheckConstraint("char_length(name) BETWEEN 1 AND 120", name="name_length"),
        CheckConstraint("kind IN ('picture', 'file')", name="kind"),
        CheckConstraint(
            "size > 0 AND CASE kind WHEN 'picture' THEN coalesce(width > 0 AND height > 0, false) ELSE width IS NULL AND height IS NULL END",
            name="measures",
        ),
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
        Index("ix_files_expiring", "expires_at", postgresql_where=text("expires_at IS NOT NULL AND emptied_at IS NULL")),
    )

    kind: Mapped[str] = mapped_column(Text, server_default="picture")
    uploader_kind: Mapped[str] = mapped_column(Text)
    uploader_id: Mapped[UUID]
    conversation_id: Mapped[UUID | None]
    client_message_id: Mapped[UUID | None]
    blob: Mapped[str] = mapped_column(Text)
    thumb_blob: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    content_type: Mapped[str] = mapped_column(Text)
    size: Mapped[int]
    risky: Mapped[bool] = mapped_column(server_default=text("false"))
    width: Mapped[int | None]
    height: Mapped[int | None]
    created_at: Mapped[datetime]
    attached_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    emptied_at: Mapped[datetime | None]


class UploadRow(TenantRow, Base):
    """A file on its way up, in parts of which each is kept whole. Rows stay until they lapse: what was sent counts towards the quota."""

    __tablename__ = "uploads"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),
        CheckConstraint("uploader_kind IN ('agent', 'customer')", name="uploader_kind"),
        CheckConstraint("char_length(name) BETWEEN 1 AND 120", name="name_length"),
        CheckConstraint("size > 0 AND received BETWEEN 0 AND size", name="measures"),
        Index("ix_uploads_of_uploader", "enterprise_id", "uploader_id", "created_at"),
        Index("ix_uploads_expiring", "expires_at"),
    )

    uploader_kind: Mapped[str] = mapped_column(Text)
    uploader_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(Text)
    size: Mapped[int]
    received: Mapped[int]
    parts: Mapped[list[str]] = mapped_column(ARRAY(Text))
    file_id: Mapped[UUID | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    cancelled_at: Mapped[datetime | None]


class SentRow(Base):
    """How many bytes came from a source (agents, visitors, an address, somebody's pictures) in an hour. What is older than a day goes."""

    __tablename__ = "sent_bytes"
    __table_args__ = (ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]), Index("ix_sent_bytes_hour", "hour"))

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(Text, primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    bytes: Mapped[int] = mapped_column(BigInteger)
