"""The frames of conversations, both ways."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from qiatan.infra.realtime.doors import Frame, OutFrame

Topic = Literal["mine", "queue", "colleagues", "conversation"]
Seq = Annotated[int, msgspec.Meta(ge=0, le=2_000_000_000)]


class Subscribe(Frame, tag="subscribe"):
    topic: Topic
    conversation_id: UUID | None = None


class Unsubscribe(Frame, tag="unsubscribe"):
    topic: Topic
    conversation_id: UUID | None = None


class Send(Frame, tag="send"):
    client_message_id: UUID
    kind: Literal["text", "picture", "rich", "file"] = "text"
    text: str | None = None
    file_id: UUID | None = None
    document: dict[str, Any] | None = None
    conversation_id: UUID | None = None
    reply_to: Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)] | None = None


class Withdraw(Frame, tag="withdraw"):
    client_message_id: UUID
    conversation_id: UUID
    seq: Seq


class Edit(Frame, tag="edit"):
    client_message_id: UUID
    conversation_id: UUID
    seq: Seq
    text: str


class Viewing(Frame, tag="viewing"):
    """The conversation that is open on this screen; none: no longer any."""

    conversation_id: UUID | None = None


class Read(Frame, tag="read"):
    conversation_id: UUID
    seq: Seq


class Typing(Frame, tag="typing"):
    conversation_id: UUID | None = None
    text: Annotated[str, msgspec.Meta(max_length=500)] | None = None


class Ping(Frame, tag="ping"):
    pass


class ShownConversation(msgspec.Struct, frozen=True, gc=False):
    id: UUID
    head: int
    version: int


class Subscribed(OutFrame, tag="subscribed", omit_defaults=True):
    topic: Topic
    conversations: list[ShownConversation]
    conversation_id: UUID | None = None


class AckFrame(OutFrame, tag="ack"):
    client_message_id: UUID
    conversation_id: UUID
    seq: int
    at: datetime


class MessageFrame(OutFrame, tag="message"):
    conversation_id: UUID
    seq: int
    kind: str
    sender_kind: str
    sender_id: UUID | None
    client_message_id: UUID | None
    at: datetime
    text: str | None
    data: dict[str, Any] | None
    withdrawn: bool = False
    edited: bool = False


class ConversationFrame(OutFrame, tag="conversation"):
    conversation: msgspec.Raw


class ConversationGone(OutFrame, tag="conversation_gone"):
    conversation_id: UUID
    topic: Topic


class ReadFrame(OutFrame, tag="read"):
    conversation_id: UUID
    side: str
    seq: int


class TypingFrame(OutFrame, tag="typing", omit_defaults=True):
    """`agent_id` is told to agents only."""

    conversation_id: UUID
    side: str
    text: str | None = None
    agent_id: UUID | None = None


class ViewersFrame(OutFrame, tag="viewers"):
    """Who looks at a conversation now, oneself included, with their names by id."""

    conversation_id: UUID
    agent_ids: list[UUID]
    names: dict[UUID, str]


class MentionFrame(OutFrame, tag="mention"):
    conversation_id: UUID
    seq: int
    by_id: UUID
    by_name: str
    preview: str
    at: datetime


class MentionsReadFrame(OutFrame, tag="mentions_read"):
    conversation_id: UUID


class DraftFrame(OutFrame, tag="draft"):
    conversation_id: UUID
    text: str
    note: bool
    at: datetime


class VisitFrame(OutFrame, tag="visit"):
    """Where a customer is now, to the agents who look at one of their conversations."""

    visit: msgspec.Raw


class CustomerChangedFrame(OutFrame, tag="customer_changed"):
    """The card or the notes of a customer changed, to the agents who look at one of their conversations: fetch it again."""

    customer_id: UUID
    what: Literal["card", "notes"]


class Pong(OutFrame, tag="pong"):
    at: datetime
    digest: str
