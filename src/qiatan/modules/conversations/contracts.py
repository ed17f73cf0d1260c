"""What goes in and out of this module."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from qiatan.modules.customers.contracts import Customer
from qiatan.modules.visitors.contracts import Visit

MAX_TEXT = 5_000
MAX_OPEN_SHOWN = 500


class Status(StrEnum):
    WAITING = "waiting"
    ACTIVE = "active"
    ENDED = "ended"


class MessageKind(StrEnum):
    TEXT = "text"
    PICTURE = "picture"
    EVENT = "event"
    WITHDRAWAL = "withdrawal"


class SenderKind(StrEnum):
    CUSTOMER = "customer"
    AGENT = "agent"
    SYSTEM = "system"


class View(StrEnum):
    """The lists an agent can ask for."""

    MINE = "mine"
    QUEUE = "queue"
    COLLEAGUES = "colleagues"
    ENDED = "ended"


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class _In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CustomerRef(_Out):
    id: UUID
    name: str


class ChannelRef(_Out):
    id: UUID
    kind: str
    name: str


class Participant(_Out):
    """An agent who takes part, as visitors see them."""

    id: UUID
    name: str
    avatar_url: str | None


class LastLine(_Out):
    """What a list shows of a conversation: its newest message by a person."""

    seq: int
    kind: MessageKind
    sender_kind: SenderKind
    preview: str
    at: datetime


class Conversation(_Out):
    """A conversation as agents and its customer see it.

    `head` is the seq of the newest message; `version` grows with every change other than new messages and reading.
    `unanswered_since` is when the customer's oldest message without a later answer was written.
    """

    id: UUID
    customer: CustomerRef
    channel: ChannelRef
    status: Status
    assignee_id: UUID | None
    head: int
    version: int
    last: LastLine | None
    customer_read_seq: int
    agent_read_seq: int
    agent_unread: int
    customer_unread: int
    unanswered_since: datetime | None
    created_at: datetime
    ended_at: datetime | None
    ended_by: SenderKind | None
    participants: list[Participant]

    def for_customer(self) -> Conversation:
        """The same without the name agents gave the customer: it is theirs to see, not the customer's."""
        return self.model_copy(update={"customer": CustomerRef(id=self.customer.id, name="")})


class Message(_Out):
    """One entry of a conversation. Events and withdrawals take a seq like everything else."""

    conversation_id: UUID
    seq: int
    kind: MessageKind
    sender_kind: SenderKind
    sender_id: UUID | None
    client_message_id: UUID | None
    at: datetime
    text: str | None
    data: dict[str, Any] | None
    withdrawn: bool = False


class MessagePage(_Out):
    """Messages in seq order. `more` tells whether the asked direction goes on."""

    items: list[Message]
    head: int
    more: bool


class ConversationList(_Out):
    """A visitor's conversations, newest first."""

    items: list[Conversation]


class Ack(_Out):
    """The message is on disk under this seq. A repeat gets the same answer."""

    client_message_id: UUID
    conversation_id: UUID
    seq: int
    at: datetime


class Context(_Out):
    """Who this is: the card, the visit, what was talked about before."""

    customer: Customer
    visit: Visit | None
    earlier: list[Conversation]


class SendMessage(_In):
    """A message to write. Text needs `text`, a picture the `file_id` of an upload."""

    client_message_id: UUID
    kind: MessageKind = MessageKind.TEXT
    text: str | None = None
    file_id: UUID | None = None


class WithdrawMessage(_In):
    client_message_id: UUID


class RenameCustomer(_In):
    """A name for the customer; `version` is the customer's, as it was read."""

    name: str = Field(max_length=200)
    version: int = Field(ge=1, le=2_000_000_000)


class MarkRead(_In):
    seq: int = Field(ge=0, le=2_000_000_000)
