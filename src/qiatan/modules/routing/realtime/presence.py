"""Connections as presence."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine
from datetime import UTC, datetime
from uuid import UUID

import structlog

from qiatan.infra.realtime.connection import ASLEEP, Connection
from qiatan.infra.realtime.doors import Frame, FrameDoor
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.kit.errors import Fault
from qiatan.modules.conversations.permissions import SERVE
from qiatan.modules.routing import service
from qiatan.modules.routing.realtime.availability import AvailabilityTeller
from qiatan.modules.routing.realtime.outbound import Page

log = structlog.get_logger(__name__)

RENEW_SECONDS = 20
GRACE_SECONDS = 8
"""A reload of the page closes one connection and opens another: colleagues and visitors need not notice."""
AGAIN_SECONDS = 10
"""After which it is tried again to note that an agent's last page here has gone."""
CHECK_EVERY = 3
"""Turns of the leases between two checks of what all visitors here were told."""

_COUNTED = "routing.counted"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


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

    async def settled(self) -> None:
        """Wait until what followed from all changes so far was told."""
        await self._availability.settled()

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
