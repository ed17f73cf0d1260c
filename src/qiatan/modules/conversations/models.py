"""Tables. Columns that change with every message are in no index, so that such updates stay cheap (HOT)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base, TenantRow

OPEN = text("status <> 'ended'")


class ConversationRow(TenantRow, Base):
    """`agent_ids`: who served it or wrote to its customer, the one who serves it now at the end. `helper_ids`: who joined or wrote a note
    at any time; its customer is not told of them."""

    __tablename__ = "conversations"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "customer_id"], ["customers.enterprise_id", "customers.id"]),
        ForeignKeyConstraint(["enterprise_id", "channel_id"], ["channels.enterprise_id", "channels.id"]),
        ForeignKeyConstraint(["enterprise_id", "assignee_id"], ["agents.enterprise_id", "agents.id"]),
        CheckConstraint("status IN ('waiting', 'active', 'ended')", name="status"),
        CheckConstraint("(status = 'active') <= (assignee_id IS NOT NULL)", name="active_has_assignee"),
        CheckConstraint("(status = 'waiting') <= (assignee_id IS NULL)", name="waiting_has_no_assignee"),
        CheckConstraint("(status = 'ended') = (ended_at IS NOT NULL)", name="ended_has_time"),
        CheckConstraint("grade IN ('gold', 'silver', 'bronze')", name="grade"),
        Index("conversations_idle_due", "idle_due_at", postgresql_where=text("idle_due_at IS NOT NULL AND status <> 'ended'")),
        Index("conversations_joined", "enterprise_id", "id", postgresql_where=text("status <> 'ended' AND cardinality(joined_ids) > 0")),
        Index(
            "one_open_conversation_per_customer_and_channel",
            "enterprise_id",
            "customer_id",
            "channel_id",
            unique=True,
            postgresql_where=OPEN,
        ),
        Index("conversations_open_by_assignee", "enterprise_id", "assignee_id", "created_at", "id", postgresql_where=OPEN),
        Index("conversations_open_by_age", "enterprise_id", "created_at", "id", postgresql_where=OPEN),
        Index("conversations_waiting", "enterprise_id", "waiting_since", "id", postgresql_where=text("status = 'waiting'")),
        Index(
            "conversations_ended_by_assignee",
            "enterprise_id",
            "assignee_id",
            "ended_at",
            "id",
            postgresql_where=text("status = 'ended'"),
        ),
        Index("conversations_ended_lately", "enterprise_id", "ended_at", postgresql_where=text("status = 'ended'")),
        Index("conversations_by_customer", "enterprise_id", "customer_id", "created_at", "id"),
        Index("conversations_by_assignee", "enterprise_id", "assignee_id", "created_at", "id"),
        Index("conversations_by_age", "enterprise_id", "created_at", "id"),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    customer_id: Mapped[UUID]
    channel_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(Text, default="waiting")
    assignee_id: Mapped[UUID | None]
    agent_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), default=list)
    joined_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), default=list)
    helper_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), default=list)
    head: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    last_seq: Mapped[int | None]
    last_kind: Mapped[str | None] = mapped_column(Text)
    last_sender_kind: Mapped[str | None] = mapped_column(Text)
    last_sender_id: Mapped[UUID | None]
    last_preview: Mapped[str | None] = mapped_column(Text)
    last_at: Mapped[datetime | None]
    customer_read_seq: Mapped[int] = mapped_column(default=0)
    agent_read_seq: Mapped[int] = mapped_column(default=0)
    agent_unread: Mapped[int] = mapped_column(default=0)
    customer_unread: Mapped[int] = mapped_column(default=0)
    unanswered_since: Mapped[datetime | None]
    created_at: Mapped[datetime]
    waiting_since: Mapped[datetime | None]
    assigned_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(Text)
    first_customer_at: Mapped[datetime | None]
    replied_at: Mapped[datetime | None]
    customer_messages: Mapped[int] = mapped_column(default=0)
    agent_messages: Mapped[int] = mapped_column(default=0)
    grade: Mapped[str | None] = mapped_column(Text)
    idle_due_at: Mapped[datetime | None]
    idle_warned_at: Mapped[datetime | None]
    evaluation_invited_at: Mapped[datetime | None]
    evaluated_at: Mapped[datetime | None]


class ConversationTagRow(Base):
    """A tag of the catalogue on a conversation."""

    __tablename__ = "conversation_tags"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "conversation_id"], ["conversations.enterprise_id", "conversations.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["enterprise_id", "tag_id"], ["tags.enterprise_id", "tags.id"], ondelete="CASCADE"),
        Index("conversation_tags_by_tag", "enterprise_id", "tag_id"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    tag_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class SettingsRow(Base):
    """Rules of conversations, one row an enterprise; none until something was saved."""

    __tablename__ = "conversation_settings"
    __table_args__ = (ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),)

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]
    version: Mapped[int]


class EvaluationRow(Base):
    """What the customer said. `segments`: who served from when, [{agent_id, since}], so that credit can be given to each or to the last.

    Like messages it does not go with its conversation by itself: what reports have counted is only deleted by whoever names it.
    """

    __tablename__ = "evaluations"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "conversation_id"], ["conversations.enterprise_id", "conversations.id"]),
        CheckConstraint("level IN ('good', 'medium', 'bad')", name="level"),
        CheckConstraint("char_length(remark) <= 500", name="remark_length"),
        CheckConstraint("at >= first_at", name="order"),
        Index("evaluations_by_time", "enterprise_id", "first_at", "conversation_id"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    level: Mapped[str] = mapped_column(Text)
    remark: Mapped[str] = mapped_column(Text)
    segments: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    first_at: Mapped[datetime]
    at: Mapped[datetime]


class MessageRow(Base):
    """Append-only. A withdrawal or an edit is a new row that points at the message it changes (`ref_seq`)."""

    __tablename__ = "messages"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "conversation_id"], ["conversations.enterprise_id", "conversations.id"]),
        CheckConstraint("seq > 0", name="seq_positive"),
        CheckConstraint("char_length(text) <= 5000", name="text_length"),
        # A repeat is found by its sender, whatever conversation the first try went to.
        Index("one_message_per_client_id", "enterprise_id", "sender_id", "client_message_id", unique=True),
        Index(
            "one_withdrawal_per_message",
            "enterprise_id",
            "conversation_id",
            "ref_seq",
            unique=True,
            postgresql_where=text("kind = 'withdrawal'"),
        ),
        Index("edits_of_message", "enterprise_id", "conversation_id", "ref_seq", "seq", postgresql_where=text("kind = 'edit'")),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    sender_kind: Mapped[str] = mapped_column(Text)
    sender_id: Mapped[UUID | None]
    client_message_id: Mapped[UUID | None]
    at: Mapped[datetime]
    text: Mapped[str | None] = mapped_column(Text)
    data: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    ref_seq: Mapped[int | None]


class MentionRow(Base):
    """An agent was named in a note. `preview` follows its edits; it goes with its withdrawal."""

    __tablename__ = "mentions"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "agent_id"], ["agents.enterprise_id", "agents.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["enterprise_id", "by_id"], ["agents.enterprise_id", "agents.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["enterprise_id", "conversation_id"], ["conversations.enterprise_id", "conversations.id"], ondelete="CASCADE"),
        Index("mentions_unread_first", "enterprise_id", "agent_id", "read", text("at DESC"), "conversation_id", "seq"),
        Index("mentions_of_message", "enterprise_id", "conversation_id", "seq"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(primary_key=True)
    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    by_id: Mapped[UUID]
    preview: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    read: Mapped[bool] = mapped_column(default=False)


class DraftRow(Base):
    """What an agent has begun to write. An empty text stays as the mark of when it was removed."""

    __tablename__ = "drafts"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "agent_id"], ["agents.enterprise_id", "agents.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["enterprise_id", "conversation_id"], ["conversations.enterprise_id", "conversations.id"], ondelete="CASCADE"),
        CheckConstraint("char_length(text) <= 5000", name="text_length"),
        Index("drafts_of_conversation", "enterprise_id", "conversation_id"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(primary_key=True)
    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    note: Mapped[bool]
    at: Mapped[datetime]
