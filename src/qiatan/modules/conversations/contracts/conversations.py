"""A conversation as it is listed and shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import Field

from qiatan.modules.conversations.contracts.common import Grade, In, MessageKind, Out, Satisfaction, SenderKind, Status
from qiatan.modules.customers.contracts import CustomerCard, TagRef
from qiatan.modules.visitors.contracts import Visit, VisitPage


class CustomerRef(Out):
    id: UUID
    name: str
    vip: bool = False


class ChannelRef(Out):
    id: UUID
    kind: str
    name: str


class Participant(Out):
    """An agent who takes part, as visitors see them. `internal`: listened or wrote notes only, so the customer does not know of them."""

    id: UUID
    name: str
    avatar_url: str | None
    internal: bool = False


class LastLine(Out):
    """What a list shows of a conversation: its newest message by a person, as it reads after edits."""

    seq: int
    kind: MessageKind
    sender_kind: SenderKind
    sender_id: UUID | None
    preview: str
    at: datetime


class Evaluation(Out):
    """What its customer said of a conversation; `at` is when they said so last."""

    level: Satisfaction
    remark: str
    at: datetime


class Conversation(Out):
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
    evaluation: Evaluation | None = None
    evaluation_invited_at: datetime | None = None
    created_at: datetime
    ended_at: datetime | None
    ended_by: SenderKind | None
    participants: list[Participant]
    tags: list[TagRef] = []

    def for_customer(self) -> Conversation:
        """The same without what agents know among themselves: the name they gave the customer, the mark, the grade, the tags, who listens."""
        known = [participant for participant in self.participants if not participant.internal]
        nameless = CustomerRef(id=self.customer.id, name="")
        return self.model_copy(update={"customer": nameless, "joined_ids": [], "grade": None, "participants": known, "tags": []})


class ConversationList(Out):
    """A visitor's conversations, newest first. `next`: the cursor of those before them, absent where there are none."""

    items: list[Conversation]
    next: str | None = None


class Context(Out):
    """Who this is: the card, the visit with its pages (newest first), what was talked about before."""

    customer: CustomerCard
    visit: Visit | None
    pages: list[VisitPage] = []
    earlier: list[Conversation]


class TagConversation(In):
    """The conversation's tags from now on, in the place of all it had."""

    tag_ids: list[UUID] = Field(max_length=100)


class MessageHit(Out):
    """A message in which the searched words stand. `snippet`: what is around the first place, on one line."""

    seq: int
    sender_kind: SenderKind
    snippet: str
    at: datetime


class ConversationHit(Out):
    """A conversation that was found: by its customer's name (then `hits` may be empty) or by messages, the newest ones first."""

    conversation: Conversation
    hits: list[MessageHit]


@dataclass(frozen=True, slots=True)
class Routed:
    """What routing must know of a conversation. `agent_ids`: who has served it or written to its customer.

    `customer_messages`: what its customer has said and not taken back.
    """

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
    customer_messages: int
