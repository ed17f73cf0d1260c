"""What goes in and out of this module."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

MAX_ENDPOINT = 1_000

KeyText = Annotated[str, Field(min_length=1, max_length=200)]


class PushKeys(BaseModel):
    """The keys of a browser's subscription, as it writes them (base64url)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    p256dh: KeyText
    auth: KeyText


class SavePush(BaseModel):
    """A browser's subscription: what its `PushSubscription.toJSON()` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: Annotated[str, Field(min_length=1, max_length=MAX_ENDPOINT)]
    keys: PushKeys


class PushState(BaseModel):
    """`public_key`: what this browser subscribes with. `endpoint`: where it is called now, None when it is not."""

    model_config = ConfigDict(frozen=True)

    public_key: str
    endpoint: str | None


class NoticeKind(StrEnum):
    """Why an agent is called."""

    MESSAGE = "message"
    ASSIGNED = "assigned"
    OFFER = "offer"
    MENTION = "mention"


class Notice(BaseModel):
    """Something an agent should know of. `name` is the customer's, or whoever asks or mentions; None: look up `customer_id`'s."""

    model_config = ConfigDict(frozen=True)

    enterprise_id: UUID
    agent_id: UUID
    kind: NoticeKind
    conversation_id: UUID
    customer_id: UUID | None = None
    name: str | None = None
    text: str
    at: datetime
