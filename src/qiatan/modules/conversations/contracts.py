"""What goes in and out of this module."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from qiatan.modules.customers.contracts import Customer
from qiatan.modules.visitors.contracts import Visit

MAX_TEXT = 5_000
MAX_OPEN_SHOWN = 500
MAX_JOINED = 5
INTERNAL_EVENTS = frozenset({"joined", "left"})


class Status(StrEnum):
    WAITING = "waiting"
    ACTIVE = "active"
    ENDED = "ended"


class MessageKind(StrEnum):
    TEXT = "text"
    PICTURE = "picture"
    EVENT = "event"
    WITHDRAWAL = "withdrawal"
    NOTE = "note"


class SenderKind(StrEnum):
    CUSTOMER = "customer"
    AGENT = "agent"
    SYSTEM = "system"


class Grade(StrEnum):
    """How much was talked in an ended conversation (F33)."""

    GOLD = "gold"
    SILVER = "silver"
    BRONZE = "bronze"


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
    vip: bool = False


class ChannelRef(_Out):
    id: UUID
    kind: str
    name: str


class Participant(_Out):
    """An agent who takes part, as visitors see them. `internal`: listened or wrote notes only, so the customer does not know of them."""

    id: UUID
    name: str
    avatar_url: str | None
    internal: bool = False


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
    `unanswered_since` is when the customer's oldest message without a later answer was written. `joined_ids`: supervisors who have joined
    and may write too. `replied_at`: the first answer by a person. `grade` is there once it has ended, if it earned one.
    """

    id: UUID
    customer: CustomerRef
    channel: ChannelRef
    status: Status
    assignee_id: UUID | None
    joined_ids: list[UUID]
    head: int
    version: int
    last: LastLine | None
    customer_read_seq: int
    agent_read_seq: int
    agent_unread: int
    customer_unread: int
    unanswered_since: datetime | None
    replied_at: datetime | None
    grade: Grade | None
    created_at: datetime
    ended_at: datetime | None
    ended_by: SenderKind | None
    participants: list[Participant]

    def for_customer(self) -> Conversation:
        """The same without what agents know among themselves: the name they gave the customer, the mark, the grade, who listens."""
        known = [participant for participant in self.participants if not participant.internal]
        nameless = CustomerRef(id=self.customer.id, name="")
        return self.model_copy(update={"customer": nameless, "joined_ids": [], "grade": None, "participants": known})


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

    def for_customer(self) -> Message:
        """The same as its customer gets it: of what is internal only the place in the order, so that `seq` stays without a gap.

        Of a transfer they get who serves them now (F04), not from whom and why.
        """
        if self.kind is MessageKind.EVENT and self.data is not None and self.data.get("name") == "transferred":
            return self.model_copy(update={"data": {key: self.data.get(key) for key in ("name", "agent_id", "agent_name")}})
        if not self.internal:
            return self
        return Message(
            conversation_id=self.conversation_id,
            seq=self.seq,
            kind=MessageKind.NOTE,
            sender_kind=SenderKind.SYSTEM,
            sender_id=None,
            client_message_id=None,
            at=self.at,
            text=None,
            data=None,
        )

    @property
    def internal(self) -> bool:
        """Agents among themselves: notes, their withdrawal, and who began or stopped to listen."""
        data = self.data or {}
        return (
            self.kind is MessageKind.NOTE
            or (self.kind is MessageKind.WITHDRAWAL and bool(data.get("note")))
            or (self.kind is MessageKind.EVENT and data.get("name") in INTERNAL_EVENTS)
        )


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


class ChangeCustomer(_In):
    """What agents note of the customer; `version` is the customer's, as it was read. What is left out stays."""

    name: str | None = Field(default=None, max_length=200)
    vip: bool | None = None
    tags: list[str] | None = Field(default=None, max_length=50)
    version: int = Field(ge=1, le=2_000_000_000)


class WriteNote(_In):
    """An internal note: read by agents only, never by the customer."""

    client_message_id: UUID
    text: str


class AutoEnd(_In):
    """End a conversation in which nobody has written for `minutes`; None: never (F18)."""

    minutes: Annotated[int, Field(ge=1, le=1_440, strict=True)] | None = 30
    warn: bool = False


class GradeThreshold(_In):
    """Messages of either side that are needed at least."""

    customer: Annotated[int, Field(ge=1, le=1_000, strict=True)]
    agent: Annotated[int, Field(ge=1, le=1_000, strict=True)]


class Grading(_In):
    """Each threshold must be no lower than the next one on either side."""

    enabled: bool = True
    gold: GradeThreshold = GradeThreshold(customer=10, agent=10)
    silver: GradeThreshold = GradeThreshold(customer=5, agent=5)
    bronze: GradeThreshold = GradeThreshold(customer=3, agent=3)


class ConversationSettings(_In):
    """Rules of conversations. `auto_end` by kind of channel; a kind that is not named has 30 minutes without a warning."""

    auto_end: dict[Literal["web"], AutoEnd] = {}
    grading: Grading = Grading()


class ConversationRules(_Out):
    settings: ConversationSettings
    version: int


class SaveConversationRules(_In):
    settings: ConversationSettings
    version: int = Field(ge=0, le=2_000_000_000)


class MarkRead(_In):
    seq: int = Field(ge=0, le=2_000_000_000)


@dataclass(frozen=True, slots=True)
class Routed:
    """What routing must know of a conversation. `agent_ids`: who has served it or written to its customer."""

    id: UUID
    customer_id: UUID
    channel_id: UUID
    status: Status
    assignee_id: UUID | None
    agent_ids: tuple[UUID, ...]
    created_at: datetime
    waiting_since: datetime | None
    assigned_at: datetime | None
    first_customer_at: datetime | None
    replied_at: datetime | None
    unanswered_since: datetime | None
