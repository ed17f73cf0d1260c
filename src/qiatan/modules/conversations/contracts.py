"""What goes in and out of this module."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from qiatan.kit.rich_text import RichDocument
from qiatan.modules.customers.contracts import CustomerCard, TagRef
from qiatan.modules.visitors.contracts import Visit

MAX_TEXT = 5_000
MAX_OPEN_SHOWN = 500
MAX_JOINED = 5
MAX_MENTIONS = 10
MAX_DRAFTS = 200
INTERNAL_EVENTS = frozenset({"joined", "left", "blocked"})
MAX_CONVERSATION_TAGS = 20
MAX_REMARK = 500
MAX_PROMPT = 100
MAX_LEADERS = 50


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
    EDIT = "edit"
    RICH = "rich"
    FILE = "file"


PERSONAL_KINDS = frozenset({MessageKind.TEXT, MessageKind.PICTURE, MessageKind.RICH, MessageKind.FILE})
"""What a person says to the other side."""


class SenderKind(StrEnum):
    CUSTOMER = "customer"
    AGENT = "agent"
    SYSTEM = "system"


class Grade(StrEnum):
    """How much was talked in an ended conversation (F33)."""

    GOLD = "gold"
    SILVER = "silver"
    BRONZE = "bronze"


class Satisfaction(StrEnum):
    """What a customer says of a conversation (F25)."""

    GOOD = "good"
    MEDIUM = "medium"
    BAD = "bad"


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
    """What a list shows of a conversation: its newest message by a person, as it reads after edits."""

    seq: int
    kind: MessageKind
    sender_kind: SenderKind
    sender_id: UUID | None
    preview: str
    at: datetime


class Evaluation(_Out):
    """What its customer said of a conversation; `at` is when they said so last."""

    level: Satisfaction
    remark: str
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


class Message(_Out):
    """One entry of a conversation. Events, edits and withdrawals take a seq like everything else.

    `edited`: `text` is a later one than was written first. `data.reply_to.seq` names the message of this conversation that is answered.
    """

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
    edited: bool = False

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
        """Agents among themselves: notes, their edits and withdrawal, and who began or stopped to listen."""
        data = self.data or {}
        return (
            self.kind is MessageKind.NOTE
            or (self.kind in (MessageKind.WITHDRAWAL, MessageKind.EDIT) and bool(data.get("note")))
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

    customer: CustomerCard
    visit: Visit | None
    earlier: list[Conversation]


ReplyTo = Annotated[int | None, Field(ge=1, le=2_000_000_000)]


class SendMessage(_In):
    """A message to write. Text needs `text`, a picture the `file_id` of an upload, a rich one (agents only) its `document`.

    `reply_to`: the seq of the message it answers.
    """

    client_message_id: UUID
    kind: MessageKind = MessageKind.TEXT
    text: str | None = None
    file_id: UUID | None = None
    document: RichDocument | None = None
    reply_to: ReplyTo = None


class WithdrawMessage(_In):
    client_message_id: UUID


class EditMessage(_In):
    """Another text for an own message or note."""

    client_message_id: UUID
    text: str


class TagConversation(_In):
    """The conversation's tags from now on, in the place of all it had."""

    tag_ids: list[UUID] = Field(max_length=100)


class WriteNote(_In):
    """An internal note: read by agents only, never by the customer. `mentions`: agents who are told of it, each once."""

    client_message_id: UUID
    text: str
    reply_to: ReplyTo = None
    mentions: list[UUID] = Field(default=[], max_length=MAX_MENTIONS)


class MentionTarget(_Out):
    """An agent who may be mentioned in a conversation, because they may see it."""

    id: UUID
    name: str
    avatar_url: str | None


class MentionTargets(_Out):
    items: list[MentionTarget]


class Mention(_Out):
    """A note in which one was named. `preview` is the note as it reads now, on one line."""

    conversation_id: UUID
    seq: int
    customer_name: str
    by_id: UUID
    by_name: str
    preview: str
    at: datetime
    read: bool


class ReadMentions(_In):
    """One has looked at a conversation: its mentions count as read."""

    conversation_id: UUID


class Draft(_Out):
    """What an agent has begun to write into a conversation, on any device. `note`: it is to be a note. Empty: nothing (any more)."""

    conversation_id: UUID
    text: str
    note: bool
    at: datetime


class DraftList(_Out):
    """Newest first."""

    items: list[Draft]


class SaveDraft(_In):
    """`at` is when it was typed, by the page's clock; the draft with the newest time stays. An empty text removes it."""

    text: str
    note: bool = False
    at: AwareDatetime


class MessageHit(_Out):
    """A message in which the searched words stand. `snippet`: what is around the first place, on one line."""

    seq: int
    sender_kind: SenderKind
    snippet: str
    at: datetime


class ConversationHit(_Out):
    """A conversation that was found: by its customer's name (then `hits` may be empty) or by messages, the newest ones first."""

    conversation: Conversation
    hits: list[MessageHit]


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


class EvaluationRules(_In):
    """How customers are asked what they think (F25). `prompt`: the question, empty for the page's own; `automatic`: asked at the end;
    `by_customer`: they may say so unasked."""

    prompt: str = Field("", max_length=MAX_PROMPT)
    automatic: bool = False
    by_customer: bool = True


class Evaluate(_In):
    """What the customer says. The remark may be empty and is at most 500 characters."""

    level: Satisfaction
    remark: str = ""


class EvaluationForm(_Out):
    """What a customer may say of a conversation now. `until`: when that ends, once the conversation has."""

    open: bool
    prompt: str
    until: datetime | None
    evaluation: Evaluation | None


class ConversationSettings(_In):
    """Rules of conversations. `auto_end` by kind of channel; a kind that is not named has 30 minutes without a warning."""

    auto_end: dict[Literal["web"], AutoEnd] = {}
    grading: Grading = Grading()
    evaluation: EvaluationRules = EvaluationRules()


class ConversationRules(_Out):
    settings: ConversationSettings
    version: int


class SaveConversationRules(_In):
    settings: ConversationSettings
    version: int = Field(ge=0, le=2_000_000_000)


class MarkRead(_In):
    seq: int = Field(ge=0, le=2_000_000_000)


class MyDay(_Out):
    """What an agent has today. `queue` is None for who may not take from it.

    First answers and evaluations are of the conversations that began today. `first_answer_seconds`: the mean time from the customer's
    first message, or from the assignment when that came later, to the first answer; None where there was none yet.
    """

    open: int
    unanswered: int
    queue: int | None
    ended: int
    first_answer_seconds: float | None
    evaluated: int
    good: int


class Leader(_Out):
    """One line of today's leaderboard (F24): the conversations that began today, for whoever serves them now or served them last.

    `messages` are the agents' own in them. `first_answer_seconds` is the median.
    """

    agent_id: UUID
    name: str
    conversations: int
    messages: int
    first_answer_seconds: float | None
    evaluated: int
    good: int


class Home(_Out):
    """`day` is today where the enterprise is, `at` the moment of the numbers. The leaders: those of the scope, the busiest first."""

    day: date
    at: datetime
    mine: MyDay
    leaders: list[Leader] = Field(max_length=MAX_LEADERS)


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
