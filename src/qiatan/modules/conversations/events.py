"""What this module tells the others."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from qiatan.kit.events import Event
from qiatan.modules.conversations.contracts import Conversation, Draft, Message, SenderKind


class MessagesAppended(Event):
    """Messages were written by an ordinary transaction (the message log publishes its own directly)."""

    type: Literal["conversation.messages.v1"] = "conversation.messages.v1"
    conversation_id: UUID
    customer_id: UUID
    assignee_id: UUID | None
    joined_ids: tuple[UUID, ...] = ()
    waiting: bool
    messages: tuple[Message, ...]


class ConversationChanged(Event):
    """What a conversation is changed. `renamed`: its customer got another name, mark or tags; `changed`: who takes part.

    `left` is who no longer serves it; `by` who has joined (`joined`) or no longer joins (`left_by`).
    """

    type: Literal["conversation.changed.v1"] = "conversation.changed.v1"
    what: Literal["opened", "assigned", "transferred", "released", "ended", "renamed", "joined", "left_by", "changed"]
    conversation: Conversation
    left: UUID | None = None
    by: UUID | None = None


class ConversationRead(Event):
    """One side has read up to a seq."""

    type: Literal["conversation.read.v1"] = "conversation.read.v1"
    conversation_id: UUID
    customer_id: UUID
    assignee_id: UUID | None
    joined_ids: tuple[UUID, ...] = ()
    waiting: bool
    side: SenderKind
    seq: int


class Mentioned(Event):
    """An agent was named in a note. Told once for each note."""

    type: Literal["conversation.mentioned.v1"] = "conversation.mentioned.v1"
    agent_id: UUID
    conversation_id: UUID
    seq: int
    by_id: UUID
    by_name: str
    preview: str
    at: datetime


class MentionsRead(Event):
    """An agent has read what mentions them in a conversation."""

    type: Literal["conversation.mentions_read.v1"] = "conversation.mentions_read.v1"
    agent_id: UUID
    conversation_id: UUID


class DraftChanged(Event):
    """An agent's unsent text is another one now; empty: there is none."""

    type: Literal["conversation.draft.v1"] = "conversation.draft.v1"
    agent_id: UUID
    draft: Draft


class ConversationRulesChanged(Event):
    """The rules of conversations were saved: automatic end, grading."""

    type: Literal["conversation.rules_changed.v1"] = "conversation.rules_changed.v1"
    version: int


def event_data(name: str, **details: Any) -> dict[str, Any]:
    """The payload of an event message."""
    return {"name": name, **details}
