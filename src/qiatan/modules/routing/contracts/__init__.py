"""What goes in and out of this module."""

from qiatan.modules.routing.contracts.common import Target, TargetKind
from qiatan.modules.routing.contracts.presence import (
    Attendance,
    AttendanceDay,
    Availability,
    Presence,
    PresenceList,
    PresenceStatus,
    SetPresence,
)

__all__ = [
    "Attendance",
    "AttendanceDay",
    "Availability",
    "Presence",
    "PresenceList",
    "PresenceStatus",
    "SetPresence",
    "Target",
    "TargetKind",
]
