"""Transfer by hand (对话转接), take-over, joining."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from qiatan.modules.conversations.contracts import Conversation
from qiatan.modules.routing.contracts.common import In, Out, Text
from qiatan.modules.routing.contracts.presence import PresenceStatus


class Take(In):
    """`beyond_maximum`: also when the own maximum is reached (needs `conversations.exceed_maximum`)."""

    beyond_maximum: bool = False


class Transfer(In):
    """To an agent or to a group, exactly one; `note` is read by agents only."""

    agent_id: UUID | None = None
    group_id: UUID | None = None
    note: Text = ""


class OfferState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class TransferOffer(Out):
    """A transfer that waits for a yes."""

    id: UUID
    conversation_id: UUID
    customer_name: str
    from_agent_id: UUID
    from_agent_name: str
    to_agent_id: UUID | None
    to_group_id: UUID | None
    to_name: str
    note: str
    state: OfferState
    made_at: datetime
    due_at: datetime


class TransferOffers(Out):
    items: list[TransferOffer]


class TransferResult(Out):
    """Either the conversation as it is now, or the offer that waits."""

    conversation: Conversation | None
    offer: TransferOffer | None


class TargetAgent(Out):
    id: UUID
    name: str
    status: PresenceStatus
    connected: bool
    open: int
    maximum: int
    group_ids: list[UUID]


class TargetGroup(Out):
    """`serving`: members online; `free`: those of them with a free place."""

    id: UUID
    name: str
    serving: int
    free: int
    open_now: bool


class TransferTargets(Out):
    """To whom the asking agent may transfer, within the scope (F24). `asks`: they will be asked first."""

    agents: list[TargetAgent]
    groups: list[TargetGroup]
    asks: bool
