"""Which open sockets may not be open any more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from qiatan.entrypoints.registry import CATALOGUE
from qiatan.infra.db import Tx
from qiatan.infra.realtime.connection import CLOSE_RESTART, CLOSE_UNAUTHORISED, Connection
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.modules.accounts import service as accounts
from qiatan.modules.accounts.errors import ViewEnded
from qiatan.modules.customers.errors import Blocked
from qiatan.modules.visitors import service as visitors

BATCH = 250
VIEW_TICKET = "gateway.view_ticket"
"""Where a connection keeps the ticket with which it looks as a colleague."""
VIEW_ENDS = "gateway.view_ends"
"""And until when it may."""


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Why a connection is closed: the socket's code, and what its page is told."""

    close: int
    code: str
    message: str


SIGNED_OUT = Goodbye(CLOSE_UNAUTHORISED, "signed_out", "This session has ended. Sign in again.")
REPLACED = Goodbye(CLOSE_RESTART, "replaced", "Your rights have changed. Connect again.")
_BLOCKED = Goodbye(CLOSE_UNAUTHORISED, Blocked.code, Blocked().message)
_VIEW_ENDED = Goodbye(CLOSE_UNAUTHORISED, ViewEnded.code, ViewEnded().message)
_EXPIRED = Goodbye(CLOSE_UNAUTHORISED, "token_expired", "This visitor token has expired. Ask for a new one.")


async def unwelcome(resources: Resources, enterprises: Collection[UUID] | None) -> AsyncIterator[list[tuple[Connection, Goodbye]]]:
    """Connections to close, in batches; `enterprises` says whose, if not all.

    Their session or visitor token has ended, or the login restriction does not let the session be used from where the socket is, or the
    rights they were opened with are not those the agent has now. Some hundreds are looked up at a time, so that messages need not wait.
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
            sessions = await accounts.living_sessions(tx, agents, resources.geo.region_of, CATALOGUE)
            tokens = await visitors.living_tokens(tx, {(guest.enterprise_id, guest.token_id) for guest in guests.values()})
            shut_out = await visitors.shut_out_guests(tx, set(guests.values()))
            goodbyes = [
                (connection, await _goodbye(tx, resources, connection, actor, sessions))
                for connection, actor in asked
                if isinstance(actor, AgentActor)
            ]
        gone = [(connection, goodbye) for connection, goodbye in goodbyes if goodbye is not None]
        for connection, guest in guests.items():
            if guest in shut_out:
                gone.append((connection, _BLOCKED))
            elif guest.token_id not in tokens:
                gone.append((connection, _EXPIRED))
        if gone:
            yield gone


async def _goodbye(
    tx: Tx, resources: Resources, connection: Connection, actor: AgentActor, sessions: Mapping[UUID, AgentActor]
) -> Goodbye | None:
    now = sessions.get(actor.session_id)
    if now is None:
        return SIGNED_OUT
    ticket = connection.memory.get(VIEW_TICKET)
    if ticket is not None:
        try:
            now, _ = await accounts.resolve_view(tx, now, ticket, sealer=resources.sealer, catalogue=CATALOGUE)
        except ViewEnded:
            return _VIEW_ENDED
    return None if now == actor else REPLACED
