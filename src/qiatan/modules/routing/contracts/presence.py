"""Who is there."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from qiatan.modules.routing.contracts.common import In, Out


class PresenceStatus(StrEnum):
    """What an agent has chosen. Only `online` gets new conversations; `away` (隐身) and `busy` keep those at hand."""

    ONLINE = "online"
    AWAY = "away"
    BUSY = "busy"
    OFFLINE = "offline"


class Presence(Out):
    """An agent's status, whether a page of theirs is connected, how many conversations they serve and may serve (0: none).

    `asleep`: no page is open, but a phone sleeps that is called; None where that is not told with this, and stays as it was.
    """

    agent_id: UUID
    status: PresenceStatus
    connected: bool
    open: int
    maximum: int
    asleep: bool | None = None


class PresenceList(Out):
    items: list[Presence]


class SetPresence(In):
    status: PresenceStatus


class Availability(Out):
    """Whether anybody serves now: somebody is online, and it is working time."""

    online: bool


class AttendanceDay(Out):
    """One agent's day in the enterprise's time zone. `last_seen_at` is None while the agent is still there."""

    agent_id: UUID
    name: str
    day: date
    first_seen_at: datetime
    last_seen_at: datetime | None
    online_seconds: int
    away_seconds: int
    busy_seconds: int


class Attendance(Out):
    """Days newest first, agents by name within a day."""

    items: list[AttendanceDay]
