"""What this module tells the others."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from qiatan.kit.events import Event
from qiatan.modules.conversations.contracts import Conversation, Message, SenderKind


class MessagesAppended(Event):
    """Messages were written by an ordinary transaction (the message log publishes its own directly)."""

    type: Literal["conversation.messages.v1"] = "conversation.messages.v1"
    conversation_id: UUID
    customer_id: UUID
    assignee_id: UUID | None
    waiting: bool
    messages: tuple[Message, ...]


class ConversationChanged(Event):
    """A conversation was opened, assigned, released or ended, or its customer got a name. `left` is who no longer serves it."""

    type: Literal["conversation.changed.v1"] = "conversation.changed.v1"
    what: Literal["opened", "assigned", "released", "ended", "renamed"]
    conversation: Conversation
    left: UUID | None = None


class ConversationRead(Event):
    """One side has read up to a seq."""

    type: Literal["conversation.read.v1"] = "conversation.read.v1"
    conversation_id: UUID
    customer_id: UUID
    assignee_id: UUID | None
    waiting: bool
    side: SenderKind
    seq: int


def event_data(name: str, **details: Any) -> dict[str, Any]:
    """The payload of an event message."""
    return {"name": name, **details}
