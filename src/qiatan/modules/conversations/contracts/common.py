"""What all contracts of conversations speak of: limits, kinds and states."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

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


class Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


ReplyTo = Annotated[int | None, Field(ge=1, le=2_000_000_000)]
