"""Socket door of routing: its events as frames, and connections as presence."""

from qiatan.modules.routing.realtime.outbound import publish
from qiatan.modules.routing.realtime.presence import PresenceKeeper

__all__ = ["PresenceKeeper", "publish"]
