"""The table of backups that were made, of the whole installation."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base


class BackupRow(Base):
    """One attempt. `due_at`: the turn of the schedule it was made for, None when somebody asked for it. `ok` is None while it runs.

    `missing`: how many files that the database refers to are not in it; None where it was not to hold any (they stay in a bucket), or where
    an older program made it.
    """

    __tablename__ = "backups"
    __table_args__ = (
        CheckConstraint("(ok IS NULL) = (ended_at IS NULL)", name="ended_says_how"),
        CheckConstraint("(error IS NOT NULL) = (ok IS NOT DISTINCT FROM false)", name="failed_says_why"),
        Index("backups_newest", "started_at"),
        Index("backups_of_turn", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    due_at: Mapped[datetime | None]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ok: Mapped[bool | None]
    machine: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(Text)
    size: Mapped[int | None] = mapped_column(BigInteger)
    error: Mapped[str | None] = mapped_column(Text)
    missing: Mapped[int | None]
