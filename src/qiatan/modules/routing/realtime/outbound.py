"""Events of routing as frames."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from pydantic import BaseModel

from qiatan.infra.realtime.doors import ChangedFrame, Frame, OutFrame, encode
from qiatan.infra.realtime.hub import Hub
from qiatan.kit.events import Event
from qiatan.modules.routing import permissions
from qiatan.modules.routing.events import OfferChanged, PresenceChanged, RoutingChanged, RoutingSettingsChanged


class PresenceFrame(OutFrame, tag="presence", omit_defaults=True):
    """`asleep`: nobody looks, but a phone sleeps that is called; left out where it is as it was."""

    agent_id: UUID
    status: str
    connected: bool
    open: int
    maximum: int
    asleep: bool | None = None


class Page(Frame, tag="page"):
    """This page lies in the dark on a phone that calls reach: its browser will freeze it, and the line with it. Or it is looked at again."""

    asleep: bool


class AvailabilityFrame(OutFrame, tag="availability"):
    online: bool


class RoutingFrame(OutFrame, tag="routing"):
    """`routing` is a `Routing`, encoded."""

    routing: msgspec.Raw


class TransferOfferFrame(OutFrame, tag="transfer_offer"):
    """`offer` is a `TransferOffer`, encoded."""

    offer: msgspec.Raw


class QueueFrame(OutFrame, tag="queue"):
    """`place` is a `QueuePlace`, encoded."""

    place: msgspec.Raw


def publish(hub: Hub, events: Sequence[Event]) -> None:
    """Turn this module's events into frames; others' events are not its business."""
    for event in events:
        match event:
            case PresenceChanged():
                _presence(hub, event)
            case RoutingChanged():
                _routing(hub, event)
            case RoutingSettingsChanged():
                frame = encode(ChangedFrame("routing", event.enterprise_id, event.version))
                hub.publish([(f"point:{permissions.VIEW.name}", event.enterprise_id)], frame)
            case OfferChanged():
                frame = encode(TransferOfferFrame(_raw(event.offer)))
                hub.publish([("agent", agent_id) for agent_id in event.agent_ids], frame)
            case _:
                pass


def _presence(hub: Hub, event: PresenceChanged) -> None:
    """To the agent's own pages and to those who look at colleagues."""
    shown = event.presence
    frame = encode(PresenceFrame(shown.agent_id, shown.status, shown.connected, shown.open, shown.maximum, shown.asleep))
    hub.publish((("agent", shown.agent_id), ("served_by", shown.agent_id), ("colleagues", event.enterprise_id)), frame)


def _routing(hub: Hub, event: RoutingChanged) -> None:
    """To the agents who see the conversation; to its customer only what they know and what truly changed."""
    audience = [("conversation", event.routing.conversation_id)]
    if event.assignee_id is not None:
        audience += [("agent", event.assignee_id), ("served_by", event.assignee_id), ("colleagues", event.enterprise_id)]
    if event.waiting:
        audience.append(("queue", event.enterprise_id))
    hub.publish(audience, encode(RoutingFrame(_raw(event.routing))))
    if event.place is not None:
        hub.publish((("customer", event.customer_id),), encode(QueueFrame(_raw(event.place))))


def _raw(model: BaseModel) -> msgspec.Raw:
    return msgspec.Raw(model.model_dump_json().encode())
