"""Events as frames for open pages."""

from __future__ import annotations

from collections.abc import Sequence

from qiatan.infra.realtime.connection import CLOSE_UNAUTHORISED
from qiatan.infra.realtime.doors import ByeFrame, ChangedFrame, encode
from qiatan.infra.realtime.hub import Hub
from qiatan.kit.events import Event
from qiatan.modules.channels import permissions
from qiatan.modules.channels.events import ChannelChanged

_OFF = encode(ByeFrame("token_expired", "This channel is switched off."))


def publish(hub: Hub, events: Sequence[Event]) -> None:
    """Tell everybody who may see channels that one changed."""
    for event in events:
        if isinstance(event, ChannelChanged):
            frame = encode(ChangedFrame("channel", event.channel_id, event.version))
            hub.publish([(f"point:{permissions.VIEW.name}", event.enterprise_id)], frame)
            if not event.enabled:
                _close(hub, event)


def _close(hub: Hub, event: ChannelChanged) -> None:
    """A channel that was switched off goes silent at once."""
    for connection in hub.listeners(("channel", event.channel_id)):
        connection.push(_OFF)
        connection.flush()
        connection.close(CLOSE_UNAUTHORISED, "token_expired")
