"""The socket core: frames, their limits, and what stands behind them. It knows no transport; `socket.py` and `polling.py` carry it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Sequence
from datetime import datetime, timedelta
from typing import Any, Union
from uuid import UUID

import msgspec
import structlog

from qiatan.entrypoints.ceiling import RETRY_SECONDS, Crowded
from qiatan.entrypoints.entrance import Entrance, Hello
from qiatan.entrypoints.goodbye import bye
from qiatan.entrypoints.looking import Looking
from qiatan.entrypoints.registry import PUBLISHERS, TIMERS
from qiatan.entrypoints.sweeping import Sweeper
from qiatan.infra import logs, metrics
from qiatan.infra.realtime.cause import FrameAround, finish
from qiatan.infra.realtime.connection import (
    CLOSE_BAD_FRAMES,
    CLOSE_RESTART,
    CLOSE_TOO_LARGE,
    CLOSE_TOO_MANY,
    Connection,
)
from qiatan.infra.realtime.doors import (
    MAX_FRAME_BYTES,
    ErrorFrame,
    Frame,
    FrameDoor,
    encode,
    error_frame,
)
from qiatan.infra.resources import Resources
from qiatan.infra.timers import POLL_SECONDS, TimerLoop
from qiatan.kit.errors import BadRequest, Fault
from qiatan.kit.events import Event
from qiatan.modules.accounts.events import LoginPolicyChanged
from qiatan.modules.conversations.events import ConversationRulesChanged
from qiatan.modules.conversations.realtime import ConversationDoors
from qiatan.modules.conversations.subscribers import JoinKeeper
from qiatan.modules.push.subscribers import Caller
from qiatan.modules.routing.events import RoutingChanged, RoutingSettingsChanged
from qiatan.modules.routing.realtime import PresenceKeeper
from qiatan.modules.routing.subscribers import Assigner, HoursKeeper, QueueKeeper

log = structlog.get_logger(__name__)

BAD_FRAMES_ALLOWED = 20
_BAD = "gateway.bad_frames"
_TOKENS = "gateway.tokens"


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
        self.entrance = Entrance(resources, self._presence)
        self.sweeper = Sweeper(resources, self.entrance)
        self._looking = Looking(self._hub, resources.clock)
        resources.relay.on_events.append(self._heard)
        resources.relay.on_lost.append(self._look_again)
        resources.nodes.on_gone.append(self._conversations.forget_nodes)
        resources.nodes.on_turn.append(self._presence.forget_dead_nodes)
        resources.database.promisers.append(self._joining.promise)
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
            self.sweeper.look_at(changed)
        soon = self.resources.clock.now() + timedelta(seconds=POLL_SECONDS)
        if any(_sets_deadline_before(soon, event) for event in events):
            self._timers.wake()  # deadlines may have come nearer than the loop knows

    def _look_again(self, enterprise_id: UUID | None) -> None:
        """The bus may have lost what concerns an enterprise, or (None) any: news, which clients fetch, and ends, which this node looks up."""
        self._looking.look_again(enterprise_id)
        self.sweeper.look_at(None if enterprise_id is None else (enterprise_id,))

    def start(self) -> None:
        self._push.start()
        self._conversations.start()
        self._joining.start()
        self._presence.start()
        self._assigner.start()
        self._queue.start()
        self._hours.start()
        self._timers.start()
        self.sweeper.start()

    async def settled(self) -> None:
        """Wait until every text received so far is stored or refused, and what followed from all changes so far is done."""
        await self._conversations.settled()
        await self._assigner.settled()
        await self._presence.settled()
        await self._push.settled()

    async def close(self) -> None:
        """Say goodbye to everybody, write what waits, stop."""
        self.sweeper.stop()
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
        self.entrance.opened(connection)

    def closed(self, connection: Connection) -> None:
        """The transport is gone."""
        self.entrance.closed(connection)
        self._conversations.closed(connection)
        self._presence.closed(connection)
        self.entrance.free(connection)

    def everybody(self) -> tuple[Connection, ...]:
        """All connections, with those that have not said hello yet."""
        return tuple(self._hub.connections | self.entrance.pending)

    def restarting(self, connection: Connection, within: float = 0) -> None:
        """Send a client away because this process ends; it comes back by itself, at a moment of its choice `within` so many seconds."""
        bye(connection, CLOSE_RESTART, "restarting", "The server restarts. The page connects again by itself.", within)

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
        await self.entrance.enter(connection, frame, session_token)

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
            bye(connection, CLOSE_TOO_LARGE, "too_large", "A frame has at most 64 KiB.")
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
            return self.entrance.hello(connection, frame, session_token) if connection.actor is None else None
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
            bye(connection, CLOSE_TOO_MANY, "too_many", "Too many frames.")
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
            bye(connection, CLOSE_BAD_FRAMES, "bad_frame", "Too many frames that cannot be read.")


def _sets_deadline_before(moment: datetime, event: Event) -> bool:
    """Whether something may be due earlier than the timers look for what is new."""
    if isinstance(event, RoutingChanged):
        return event.routing.transfer_due_at is not None and event.routing.transfer_due_at < moment
    return isinstance(event, RoutingSettingsChanged | ConversationRulesChanged)
