"""Which migrations a database has been through, and of which kind each was.

A program that meets a newer schema does not have the files of the newer steps: what it needs to know about them stands here, so that an
older process goes on beside a schema that was only added to, and does not start beside one that lost something.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db.tables import Base


class SchemaStepRow(Base):
    """One migration. `phase`: `before` only adds; `after` needs that no older process lives. `program`: the version that ran it."""

    __tablename__ = "schema_steps"
    __table_args__ = (CheckConstraint("phase IN ('before', 'after')", name="phase"),)

    revision: Mapped[str] = mapped_column(Text, primary_key=True)
    phase: Mapped[str] = mapped_column(Text)
    program: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
