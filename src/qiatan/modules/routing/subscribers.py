"""Reactions to other modules' events: look again at who waits, whenever the answer could have changed.

The events are hints. What must not be forgotten is state in the database (a conversation that waits), so a sweep at start and every
few seconds finds what a crash or a lost hint left behind; doing it twice changes nothing.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Sequence
from typing import Any
from uuid import UUID

import structlog

from qiatan.infra.resources import Resources
from qiatan.kit.errors import Fault
from qiatan.kit.events import Event
from qiatan.modules.accounts.events import AgentChanged, RoleChanged
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.errors import AlreadyTaken, ConversationNotFound
from qiatan.modules.conversations.events import ConversationChanged
from qiatan.modules.routing import service
from qiatan.modules.routing.events import PresenceChanged

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 10
HEAL_EVERY = 6
"""Turns of the sweep: what it heals is rare, and looking for it touches every enterprise at work."""
MAX_PER_RUN = 1_000


class Assigner:
    """Assigns what waits, one run per enterprise at a time in this process; more hints during a run cause one more run."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._running: dict[UUID, bool] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._sweeping = asyncio.create_task(self._sweep(), name="routing-sweep")

    async def close(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    def react(self, events: Sequence[Event]) -> None:
        """Called with the events of each committed transaction."""
        for event in events:
            if isinstance(event, ConversationChanged):
                if event.what != "assigned":
                    self.look_at(event.enterprise_id)
                if event.what == "ended" and event.conversation.assignee_id is not None:
                    self._spawn(self._announce(event.enterprise_id, event.conversation.assignee_id))
            elif isinstance(event, PresenceChanged):
                if event.anybody_serves:
                    self.look_at(event.enterprise_id)
            elif isinstance(event, AgentChanged):
                self._spawn(self._agent_changed(event))
            elif isinstance(event, RoleChanged) and event.members:
                self._spawn(self._release(event.enterprise_id, frozenset(event.members)))

    def look_at(self, enterprise_id: UUID) -> None:
        """See whether somebody who waits can be served now."""
        if enterprise_id in self._running:
            self._running[enterprise_id] = True
            return
        self._running[enterprise_id] = False
        self._spawn(self._run(enterprise_id))

    async def _look_at_now(self, enterprise_id: UUID) -> None:
        if enterprise_id not in self._running:
            self._running[enterprise_id] = False
            await self._run(enterprise_id)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, enterprise_id: UUID) -> None:
        try:
            while True:
                self._running[enterprise_id] = False
                await self._assign_all(enterprise_id)
                if not self._running[enterprise_id]:
                    return
        except Fault as fault:
            # The next sweep looks again.
            log.warning("routing.interrupted", enterprise_id=str(enterprise_id), code=fault.code)
        finally:
            del self._running[enterprise_id]

    async def _assign_all(self, enterprise_id: UUID) -> None:
        for _ in range(MAX_PER_RUN):
            try:
                async with self._resources.database.tenant(enterprise_id) as tx:
                    if await service.assign_next(tx) is None:
                        return
            except (AlreadyTaken, ConversationNotFound):
                continue  # it ended between being found and being locked: look at the next one

    async def _agent_changed(self, event: AgentChanged) -> None:
        if not event.serving or event.role_changed:
            await self._release(event.enterprise_id, frozenset({event.agent_id}))
        self.look_at(event.enterprise_id)

    async def _release(self, enterprise_id: UUID, agent_ids: frozenset[UUID]) -> None:
        """Put back into the queue what those of the agents hold who may serve no more."""
        try:
            async with self._resources.database.tenant(enterprise_id) as tx:
                await service.release_idle(tx, agent_ids)
        except Fault as fault:
            log.warning("routing.release_failed", enterprise_id=str(enterprise_id), code=fault.code)
        self.look_at(enterprise_id)

    async def _announce(self, enterprise_id: UUID, agent_id: UUID) -> None:
        try:
            async with self._resources.database.tenant(enterprise_id) as tx:
                await service.announce(tx, agent_id)
        except Fault as fault:
            log.warning("routing.presence_not_told", agent_id=str(agent_id), code=fault.code)

    async def _heal(self) -> None:
        """Release what agents still hold who may serve no more: the reaction to that change was lost or failed."""
        async with self._resources.database.system() as tx:
            held = await conversations.assignees(tx)
        for enterprise_id, agent_ids in held.items():
            async with self._resources.database.tenant(enterprise_id) as tx:
                await service.release_idle(tx, agent_ids)

    async def _sweep(self) -> None:
        for turn in itertools.count():
            try:
                if turn % HEAL_EVERY == 0:
                    await self._heal()
                async with self._resources.database.system() as tx:
                    waiting = await conversations.enterprises_with_waiting(tx)
                for enterprise_id in waiting:
                    # One after the other: a sweep of many enterprises must not take all connections at once.
                    await self._look_at_now(enterprise_id)
            except Exception as error:
                # The next turn tries again; a sweep that ended would leave people waiting for ever.
                log.exception("routing.sweep_failed", error=str(error))
            await asyncio.sleep(SWEEP_SECONDS)
