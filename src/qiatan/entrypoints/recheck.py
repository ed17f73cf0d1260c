"""Which open sockets may not be open any more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from uuid import UUID

from qiatan.infra.realtime.connection import Connection
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.modules.accounts import service as accounts
from qiatan.modules.customers.errors import Blocked
from qiatan.modules.visitors import service as visitors

BATCH = 1_000


async def unwelcome(resources: Resources, enterprises: Collection[UUID] | None) -> AsyncIterator[tuple[Connection, str, str]]:
    """Connections to close, each with the code and message of its goodbye; `enterprises` says whose, if not all.

    Their session or visitor token has ended, or the login restriction does not let the session be used from where the socket is. A thousand
    are looked up at a time.
    """
    everybody = [
        (connection, connection.actor)
        for connection in resources.hub.connections
        if connection.actor is not None and (enterprises is None or connection.actor.enterprise_id in enterprises)
    ]
    for start in range(0, len(everybody), BATCH):
        asked = everybody[start : start + BATCH]
        agents = {
            accounts.OpenSocket(actor.enterprise_id, actor.session_id, connection.address)
            for connection, actor in asked
            if isinstance(actor, AgentActor)
        }
        guests = {
            connection: visitors.OpenGuest(actor.enterprise_id, actor.token_id, connection.address)
            for connection, actor in asked
            if isinstance(actor, VisitorActor)
        }
        async with resources.database.system() as tx:
            living = await accounts.living_sessions(tx, agents, resources.geo.region_of)
            living |= await visitors.living_tokens(tx, {(guest.enterprise_id, guest.token_id) for guest in guests.values()})
            shut_out = await visitors.shut_out_guests(tx, set(guests.values()))
        for connection, actor in asked:
            if isinstance(actor, AgentActor) and actor.session_id not in living:
                yield connection, "signed_out", "This session has ended. Sign in again."
            elif connection in guests and guests[connection] in shut_out:
                yield connection, Blocked.code, Blocked().message
            elif isinstance(actor, VisitorActor) and actor.token_id not in living:
                yield connection, "token_expired", "This visitor token has expired. Ask for a new one."
