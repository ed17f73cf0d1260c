"""Events as frames for open pages."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from qiatan.infra.realtime.hub import Hub
from qiatan.kit.events import Event
from qiatan.modules.channels import permissions
from qiatan.modules.channels.events import ChannelChanged


def publish(hub: Hub, events: Sequence[Event]) -> None:
    """Tell everybody who may see channels that one changed."""
    for event in events:
        if isinstance(event, ChannelChanged):
            frame = {"type": "changed", "object": "channel", "id": str(event.channel_id), "version": event.version}
            hub.publish([(f"point:{permissions.VIEW.name}", event.enterprise_id)], msgspec.json.encode(frame))
