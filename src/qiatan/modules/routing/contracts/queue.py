"""The queue, and what is known of the routing of an open conversation."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from qiatan.modules.routing.contracts.common import Out, Target


class RoutingState(StrEnum):
    """new: not looked at yet · queued · message: left as a message, served when somebody has time · placed: with an agent · ended."""

    NEW = "new"
    QUEUED = "queued"
    MESSAGE = "message"
    PLACED = "placed"
    ENDED = "ended"


MOST_OTHERS = 20
"""How many further targets are named; a rule may have two hundred."""


class Routing(Out):
    """How an open conversation stands, for agents.

    `also`: the other targets whose agents may take it, where a rule or wish names several; `also_more`: how many beyond those named here.
    `position` counts from 1 within its target. `expected_seconds` is None when nothing honest can be said. `transfer_due_at`: when the
    next delayed transfer fires unless somebody answers; `transfer_step` of `transfer_steps` it would be.
    """

    conversation_id: UUID
    state: RoutingState
    target: Target | None
    also: list[Target]
    also_more: int
    position: int | None
    expected_seconds: int | None
    entered_at: datetime | None
    transfer_due_at: datetime | None
    transfer_step: int | None
    transfer_steps: int


class Routings(Out):
    items: list[Routing]


class Queue(Out):
    """Everybody who waits: those in the queue by target and position, then messages left, oldest first."""

    items: list[Routing]
    length: int
    limit: int


class QueuePlace(Out):
    """What a visitor is told. `conversation_id` is None when no conversation is open. `text` is the enterprise's own word to those who wait."""

    conversation_id: UUID | None
    state: RoutingState
    position: int | None
    expected_seconds: int | None
    text: str
