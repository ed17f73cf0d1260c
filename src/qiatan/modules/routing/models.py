"""Tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base, TenantRow

_AGENT = ["agents.enterprise_id", "agents.id"]
_CONVERSATION = ["conversations.enterprise_id", "conversations.id"]


class PresenceRow(Base):
    """`lease_until` is renewed while a page of the agent is connected; a process that dies lets it lapse.

    `absent_due_at`: when to see whether the agent has been gone for so long that others take over. `asleep_until`: their phone sleeps, and
    calls reach it; until then they are there without a page.
    """

    __tablename__ = "agent_presence"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT, ondelete="CASCADE"),
        CheckConstraint("status IN ('online', 'away', 'busy', 'offline')", name="status"),
        Index("agent_presence_absent_due", "absent_due_at", postgresql_where=text("absent_due_at IS NOT NULL")),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(Text)
    lease_until: Mapped[datetime]
    absent_due_at: Mapped[datetime | None]
    asleep_until: Mapped[datetime | None]


class PresencePageRow(Base):
    """A node holds pages of this agent. Rows of a node that is gone are taken away by the others."""

    __tablename__ = "presence_pages"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT, ondelete="CASCADE"),
        Index("presence_pages_of_node", "node_id"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(primary_key=True)
    node_id: Mapped[UUID] = mapped_column(primary_key=True)


class PresenceSpanRow(TenantRow, Base):
    """A time in which an agent was there in one status. The open one (`ended_at` empty) ends with the lease at the latest."""

    __tablename__ = "presence_spans"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT, ondelete="CASCADE"),
        CheckConstraint("status IN ('online', 'away', 'busy')", name="status"),
        CheckConstraint("ended_at >= started_at", name="order"),
        Index("one_open_presence_span_per_agent", "enterprise_id", "agent_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("presence_spans_by_start", "enterprise_id", "started_at", "id"),
        Index("presence_spans_by_end", "enterprise_id", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
    )

    agent_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class SettingsRow(Base):
    """A part of the settings; none until it was saved for the first time."""

    __tablename__ = "routing_settings"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),
        CheckConstraint("part IN ('assignment', 'queue', 'transfers', 'hours')", name="part"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    part: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[dict[str, Any]]
    version: Mapped[int]


class WishRow(Base):
    """Whom the page named for this visitor's next conversation."""

    __tablename__ = "routing_wishes"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "customer_id"], ["customers.enterprise_id", "customers.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["enterprise_id", "channel_id"], ["channels.enterprise_id", "channels.id"]),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel_id: Mapped[UUID] = mapped_column(primary_key=True)
    wish: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class RequestRow(Base):
    """The routing of one conversation. `due_at` is the earliest moment at which something has to be done about it.

    `also`: the other targets of the rule or wish it waits by, whose agents may take it too; its place is counted in that of `target_kind`.
    """

    __tablename__ = "routing_requests"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "conversation_id"], _CONVERSATION),
        CheckConstraint("state IN ('queued', 'message', 'placed', 'ended')", name="state"),
        CheckConstraint("target_kind IN ('enterprise', 'group', 'agent')", name="target_kind"),
        CheckConstraint("(state = 'queued') <= (entered_at IS NOT NULL)", name="queued_has_entry"),
        Index("routing_requests_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("routing_requests_queue", "enterprise_id", "entered_at", "conversation_id", postgresql_where=text("state = 'queued'")),
        Index("routing_requests_messages", "enterprise_id", "conversation_id", postgresql_where=text("state = 'message'")),
        Index("routing_requests_of_customer", "enterprise_id", "customer_id", postgresql_where=text("state IN ('queued', 'message')")),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(Text)
    target_kind: Mapped[str] = mapped_column(Text)
    target_id: Mapped[UUID | None]
    also: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    wish: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    entered_at: Mapped[datetime | None]
    present_until: Mapped[datetime | None]
    wait_until: Mapped[datetime | None]
    told_position: Mapped[int | None]
    told_seconds: Mapped[int | None]
    delay_from: Mapped[datetime | None]
    delay_step: Mapped[int] = mapped_column(default=0)
    delay_due_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]


class DecisionRow(TenantRow, Base):
    """Who got a conversation and why. Rows with an agent are what the fill-up rule counts."""

    __tablename__ = "routing_decisions"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "conversation_id"], _CONVERSATION),
        ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT),
        Index("routing_decisions_of_conversation", "enterprise_id", "conversation_id", "id"),
        Index(
            "routing_decisions_received",
            "enterprise_id",
            "at",
            postgresql_include=["agent_id"],
            postgresql_where=text("agent_id IS NOT NULL"),
        ),
    )

    conversation_id: Mapped[UUID]
    at: Mapped[datetime]
    cause: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(Text)
    agent_id: Mapped[UUID | None]
    by_agent_id: Mapped[UUID | None]
    waited_seconds: Mapped[int | None]
    trace: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


class PointerRow(Base):
    """Who of a target (`enterprise`, `group:<id>`, `rule:<id>`) got the last conversation by rotation."""

    __tablename__ = "rotation_pointers"
    __table_args__ = (ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT, ondelete="CASCADE"),)

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    target: Mapped[str] = mapped_column(Text, primary_key=True)
    agent_id: Mapped[UUID]


class OfferRow(TenantRow, Base):
    """A transfer that waits for a yes."""

    __tablename__ = "transfer_offers"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "conversation_id"], _CONVERSATION),
        ForeignKeyConstraint(["enterprise_id", "from_agent_id"], _AGENT),
        ForeignKeyConstraint(["enterprise_id", "to_agent_id"], _AGENT),
        CheckConstraint("state IN ('open', 'accepted', 'refused', 'expired', 'withdrawn')", name="state"),
        CheckConstraint("(to_agent_id IS NULL) <> (to_group_id IS NULL)", name="one_target"),
        CheckConstraint("char_length(note) <= 500", name="note_length"),
        Index("one_open_offer_per_conversation", "enterprise_id", "conversation_id", unique=True, postgresql_where=text("state = 'open'")),
        Index("transfer_offers_due", "due_at", postgresql_where=text("state = 'open'")),
    )

    conversation_id: Mapped[UUID]
    from_agent_id: Mapped[UUID]
    to_agent_id: Mapped[UUID | None]
    to_group_id: Mapped[UUID | None]
    note: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    refused_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), default=list)
    answered_by: Mapped[UUID | None]
    made_at: Mapped[datetime]
    due_at: Mapped[datetime]


class SimulationRow(TenantRow, Base):
    """A run of traffic through changed rules."""

    __tablename__ = "routing_simulations"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id", "made_by"], _AGENT),
        CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name="state"),
        CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
        Index(
            "one_simulation_at_work_per_enterprise",
            "enterprise_id",
            unique=True,
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
    )

    made_by: Mapped[UUID]
    made_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(Text)
    progress: Mapped[int]
    request: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
