"""Events as frames for open pages, and the end of sockets of who was put on the blacklist."""

from __future__ import annotations

from collections.abc import Sequence

from qiatan.infra.realtime.connection import CLOSE_UNAUTHORISED
from qiatan.infra.realtime.doors import ByeFrame, encode
from qiatan.infra.realtime.hub import Hub
from qiatan.kit.access import VisitorActor
from qiatan.kit.events import Event
from qiatan.modules.customers.errors import Blocked
from qiatan.modules.customers.events import CustomerBlocked

_BYE = encode(ByeFrame(Blocked.code, Blocked().message))


def publish(hub: Hub, events: Sequence[Event]) -> None:
    """Shut out who may not come in any more. It is the last publisher: nothing follows a `bye`."""
    for event in events:
        if isinstance(event, CustomerBlocked):
            _close(hub, event)


def _close(hub: Hub, event: CustomerBlocked) -> None:
    # Who only shares the address is shut out when their right to be here is looked at next, within half a minute.
    for connection in hub.listeners(("visitors", event.enterprise_id)):
        actor = connection.actor
        if isinstance(actor, VisitorActor) and actor.customer_id == event.customer_id:
            connection.push(_BYE)
            connection.flush()
            connection.close(CLOSE_UNAUTHORISED, Blocked.code)
