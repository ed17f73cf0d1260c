"""Socket door of routing: its events as frames, and connections as presence."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import structlog
from pydantic import BaseModel

from qiatan.infra.realtime.connection import ASLEEP, Connection
from qiatan.infra.realtime.doors import ChangedFrame, Frame, FrameDoor, OutFrame, encode
from qiatan.infra.realtime.hub import Hub
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.kit.errors import Fault
from qiatan.kit.events import Event
from qiatan.modules.accounts.events import AgentChanged, RoleChanged
from qiatan.modules.conversations.permissions import SERVE
from qiatan.modules.routing import permissions, service
from qiatan.modules.routing.events import OfferChanged, OpeningChanged, PresenceChanged, RoutingChanged, RoutingSettingsChanged

log = structlog.get_logger(__name__)

RENEW_SECONDS = 20
GRACE_SECONDS = 8
"""A reload of the page closes one connection and opens another: colleagues and visitors need not notice."""
AGAIN_SECONDS = 10
"""After which it is tried again to note that an agent's last page here has gone, or to read whether anybody serves."""
GATHER_SECONDS = 0.2
"""How long after a look at whether anybody serves the next one of the same enterprise begins: it answers all that happened meanwhile."""
GREET_SECONDS = 1.0
"""How long somebody who comes waits for a look that is due. After that they hear of it with all others."""
LOOKS_AT_ONCE = 4
"""Enterprises looked at together, so that after a lost bus other calls find connections."""
CHECK_EVERY = 3
"""Turns of the leases between two checks of what all visitors here were told."""

_COUNTED = "routing.counted"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


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


