"""What goes in and out of this module."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class PresenceStatus(StrEnum):
    """What an agent has chosen. Only `online` gets new conversations; `away` keeps those at hand."""

    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"


class Presence(BaseModel):
    """An agent's status, whether a page of theirs is connected, and how many conversations they serve."""

    model_config = ConfigDict(frozen=True)

    agent_id: UUID
    status: PresenceStatus
    connected: bool
    open: int


class PresenceList(BaseModel):
    model_config = ConfigDict(frozen=True)

    items: list[Presence]


class SetPresence(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    status: PresenceStatus


class Availability(BaseModel):
    """Whether anybody serves now."""

    model_config = ConfigDict(frozen=True)

    online: bool
