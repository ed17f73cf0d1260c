"""Events as frames for open pages."""

from __future__ import annotations

from collections.abc import Sequence

from qiatan.infra.realtime.doors import OutFrame, encode
from qiatan.infra.realtime.hub import Hub
from qiatan.kit.events import Event
from qiatan.modules.replies.contracts import ReplyOwner
from qiatan.modules.replies.events import RepliesChanged
from qiatan.modules.replies.permissions import USE


class RepliesChangedFrame(OutFrame, tag="replies_changed"):
    """Entries, groups or their order changed: ask for the list again with the version you have."""

    owner: ReplyOwner


_ENTERPRISE = encode(RepliesChangedFrame(ReplyOwner.ENTERPRISE))
_OWN = encode(RepliesChangedFrame(ReplyOwner.OWN))


def publish(hub: Hub, events: Sequence[Event]) -> None:
    """The enterprise's entries concern everybody who may use them; an agent's own only their own pages."""
    for event in events:
        if not isinstance(event, RepliesChanged):
            continue
        if event.agent_id is None:
            hub.publish([(f"point:{USE.name}", event.enterprise_id)], _ENTERPRISE)
        else:
            hub.publish([("agent", event.agent_id)], _OWN)