class AvailabilityTeller:
    """Tells visitors whether anybody serves.

    What happens says only that it may be another now: of two who leave at once, each still sees the other. So it is read afterwards, one
    reading after another, and what is told last is true. All visitors here know what was noted last, or nothing was noted.
    """

    def __init__(self, resources: Resources) -> None:
        self._hub = resources.hub
        self._database = resources.database
        self._answered: dict[UUID, asyncio.Event] = {}
        """Whom it looks at, and whether what was noted was read after all that happened."""
        self._again: set[UUID] = set()
        """Where something happened since the last reading began."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(LOOKS_AT_ONCE)
        resources.database.listeners.append(self.react)
        resources.relay.on_events.append(self.react)
        resources.relay.on_lost.append(self.look_again)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def greet(self, connection: Connection, enterprise_id: UUID) -> None:
        """Somebody has just come in, and hears from now on what all visitors hear: changes."""
        before = self._hub.notes.get(("availability", enterprise_id))
        answered = self._answered.get(enterprise_id) if before is not None else self._look_at(enterprise_id)
        if answered is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(GREET_SECONDS):
                    await answered.wait()
        if before is not None and before == self._hub.notes.get(("availability", enterprise_id)):
            connection.push(encode(AvailabilityFrame(before is True)))

    def react(self, events: Sequence[Event]) -> None:
        """Called with the events of each transaction that was committed, here or on another node."""
        for event in events:
            if isinstance(event, OpeningChanged | AgentChanged | RoleChanged) or (isinstance(event, PresenceChanged) and event.moved):
                self._look_at(event.enterprise_id)

    def look_again(self, enterprise_id: UUID | None) -> None:
        """What was said of an enterprise, or (None) of any, may not have been heard here."""
        for visited in self._visited() if enterprise_id is None else {enterprise_id}:
            self._look_at(visited)

    async def check(self) -> None:
        """Look at those of whom something else was told than whether somebody is online: of that no event may have come, as when a node died
        before it could tell, or its clock was a moment ahead."""
        async with self._database.system() as tx:
            online = await service.enterprises_online(tx)
        for enterprise_id in self._visited():
            if self._hub.notes.get(("availability", enterprise_id)) != (enterprise_id in online):
                self._look_at(enterprise_id)

    def _visited(self) -> set[UUID]:
        return {one.actor.enterprise_id for one in self._hub.connections if isinstance(one.actor, VisitorActor)}

    def _look_at(self, enterprise_id: UUID) -> asyncio.Event:
        self._again.add(enterprise_id)
        answered = self._answered.get(enterprise_id)
        if answered is None:
            answered = self._answered[enterprise_id] = asyncio.Event()
            task = asyncio.create_task(self._keep_looking(enterprise_id, answered), name="availability")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        answered.clear()
        return answered

    async def _keep_looking(self, enterprise_id: UUID, answered: asyncio.Event) -> None:
        try:
            while enterprise_id in self._again:
                self._again.discard(enterprise_id)
                pause = await self._look(enterprise_id)
                if enterprise_id not in self._again:
                    answered.set()
                await asyncio.sleep(pause)
        finally:
            answered.set()
            del self._answered[enterprise_id]

    async def _look(self, enterprise_id: UUID) -> float:
        """One reading. Returns after how many seconds the next one may begin."""
        noted, visitors = ("availability", enterprise_id), ("visitors", enterprise_id)
        if not self._hub.listeners(visitors):
            # Whoever comes next has it read.
            self._hub.notes.pop(noted, None)
            return 0
        try:
            async with self._places, self._database.tenant(enterprise_id) as tx:
                online = await service.anybody_serves(tx)
        except Exception as error:
            log.warning("availability.not_told", enterprise_id=str(enterprise_id), error=repr(error), exc_info=not isinstance(error, Fault))
            self._again.add(enterprise_id)
            return AGAIN_SECONDS
        if self._hub.notes.get(noted) != online:
            self._hub.notes[noted] = online
            self._hub.publish((visitors,), encode(AvailabilityFrame(online)))
        return GATHER_SECONDS


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


class PresenceKeeper:
    """Turns agents' connections into leases: given on connect, renewed while connected, let go after a grace period."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._node_id = resources.node.id
        self._connections: dict[tuple[UUID, UUID], int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._renewing: asyncio.Task[None] | None = None
        self._dozing: dict[tuple[UUID, UUID], datetime] = {}
        """Of whom all pages here sleep with their lines open, and when that was noted last."""
        self._untold: set[tuple[UUID, UUID]] = set()
        """Who came back by a renewal, and could not be announced yet."""
        self._availability = AvailabilityTeller(resources)
        self.doors = (FrameDoor(Page, self.page, agents=SERVE, visitors=False),)

    def start(self) -> None:
        self._renewing = asyncio.create_task(self._renew(), name="presence-leases")

    async def close(self) -> None:
        """Stop. Leases lapse by themselves: after a restart the agents' pages are back before that."""
        self._availability.close()
        tasks = [*self._tasks, *([self._renewing] if self._renewing else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=5)
        try:
            async with self._resources.database.system() as tx:
                await service.node_ends(tx, self._node_id)
        except Fault as fault:
            # The others find that this node does not live.
            log.info("presence.not_signed_off", code=fault.code)

    async def opened(self, connection: Connection) -> None:
        actor = connection.actor
        if isinstance(actor, VisitorActor):
            await self._availability.greet(connection, actor.enterprise_id)
        # Who looks as somebody else does not make them present; who may not serve is not looked for.
        if not isinstance(actor, AgentActor) or actor.via != "session" or not actor.may(SERVE):
            return
        if connection.closed:
            return  # `closed` was called already, and nobody would let go of what is counted now
        key = (actor.enterprise_id, actor.agent_id)
        connection.memory[_COUNTED] = True
        self._connections[key] = self._connections.get(key, 0) + 1
        if self._connections[key] == 1 or self._dozing.pop(key, None) is not None:
            async with self._resources.database.tenant(actor.enterprise_id) as tx:
                await service.connected(tx, actor.agent_id, self._node_id)

    def closed(self, connection: Connection) -> None:
        actor = connection.actor
        if not isinstance(actor, AgentActor) or not connection.memory.pop(_COUNTED, False):
            return
        key = (actor.enterprise_id, actor.agent_id)
        remaining = self._connections.get(key, 1) - 1
        if remaining > 0:
            self._connections[key] = remaining
            if self._all_asleep(key):
                self._run(self._doze(key), "presence-doze")
            return
        self._connections.pop(key, None)
        self._dozing.pop(key, None)
        self._run(self._let_go(key), "presence-let-go")

    async def page(self, connection: Connection, frame: Frame) -> None:
        """Note that a page sleeps, or is looked at again. Whoever only looks as a colleague never gets here."""
        assert isinstance(frame, Page)
        actor = connection.actor
        if not isinstance(actor, AgentActor) or not connection.memory.get(_COUNTED):
            return
        key = (actor.enterprise_id, actor.agent_id)
        if frame.asleep:
            connection.memory[ASLEEP] = True
            await self._doze(key)
        else:
            connection.memory.pop(ASLEEP, None)
            self._dozing.pop(key, None)
            async with self._resources.database.tenant(actor.enterprise_id) as tx:
                await service.wake_up(tx, actor.agent_id, self._node_id)

    def _run(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _all_asleep(self, key: tuple[UUID, UUID]) -> bool:
        """Whether no page of the agent here is looked at."""
        pages = [one for one in self._resources.hub.listeners(("agent", key[1])) if one.memory.get(_COUNTED)]
        return bool(pages) and all(one.memory.get(ASLEEP) for one in pages)

    async def _doze(self, key: tuple[UUID, UUID]) -> None:
        alone = self._all_asleep(key)
        if alone:
            self._dozing[key] = self._resources.clock.now()
        try:
            async with self._resources.database.tenant(key[0]) as tx:
                await service.fall_asleep(tx, key[1], self._node_id, alone=alone)
        except Fault as fault:
            # Until the next turn of the leases, which tries it again, other nodes take the page for one that is looked at.
            log.warning("presence.not_asleep", enterprise_id=str(key[0]), agent_id=str(key[1]), code=fault.code)
            if key in self._dozing:
                self._dozing[key] = _LONG_AGO

    async def _let_go(self, key: tuple[UUID, UUID]) -> None:
        def is_back() -> bool:
            return key in self._connections

        try:
            async with self._resources.database.tenant(key[0]) as tx:
                await service.page_closed(tx, key[1], self._node_id, is_back)
        except Fault as fault:
            # It is done with what follows.
            log.info("presence.page_not_closed", enterprise_id=str(key[0]), agent_id=str(key[1]), code=fault.code)
        await asyncio.sleep(GRACE_SECONDS)
        # The lease lapses by itself. That a page is open here does not, and the other nodes call nobody of whom it is noted.
        while not is_back():
            try:
                async with self._resources.database.tenant(key[0]) as tx:
                    await service.disconnected(tx, key[1], self._node_id, is_back)
            except Fault as fault:
                log.warning("presence.not_released", enterprise_id=str(key[0]), agent_id=str(key[1]), code=fault.code)
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return

    async def forget_dead_nodes(self) -> None:
        """Agents whose pages only dead nodes held are not there any more."""
        async with self._resources.database.system() as tx:
            left = await service.forget_dead_nodes(tx)
        for enterprise_id, agent_id in left:
            try:
                async with self._resources.database.tenant(enterprise_id) as tx:
                    await service.gone(tx, agent_id)
            except Fault as fault:
                # Their lease lapses by itself; only the news comes later.
                log.warning("presence.not_released", agent_id=str(agent_id), code=fault.code)

    async def renew(self) -> None:
        """One turn."""
        if not self._connections:
            return
        async with self._resources.database.system() as tx:
            back = await service.renew(tx, self._connections.keys() - self._dozing.keys(), self._node_id)
        self._untold.update(back)
        for key in tuple(self._untold):
            await self._tell(key)
        for key, since in tuple(self._dozing.items()):
            if self._resources.clock.now() - since > service.SLEEP / 2:
                await self._doze(key)

    async def _tell(self, key: tuple[UUID, UUID]) -> None:
        try:
            async with self._resources.database.tenant(key[0]) as tx:
                await service.announce_move(tx, key[1])
        except Fault as fault:
            # That they are back is stored: no later turn would find it again.
            log.warning("presence.not_announced", enterprise_id=str(key[0]), agent_id=str(key[1]), code=fault.code)
        else:
            self._untold.discard(key)

    async def _renew(self) -> None:
        for turn in itertools.count(1):
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self.renew()
                if turn % CHECK_EVERY == 0:
                    await self._availability.check()
            except Exception as error:
                # The next turn tries again, well before the leases lapse.
                log.exception("presence.not_renewed", error=str(error))
