"""The tables of pictures, and of who holds them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base, TenantRow


class PictureRow(TenantRow, Base):
    """`freed_at` is when nothing held it any more, or when it came. No foreign key to who brought it: an account may go, its pictures stay.

    `sent_at`: sent before messages held their pictures; it stays for ever.
    """

    __tablename__ = "rich_pictures"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),
        CheckConstraint("size > 0 AND width > 0 AND height > 0", name="measures"),
        # Found without the enterprise: whoever looks at it knows the id only.
        Index("uq_rich_pictures_id", "id", unique=True),
        Index("ix_rich_pictures_free", "freed_at", postgresql_where=text("sent_at IS NULL")),
        Index("ix_rich_pictures_of_uploader", "enterprise_id", "uploader_id", postgresql_where=text("sent_at IS NULL")),
    )

    uploader_id: Mapped[UUID]
    blob: Mapped[str] = mapped_column(Text)
    content_type: Mapped[str] = mapped_column(Text)
    size: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    created_at: Mapped[datetime]
    freed_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]


class HoldRow(Base):
    """Something that shows a picture. No foreign key to it: its table lies above this module."""

    __tablename__ = "rich_picture_holds"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "picture_id"], ["rich_pictures.enterprise_id", "rich_pictures.id"]),
        Index("ix_rich_picture_holds_of_picture", "enterprise_id", "picture_id"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    holder_id: Mapped[UUID] = mapped_column(primary_key=True)
    picture_id: Mapped[UUID] = mapped_column(primary_key=True)
