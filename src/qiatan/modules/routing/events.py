"""What this module tells the others."""

from __future__ import annotations

from typing import Literal

from qiatan.kit.events import Event
from qiatan.modules.routing.contracts import Presence


class PresenceChanged(Event):
    """An agent's status, connection or load changed. `anybody_serves` is the enterprise's availability after it."""

    type: Literal["routing.presence.v1"] = "routing.presence.v1"
    presence: Presence
    anybody_serves: bool
