"""How a connection comes in and goes out: places, the hello, who it is, what it hears from then on."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import msgspec

from qiatan.entrypoints.ceiling import Ceiling, Crowded, descriptors
from qiatan.entrypoints.goodbye import bye
from qiatan.entrypoints.identity import agent_of, view_of, visitor_of
from qiatan.entrypoints.recheck import REPLACED, VIEW_ENDS, VIEW_TICKET
from qiatan.infra.realtime.connection import CLOSE_TOO_MANY, CLOSE_UNAUTHORISED, Connection
from qiatan.infra.realtime.doors import Frame, OutFrame, encode
from qiatan.infra.resources import Resources
from qiatan.infra.throttle import Rate
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.kit.addresses import address_group
from qiatan.kit.errors import NotSignedIn, TwoFactorRequired
from qiatan.modules.accounts.errors import ViewEnded
from qiatan.modules.customers.errors import Blocked
from qiatan.modules.routing.realtime import PresenceKeeper

# A whole office behind one address comes back at once after a restart.
HELLOS = Rate(burst=2_000, per_minute=6_000)
_COUNTED = "gateway.counted"
_HEARS = "gateway.hears"


class Hello(Frame, tag="hello"):
    """The first frame. Visitors bring their token here, so that it is never in an address; agents who look as a colleague their ticket."""

    protocol: int = 1
    token: str | None = None
    view_as: str | None = None


class Myself(msgspec.Struct, frozen=True):
    kind: str
    id: UUID


class Welcome(OutFrame, tag="welcome"):
    protocol: int
    me: Myself
    at: Any


class Entrance:
    """The way in, for all connections of this process. `pending` are those that have not said who they are."""

    def __init__(self, resources: Resources, presence: PresenceKeeper) -> None:
        self._resources = resources
        self._hub = resources.hub
        self._presence = presence
        self.ceiling = Ceiling.for_descriptors(descriptors(), resources.settings.limits.connections)
        self.pending: set[Connection] = set()

    def opened(self, connection: Connection) -> None:
        """A transport is open; the client has not said who it is."""
        connection.seen_at = time.monotonic()
        if self.ceiling.is_reached(len(self._hub.connections) + len(self.pending)):
            bye(connection, CLOSE_TOO_MANY, Crowded.code, Crowded().message)
            return
        self.pending.add(connection)

    def closed(self, connection: Connection) -> None:
        """The transport is gone."""
        self.pending.discard(connection)
        connection.closed = True
        self._hub.remove(connection)

    def free(self, connection: Connection) -> None:
        """All is over for a connection that is gone: its place is free, and what only it heard is heard no more."""
        enterprise_id = connection.memory.pop(_HEARS, None)
        if enterprise_id is not None:
            self._resources.relay.unlisten(enterprise_id)
        counted = connection.memory.pop(_COUNTED, None)
        if counted is not None:
            self.ceiling.leave(counted[0], agent=counted[1])

    async def hello(self, connection: Connection, frame: Hello, session_token: str | None) -> None:
        """Let in whoever says hello rightly; who does not hears in the goodbye why, and the connection is closed.

        Raises:
            TooMany, DatabaseUnavailable
        """
        try:
            await self.enter(connection, frame, session_token)
        except NotSignedIn as fault:
            bye(connection, CLOSE_UNAUTHORISED, "signed_out" if frame.token is None else "token_expired", fault.message)
        except (TwoFactorRequired, ViewEnded, Blocked) as fault:
            bye(connection, CLOSE_UNAUTHORISED, fault.code, fault.message)
        except Crowded as fault:
            bye(connection, CLOSE_TOO_MANY, fault.code, fault.message)

    async def enter(self, connection: Connection, frame: Hello, session_token: str | None) -> None:
        """Find out who it is; only then does the connection hear anything. Errors as `_who`, and `TooMany`."""
        self._resources.throttle.check(f"hello:{address_group(connection.address)}", HELLOS)
        actor = await self._who(connection, frame, session_token)
        if connection.closed:
            return
        try:
            inside = await self._let_in(connection, actor, frame, session_token)
        except BaseException:
            # The client may say hello again on the same line: it begins anew, and nothing may be counted or heard twice.
            self._back_to_the_door(connection)
            raise
        if inside is None:
            return
        person = inside.agent_id if isinstance(inside, AgentActor) else inside.customer_id
        kind = "agent" if isinstance(inside, AgentActor) else "customer"
        connection.push(encode(Welcome(1, Myself(kind, person), self._resources.clock.now())))
        await self._presence.opened(connection)

    async def _let_in(
        self, connection: Connection, actor: AgentActor | VisitorActor, frame: Hello, session_token: str | None
    ) -> AgentActor | VisitorActor | None:
        """Give it a place and all it is to hear. None: the connection is gone, or was told to go."""
        by_agent = isinstance(actor, AgentActor)
        self.ceiling.enter(actor.enterprise_id, agent=by_agent)
        connection.memory[_COUNTED] = actor.enterprise_id, by_agent
        heard_anew = await self._resources.relay.listen(actor.enterprise_id)
        if connection.closed:
            self._resources.relay.unlisten(actor.enterprise_id)
            return None
        connection.memory[_HEARS] = actor.enterprise_id
        if heard_anew and isinstance(actor, VisitorActor):
            # Only now does this node hear what happens to this enterprise elsewhere: look again. (Agents are looked up anew below.)
            actor = await self._who(connection, frame, session_token)
        if self._is_gone(connection):
            return None
        self.pending.discard(connection)
        connection.actor = actor
        connection.seen_at = time.monotonic()
        self._hub.add(connection)
        self._listen(connection, actor)
        if isinstance(actor, AgentActor) and await self._who(connection, frame, session_token) != actor:
            # The rights changed while this socket was being opened, before it could hear of it.
            bye(connection, REPLACED.close, REPLACED.code, REPLACED.message)
            return None
        return actor

    def _back_to_the_door(self, connection: Connection) -> None:
        """As if it had said nothing yet."""
        self._hub.remove(connection)
        connection.actor = None
        self.free(connection)
        if not connection.closed:
            self.pending.add(connection)

    @staticmethod
    def _is_gone(connection: Connection) -> bool:
        return connection.closed

    async def _who(self, connection: Connection, frame: Hello, session_token: str | None) -> AgentActor | VisitorActor:
        """Who says hello.

        Raises:
            NotSignedIn: the token or session says nothing.
            Blocked: the visitor is on the blacklist.
            TwoFactorRequired: the account must add a second factor first.
            ViewEnded: it cannot be looked at as this colleague.
        """
        if frame.token is not None:
            guest = await visitor_of(self._resources.database, frame.token, address=connection.address)
            if guest is None:
                raise NotSignedIn
            return guest
        actor = await agent_of(self._resources, session_token, address=connection.address)
        if actor is None:
            raise NotSignedIn
        if actor.must_enrol:
            raise TwoFactorRequired
        if frame.view_as is None:
            return actor
        seen, connection.memory[VIEW_ENDS] = await view_of(self._resources, actor, frame.view_as)
        connection.memory[VIEW_TICKET] = frame.view_as
        return seen

    def _listen(self, connection: Connection, actor: AgentActor | VisitorActor) -> None:
        """The topics everybody of this kind listens to; views are subscribed by the client."""
        if isinstance(actor, AgentActor):
            self._hub.subscribe(connection, ("agent", actor.agent_id))
            if actor.viewer_id is not None:
                self._hub.subscribe(connection, ("viewer", actor.viewer_id))
            for point in actor.points:
                self._hub.subscribe(connection, (f"point:{point}", actor.enterprise_id))
        else:
            self._hub.subscribe(connection, ("channel", actor.channel_id))
            self._hub.subscribe(connection, ("visitors", actor.enterprise_id))
