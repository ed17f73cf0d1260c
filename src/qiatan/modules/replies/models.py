"""The tables of quick replies. Rows without an agent are the enterprise's."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base, TenantRow

_AGENT = ["agents.enterprise_id", "agents.id"]


class ShelfRow(TenantRow, Base):
    """One owner's entries and groups: `id` is the agent's or, for what is everybody's, the enterprise's.

    Every change makes a new version first, which puts the changes of one owner in order. `removed_in` is the version in which an entry
    was deleted last; the database keeps it, and `changed_in` of the entries.
    """

    __tablename__ = "reply_shelves"
    __table_args__ = (ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),)

    version: Mapped[int]
    removed_in: Mapped[int] = mapped_column(server_default="0")


class GroupRow(TenantRow, Base):
    __tablename__ = "reply_groups"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),
        ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT, ondelete="CASCADE"),
        CheckConstraint("char_length(name) BETWEEN 1 AND 60", name="name_length"),
        Index("uq_reply_groups_name", "enterprise_id", "agent_id", "name", unique=True, postgresql_nulls_not_distinct=True),
    )

    agent_id: Mapped[UUID | None]
    name: Mapped[str] = mapped_column(Text)
    position: Mapped[int]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[datetime]


class EntryRow(TenantRow, Base):
    """`text` is what a rich entry says without its form. `uses` counts everybody's."""

    __tablename__ = "reply_entries"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),
        ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT, ondelete="CASCADE"),
        ForeignKeyConstraint(["enterprise_id", "group_id"], ["reply_groups.enterprise_id", "reply_groups.id"]),
        CheckConstraint("char_length(title) BETWEEN 1 AND 100", name="title_length"),
        CheckConstraint("char_length(text) <= 5000", name="text_length"),
        CheckConstraint("kind IN ('plain', 'rich')", name="kind"),
        CheckConstraint("(kind = 'rich') = (document IS NOT NULL)", name="rich_has_document"),
        Index("ix_reply_entries_of_owner", "enterprise_id", "agent_id", "group_id"),
    )

    agent_id: Mapped[UUID | None]
    group_id: Mapped[UUID | None]
    position: Mapped[int]
    title: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    document: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    pinyin: Mapped[str] = mapped_column(Text)
    initials: Mapped[str] = mapped_column(Text)
    uses: Mapped[int] = mapped_column(default=0, server_default="0")
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    # In which version of the shelf it became what it is: kept by a trigger, whoever writes.
    changed_in: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    updated_by: Mapped[UUID | None]


class UseRow(Base):
    """How often one agent has used an entry, and when last."""

    __tablename__ = "reply_uses"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT, ondelete="CASCADE"),
        ForeignKeyConstraint(["enterprise_id", "entry_id"], ["reply_entries.enterprise_id", "reply_entries.id"], ondelete="CASCADE"),
        Index("ix_reply_uses_of_entry", "enterprise_id", "entry_id"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    uses: Mapped[int]
    used_at: Mapped[datetime]
