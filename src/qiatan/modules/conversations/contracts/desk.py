"""What agents keep among themselves: notes with mentions, drafts, the day so far."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from pydantic import AwareDatetime, Field

from qiatan.modules.conversations.contracts.common import MAX_LEADERS, MAX_MENTIONS, In, Out, ReplyTo


class WriteNote(In):
    """An internal note: read by agents only, never by the customer. `mentions`: agents who are told of it, each once."""

    client_message_id: UUID
    text: str
    reply_to: ReplyTo = None
    mentions: list[UUID] = Field(default=[], max_length=MAX_MENTIONS)


class MentionTarget(Out):
    """An agent who may be mentioned in a conversation, because they may see it."""

    id: UUID
    name: str
    avatar_url: str | None


class MentionTargets(Out):
    items: list[MentionTarget]


class Mention(Out):
    """A note in which one was named. `preview` is the note as it reads now, on one line."""

    conversation_id: UUID
    seq: int
    customer_name: str
    by_id: UUID
    by_name: str
    preview: str
    at: datetime
    read: bool


class ReadMentions(In):
    """One has looked at a conversation: its mentions count as read."""

    conversation_id: UUID


class Draft(Out):
    """What an agent has begun to write into a conversation, on any device. `note`: it is to be a note. Empty: nothing (any more)."""

    conversation_id: UUID
    text: str
    note: bool
    at: datetime


class DraftList(Out):
    """Newest first."""

    items: list[Draft]


class SaveDraft(In):
    """`at` is when it was typed, by the page's clock; the draft with the newest time stays. An empty text removes it."""

    text: str
    note: bool = False
    at: AwareDatetime


class MyDay(Out):
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


class Leader(Out):
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


class Home(Out):
    """`day` is today where the enterprise is, `at` the moment of the numbers. The leaders: those of the scope, the busiest first."""

    day: date
    at: datetime
    mine: MyDay
    leaders: list[Leader] = Field(max_length=MAX_LEADERS)
