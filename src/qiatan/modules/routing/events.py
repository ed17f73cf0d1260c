"""What this module tells the others."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from qiatan.kit.events import Event
from qiatan.modules.routing.contracts import Presence
from qiatan.modules.routing.contracts.queue import QueuePlace, Routing
from qiatan.modules.routing.contracts.transfers import TransferOffer


class PresenceChanged(Event):
    """An agent's status, connection or load changed. `moved`: perhaps more than the load, and with it whether anybody serves."""

    type: Literal["routing.presence.v1"] = "routing.presence.v1"
    presence: Presence
    moved: bool = True


class OpeningChanged(Event):
    """Working time began or ended, or its settings changed."""

    type: Literal["routing.opening.v1"] = "routing.opening.v1"


class RoutingChanged(Event):
    """How a conversation stands changed. `place` is what its customer is told, None when nothing they know changed."""

    type: Literal["routing.changed.v1"] = "routing.changed.v1"
    routing: Routing
    customer_id: UUID
    assignee_id: UUID | None
    waiting: bool
    place: QueuePlace | None


class RoutingSettingsChanged(Event):
    """A part of the settings was saved; who waits is looked at again."""

    type: Literal["routing.settings_changed.v1"] = "routing.settings_changed.v1"
    part: Literal["assignment", "queue", "transfers", "hours"]
    version: int


class OfferChanged(Event):
    """A transfer offer was made or is over. `agent_ids`: who is asked, and who asked."""

    type: Literal["routing.offer.v1"] = "routing.offer.v1"
    offer: TransferOffer
    agent_ids: tuple[UUID, ...]
