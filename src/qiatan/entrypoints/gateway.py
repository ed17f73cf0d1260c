"""The socket core: hello, dispatch, limits, heartbeats. It knows no transport; `socket.py` and `polling.py` carry it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Union
from uuid import UUID

import msgspec
import structlog

from qiatan.entrypoints.ceiling import RETRY_SECONDS, Ceiling, Crowded, descriptors
from qiatan.entrypoints.drain import time_away
from qiatan.entrypoints.identity import agent_of, view_of, visitor_of
from qiatan.entrypoints.looking import Looking
from qiatan.entrypoints.recheck import REPLACED, VIEW_TICKET, unwelcome
from qiatan.entrypoints.registry import PUBLISHERS, TIMERS
from qiatan.infra import logs, metrics
from qiatan.infra.realtime.cause import FrameAround, finish
from qiatan.infra.realtime.connection import (
    CLOSE_BAD_FRAMES,
    CLOSE_IDLE,
    CLOSE_RESTART,
    CLOSE_TOO_LARGE,
    CLOSE_TOO_MANY,
    CLOSE_UNAUTHORISED,
    Connection,
)
from qiatan.infra.realtime.doors import (
    MAX_FRAME_BYTES,
    ByeFrame,
    ErrorFrame,
    Frame,
    FrameDoor,
    OutFrame,
    encode,
    error_frame,
)
from qiatan.infra.resources import Resources
from qiatan.infra.throttle import Rate
from qiatan.infra.timers import POLL_SECONDS, TimerLoop
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.kit.errors import BadRequest, Fault, NotSignedIn, TwoFactorRequired
from qiatan.kit.events import Event
from qiatan.modules.accounts.errors import ViewEnded
from qiatan.modules.accounts.events import LoginPolicyChanged
from qiatan.modules.conversations.events import ConversationRulesChanged
from qiatan.modules.conversations.realtime import ConversationDoors
from qiatan.modules.conversations.subscribers import JoinKeeper
from qiatan.modules.customers.errors import Blocked
from qiatan.modules.push.subscribers import Caller
from qiatan.modules.routing.events import RoutingChanged, RoutingSettingsChanged
from qiatan.modules.routing.realtime import PresenceKeeper
from qiatan.modules.routing.subscribers import Assigner, HoursKeeper, QueueKeeper

log = structlog.get_logger(__name__)

HELLO_SECONDS = 10
IDLE_SECONDS = 75
SWEEP_SECONDS = 5
RECHECK_SECONDS = 30
"""How long a socket may outlive a session, token or rights that ended without an event (expiry, the command line, what the bus lost)."""
BAD_FRAMES_ALLOWED = 20
# A whole office behind one address comes back at once after a restart.
HELLOS = Rate(burst=2_000, per_minute=6_000)
_BAD = "gateway.bad_frames"
_TOKENS = "gateway.tokens"
_VIEW_ENDS = "gateway.view_ends"
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


class Gateway:
    """Everything behind a connection, for all connections of this process."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self._hub = resources.hub
        self._push = Caller(resources)
        self._conversations = ConversationDoors(resources, unheard=self._push.react)
        self._joining = JoinKeeper(resources)
        self._presence = PresenceKeeper(resources)
        self._assigner = Assigner(resources)
        self._queue = QueueKeeper(resources)
        self._hours = HoursKeeper(resources)
        self._timers = TimerLoop(resources, TIMERS)
        self.doors: dict[type[Frame], FrameDoor] = {door.frame: door for door in (*self._conversations.doors, *self._presence.doors)}
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Union[Hello, *self.doors])
        rate = resources.settings.visitor_rate
        # A visitor's page sends reads, typing and heartbeats beside its messages.
        self._frame_rate = max(1200, rate * 3) / 60
        self._frame_burst = max(200.0, self._frame_rate * 2)
        self.ceiling = Ceiling.for_descriptors(descriptors(), resources.settings.limits.connections)
        self._pending: set[Connection] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._to_recheck: set[UUID] = set()
        self._recheck_all = False
        self._recheck_now = asyncio.Event()
        self._looking = Looking(self._hub, resources.clock)
        resources.relay.on_events.append(self._heard)
        resources.relay.on_lost.append(self._look_again)
        resources.nodes.on_gone.append(self._conversations.forget_nodes)
        resources.nodes.on_turn.append(self._presence.forget_dead_nodes)
        resources.database.listeners += [self._publish, self._joining.react, self._assigner.react, self._hours.react, self._push.react]

    def _heard(self, events: Sequence[Event]) -> None:
        """What another node committed is told here too; what has to follow from it is done there."""
        self._publish(events)
        self._hours.react(events)

    def _publish(self, events: Sequence[Event]) -> None:
        self._conversations.react(events)
        for publisher in PUBLISHERS:
            publisher(self._hub, events)
        changed = {event.enterprise_id for event in events if isinstance(event, LoginPolicyChanged)}
        if changed:
            self._to_recheck |= changed
            self._recheck_now.set()
        soon = self.resources.clock.now() + timedelta(seconds=POLL_SECONDS)
        if any(_sets_deadline_before(soon, event) for event in events):
            self._timers.wake()  # deadlines may have come nearer than the loop knows

    def _look_again(self, enterprise_id: UUID | None) -> None:
        """The bus may have lost what concerns an enterprise, or (None) any: news, which clients fetch, and ends, which this node looks up."""
        self._looking.look_again(enterprise_id)
        if enterprise_id is None:
            self._recheck_all = True
        else:
            self._to_recheck.add(enterprise_id)
        self._recheck_now.set()

    def start(self) -> None:
        self._push.start()
        self._conversations.start()
        self._joining.start()
        self._presence.start()
        self._assigner.start()
        self._queue.start()
        self._hours.start()
        self._timers.start()
        self._sweeper = asyncio.create_task(self._sweep(), name="gateway-sweep")

    async def settled(self) -> None:
        """Wait until every text received so far is stored or refused, and what followed from all changes so far is done."""
        await self._conversations.settled()
        await self._assigner.settled()
        await self._push.settled()

    async def close(self) -> None:
        """Say goodbye to everybody, write what waits, stop."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in self.everybody():
            self.restarting(connection)
        await self._conversations.close()
        await self._joining.close()
        await self._timers.close()
        await self._hours.close()
        await self._queue.close()
        await self._assigner.close()
        await self._presence.close()
        await self._push.close()
        self._looking.close()

    # -- life of a connection

    def opened(self, connection: Connection) -> None:
        """A transport is open; the client has not said who it is."""
        connection.seen_at = time.monotonic()
        if self.ceiling.is_reached(len(self._hub.connections) + len(self._pending)):
            self.bye(connection, CLOSE_TOO_MANY, Crowded.code, Crowded().message)
            return
        self._pending.add(connection)

    def closed(self, connection: Connection) -> None:
        """The transport is gone."""
        self._pending.discard(connection)
        connection.closed = True
        self._hub.remove(connection)
        self._conversations.closed(connection)
        self._presence.closed(connection)
        enterprise_id = connection.memory.pop(_HEARS, None)
        if enterprise_id is not None:
            self.resources.relay.unlisten(enterprise_id)
        counted = connection.memory.pop(_COUNTED, None)
        if counted is not None:
            self.ceiling.leave(counted[0], agent=counted[1])

    def bye(self, connection: Connection, code: int, reason: str, message: str, within: float = 0) -> None:
        """Close a connection with the reason; who comes back is asked to do so at a moment of its choice `within` so many seconds."""
        connection.push(encode(ByeFrame(reason, message, within or None)))
        connection.flush()
        connection.close(code, reason)

    def everybody(self) -> tuple[Connection, ...]:
        """All connections, with those that have not said hello yet."""
        return tuple(self._hub.connections | self._pending)

    def restarting(self, connection: Connection, within: float = 0) -> None:
        """Send a client away because this process ends; it comes back by itself, at a moment of its choice `within` so many seconds."""
        self.bye(connection, CLOSE_RESTART, "restarting", "The server restarts. The page connects again by itself.", within)

    async def hello(self, connection: Connection, frame: Hello, session_token: str | None) -> None:
        """Let in whoever says hello rightly; who does not hears in the goodbye why, and the connection is closed.

        Raises:
            TooMany, DatabaseUnavailable
        """
        try:
            await self._enter(connection, frame, session_token)
        except NotSignedIn as fault:
            self.bye(connection, CLOSE_UNAUTHORISED, "signed_out" if frame.token is None else "token_expired", fault.message)
        except (TwoFactorRequired, ViewEnded, Blocked) as fault:
            self.bye(connection, CLOSE_UNAUTHORISED, fault.code, fault.message)
        except Crowded as fault:
            self.bye(connection, CLOSE_TOO_MANY, fault.code, fault.message)

    async def _enter(self, connection: Connection, frame: Hello, session_token: str | None) -> None:
        """Find out who it is; only then does the connection hear anything. Errors as `_who`, and `TooMany`."""
        self.resources.throttle.check(f"hello:{connection.address}", HELLOS)
        actor = await self._who(connection, frame, session_token)
        if connection.closed:
            return
        if _COUNTED not in connection.memory:
            by_agent = isinstance(actor, AgentActor)
            self.ceiling.enter(actor.enterprise_id, agent=by_agent)
            connection.memory[_COUNTED] = actor.enterprise_id, by_agent
        connection.memory[_HEARS] = actor.enterprise_id
        try:
            heard_anew = await self.resources.relay.listen(actor.enterprise_id)
        except Exception:
            connection.memory.pop(_HEARS, None)
            raise
        if heard_anew and isinstance(actor, VisitorActor):
            # Only now does this node hear what happens to this enterprise elsewhere: look again. (Agents are looked up anew below.)
            actor = await self._who(connection, frame, session_token)
        if self._is_gone(connection):
            return
        self._pending.discard(connection)
        connection.actor = actor
        connection.seen_at = time.monotonic()
        self._hub.add(connection)
        self._listen(connection, actor)
        if isinstance(actor, AgentActor) and await self._who(connection, frame, session_token) != actor:
            # The rights changed while this socket was being opened, before it could hear of it.
            self.bye(connection, REPLACED.close, REPLACED.code, REPLACED.message)
            return
        person = actor.agent_id if isinstance(actor, AgentActor) else actor.customer_id
        kind = "agent" if isinstance(actor, AgentActor) else "customer"
        connection.push(encode(Welcome(1, Myself(kind, person), self.resources.clock.now())))
        await self._presence.opened(connection)

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
            guest = await visitor_of(self.resources.database, frame.token, address=connection.address)
            if guest is None:
                raise NotSignedIn
            return guest
        actor = await agent_of(self.resources, session_token, address=connection.address)
        if actor is None:
            raise NotSignedIn
        if actor.must_enrol:
            raise TwoFactorRequired
        if frame.view_as is None:
            return actor
        seen, connection.memory[_VIEW_ENDS] = await view_of(self.resources, actor, frame.view_as)
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

    async def open(self, connection: Connection, payload: str, session_token: str | None) -> None:
        """A polling client's hello: unlike on a socket, a refusal is the caller's to answer.

        Raises:
            BadRequest: it cannot be read.
            NotSignedIn: nobody is known by it.
            TwoFactorRequired, ViewEnded, Blocked, TooMany, DatabaseUnavailable
        """
        try:
            frame = self._decoder.decode(payload)
        except msgspec.DecodeError:
            raise BadRequest("This hello cannot be read. See the protocol description.") from None
        if not isinstance(frame, Hello):
            raise BadRequest("Begin with a hello. See the protocol description.")
        if connection.closed:
            raise Crowded(retry_after=RETRY_SECONDS)
        await self._enter(connection, frame, session_token)

    # -- frames

    def receive(self, connection: Connection, payload: str, session_token: str | None) -> Awaitable[None] | None:
        """Handle one inbound message; what is returned must be awaited before the next one. Whatever is wrong with it concerns this
        connection only."""
        if connection.closed:
            return None
        now = time.monotonic()
        if connection.actor is not None:  # before the hello the clock runs on, whatever is sent
            connection.seen_at = now
        if len(payload) > MAX_FRAME_BYTES // 4 and len(payload.encode(errors="replace")) > MAX_FRAME_BYTES:
            self.bye(connection, CLOSE_TOO_LARGE, "too_large", "A frame has at most 64 KiB.")
            return None
        if not self.take_token(connection, now):
            return None
        metrics.FRAMES_IN.add()
        ref: UUID | None = None
        cause = FrameAround(connection, None)
        named = logs.around.set(cause)
        try:
            cause.frame = frame = self._decode(payload)
            ref = getattr(frame, "client_message_id", None)
            waiting = self._dispatch(connection, frame, session_token)
        except Exception as error:  # noqa: BLE001 -- told to the client, and logged where it is our fault
            self._tell_fault(connection, error, ref)
            return None
        finally:
            logs.around.reset(named)
        return None if waiting is None else self._finish(connection, waiting, ref, cause)

    async def _finish(self, connection: Connection, waiting: Awaitable[None], ref: UUID | None, cause: FrameAround) -> None:
        try:
            await finish(cause, waiting)
        except Exception as error:  # noqa: BLE001 -- as in `receive`
            self._tell_fault(connection, error, ref)

    def _tell_fault(self, connection: Connection, error: Exception, ref: UUID | None) -> None:
        if isinstance(error, msgspec.DecodeError):
            self._bad_frame(connection, error)
        elif isinstance(error, Fault):
            connection.push(error_frame(error, ref))
        else:
            log.error("frame.crashed", error=str(error), exc_info=error)
            connection.push(encode(ErrorFrame("internal", "Something went wrong on our side; nothing was changed.", ref)))

    def _decode(self, payload: str) -> Any:
        try:
            return self._decoder.decode(payload)
        except RecursionError as error:
            raise msgspec.DecodeError("nested too deeply") from error

    def _dispatch(self, connection: Connection, frame: Frame, session_token: str | None) -> Awaitable[None] | None:
        if isinstance(frame, Hello):
            return self.hello(connection, frame, session_token) if connection.actor is None else None
        door = self.doors[type(frame)]
        door.admit(connection.actor)
        return door.handle(connection, frame)

    def take_token(self, connection: Connection, now: float) -> bool:
        """One frame of the connection's allowance. A client that ignores the answer is cut off."""
        tokens, at = connection.memory.get(_TOKENS, (self._frame_burst, now))
        tokens = min(self._frame_burst, tokens + (now - at) * self._frame_rate)
        connection.memory[_TOKENS] = (tokens - 1, now)
        if tokens >= 1:
            return True
        metrics.THROTTLED.add("frames")
        if tokens < -self._frame_burst:
            self.bye(connection, CLOSE_TOO_MANY, "too_many", "Too many frames.")
        else:
            connection.push(encode(ErrorFrame("too_many", "Too many frames. Wait a moment.", retry_after=1)))
        return False

    def _bad_frame(self, connection: Connection, error: msgspec.DecodeError) -> None:
        """A constant answer: nothing of the frame or of our state is told."""
        unknown = isinstance(error, msgspec.ValidationError) and "Invalid value" in str(error) and "$.type" in str(error)
        code = "unknown_frame" if unknown else "bad_frame"
        message = "This frame does not exist." if unknown else "This frame cannot be read. See the protocol description."
        connection.push(encode(ErrorFrame(code, message)))
        count = connection.memory.get(_BAD, 0) + 1
        connection.memory[_BAD] = count
        if count > BAD_FRAMES_ALLOWED:
            self.bye(connection, CLOSE_BAD_FRAMES, "bad_frame", "Too many frames that cannot be read.")

    async def _sweep(self) -> None:
        """Close what has been silent for too long, and what lost its right to be open."""
        rechecked = time.monotonic()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._recheck_now.wait(), SWEEP_SECONDS)
            self._recheck_now.clear()
            now = time.monotonic()
            everybody = self._recheck_all or now - rechecked >= RECHECK_SECONDS
            enterprises, self._to_recheck, self._recheck_all = self._to_recheck, set(), False
            if everybody or enterprises:
                rechecked = now if everybody else rechecked
                try:
                    await self._recheck(None if everybody else enterprises)
                except Exception as error:
                    # The next turn looks again; this loop must live as long as the process.
                    self._to_recheck |= enterprises
                    self._recheck_all = everybody
                    log.exception("gateway.not_rechecked", error=str(error))
            for connection in [c for c in self._pending if now - c.seen_at > HELLO_SECONDS]:
                self.bye(connection, CLOSE_IDLE, "idle", "No hello came.")
                self._pending.discard(connection)
            for connection in [c for c in self._hub.connections if now - c.seen_at > IDLE_SECONDS]:
                self.bye(connection, CLOSE_IDLE, "idle", "Nothing was heard for too long.")
            self.end_views()

    def end_views(self) -> None:
        """Close the sockets through which somebody looked as a colleague for as long as was allowed."""
        now = self.resources.clock.now()
        for connection in [c for c in self._hub.connections if _VIEW_ENDS in c.memory and c.memory[_VIEW_ENDS] <= now]:
            self.bye(connection, CLOSE_UNAUTHORISED, ViewEnded.code, ViewEnded().message)

    async def _recheck(self, enterprises: Collection[UUID] | None) -> None:
        """Close the sockets that may not be open any more; `enterprises` says whose, if not all."""
        returning = 0
        async for gone in unwelcome(self.resources, enterprises):
            # Whose rights changed comes back at once: of a thousand with the same role, each at a moment of its own.
            returning += sum(goodbye is REPLACED for _, goodbye in gone)
            for connection, goodbye in gone:
                within = time_away(returning) if goodbye is REPLACED else 0
                self.bye(connection, goodbye.close, goodbye.code, goodbye.message, within)


def _sets_deadline_before(moment: datetime, event: Event) -> bool:
    """Whether something may be due earlier than the timers look for what is new."""
    if isinstance(event, RoutingChanged):
        return event.routing.transfer_due_at is not None and event.routing.transfer_due_at < moment
    return isinstance(event, RoutingSettingsChanged | ConversationRulesChanged)
