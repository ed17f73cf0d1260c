"""Looking again at who waits, whenever the answer could have changed.

The events are hints. What must not be forgotten is state in the database (a conversation that waits), so a sweep at start and every
few seconds finds what a crash or a lost hint left behind; doing it twice changes nothing.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Collection, Coroutine, Sequence
from typing import Any
from uuid import UUID

import structlog

from qiatan.infra.resources import Resources
from qiatan.kit.errors import Fault
from qiatan.kit.events import Event
from qiatan.modules.accounts.events import AgentChanged, EnterpriseChanged, GroupChanged, RoleChanged
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.contracts import Message, MessageKind, SenderKind
from qiatan.modules.conversations.events import ConversationChanged, MessagesAppended
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts.queue import RoutingState
from qiatan.modules.routing.events import OpeningChanged, PresenceChanged, RoutingChanged, RoutingSettingsChanged
from qiatan.modules.routing.service.placement import Look, Settled

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 10
HEAL_EVERY = 6
"""Turns of the sweep: what it heals is rare, and looking for it touches every enterprise at work."""
RUN_FIRST_SECONDS = 1.0
COUNT_AFTER_SECONDS = 0.2
"""Every change moves all behind it: places are counted and told once for what comes together, after the assignments."""
MAX_LOOKS = 100
"""Looks of one run. Each one that is too old means that somebody else has assigned meanwhile, so this ends."""

APPLY_TRIES = 3
"""What has to follow from new settings is found by no sweep: a database that asks to try again is asked again. A job does what a process
that died has left undone."""

_FREES = frozenset({"opened", "released", "ended", "transferred"})


class Assigner:
    """Assigns what waits, one run per enterprise at a time in this process; more hints during a run cause one more look."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._running: dict[UUID, bool] = {}
        self._runs: dict[UUID, asyncio.Task[None]] = {}
        self._counting: dict[UUID, bool] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._sweeping = asyncio.create_task(self._sweep(), name="routing-sweep")

    async def close(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    async def settled(self) -> None:
        """Wait until everything that was reacted to so far is done."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    def react(self, events: Sequence[Event]) -> None:
        """Called with the events of each committed transaction."""
        for event in events:
            match event:
                case ConversationChanged():
                    self._conversation_changed(event)
                case MessagesAppended() if any(_takes_back(message) for message in event.messages):
                    self._spawn(self._taken_back(event.enterprise_id, event.conversation_id))
                case RoutingChanged() if event.routing.state is not RoutingState.QUEUED:
                    self._count_again(event.enterprise_id)
                case RoutingSettingsChanged():
                    self._spawn(self._settings_changed(event))
                case AgentChanged() if not event.serving or event.role_changed:
                    self._spawn(self._release(event.enterprise_id, frozenset({event.agent_id})))
                case RoleChanged() if event.members:
                    self._spawn(self._release(event.enterprise_id, frozenset(event.members)))
                case PresenceChanged(presence=presence) if presence.connected and presence.open < presence.maximum:
                    self.look_at(event.enterprise_id)
                case AgentChanged() | GroupChanged() | EnterpriseChanged() | OpeningChanged():
                    self.look_at(event.enterprise_id)
                case _:
                    pass

    def _conversation_changed(self, event: ConversationChanged) -> None:
        if event.what in _FREES:
            self.look_at(event.enterprise_id)
        if event.what == "ended":
            self._spawn(self._ended(event.enterprise_id, event.conversation.id, event.conversation.assignee_id))
        elif event.what in ("released", "transferred"):
            self._spawn(self._left(event.enterprise_id, event.conversation.id, event.left))

    def look_at(self, enterprise_id: UUID) -> None:
        """See whether somebody who waits can be served now."""
        if enterprise_id in self._running:
            self._running[enterprise_id] = True
            return
        self._running[enterprise_id] = False
        self._runs[enterprise_id] = self._spawn(self._run(enterprise_id))

    async def _run_done(self, enterprise_id: UUID) -> None:
        """Wait for the run that is under way: a freed place goes to whoever waits before anybody is told of it."""
        run = self._runs.get(enterprise_id)
        if run is not None:
            await asyncio.wait([run], timeout=RUN_FIRST_SECONDS)

    async def _look_at_now(self, enterprise_id: UUID) -> None:
        if enterprise_id not in self._running:
            self._running[enterprise_id] = False
            await self._run(enterprise_id)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, enterprise_id: UUID) -> None:
        try:
            for _ in range(MAX_LOOKS):
                self._running[enterprise_id] = False
                again = await self._settle_all(enterprise_id)
                if not again and not self._running[enterprise_id]:
                    break
        except Fault as fault:
            # The next sweep looks again.
            log.warning("routing.interrupted", enterprise_id=str(enterprise_id), code=fault.code)
        except Exception as error:
            log.exception("routing.failed", enterprise_id=str(enterprise_id), error=str(error))
        finally:
            del self._running[enterprise_id]
            self._runs.pop(enterprise_id, None)
        self._count_again(enterprise_id)

    async def _settle_all(self, enterprise_id: UUID) -> bool:
        """Take a look and settle who can be settled, in order. True when another look is needed at once."""
        async with self._resources.database.tenant(enterprise_id) as tx:
            seen = await service.look(tx)
        assigned = placed = 0
        for waiter in seen.waiters:
            if not seen.may_change(waiter):
                continue
            settled = await self._settle(enterprise_id, seen, waiter.conversation_id)
            if settled is Settled.STALE:
                return True
            assigned += settled is Settled.ASSIGNED
            placed += settled in (Settled.ASSIGNED, Settled.WAITS)
        return assigned >= service.MESSAGES_OF_EACH or (len(seen.waiters) >= service.MAX_NEW and placed > 0)

    async def _settle(self, enterprise_id: UUID, seen: Look, conversation_id: UUID) -> Settled:
        """One conversation's fault must not hold up those behind it; the sweep tries it again."""
        try:
            async with self._resources.database.tenant(enterprise_id) as tx:
                await service.claim(tx)
                return await service.settle(tx, seen, conversation_id)
        except Fault as fault:
            log.warning("routing.not_settled", conversation_id=str(conversation_id), code=fault.code)
            if fault.status >= 500:
                raise
        except Exception as error:
            log.exception("routing.not_settled", conversation_id=str(conversation_id), error=str(error))
        return Settled.KEPT

    # -- counting the queue

    def _count_again(self, enterprise_id: UUID) -> None:
        """Tell those in the queue where they stand, once for all changes that came together."""
        if enterprise_id in self._counting:
            self._counting[enterprise_id] = True
            return
        self._counting[enterprise_id] = False
        self._spawn(self._count(enterprise_id))

    async def _count(self, enterprise_id: UUID) -> None:
        try:
            while True:
                await asyncio.sleep(COUNT_AFTER_SECONDS)
                self._counting[enterprise_id] = False
                left, counting = True, service.Counting()
                while left:
                    await self._run_done(enterprise_id)
                    async with self._resources.database.tenant(enterprise_id) as tx:
                        left = await service.count(tx, counting)
                if not self._counting[enterprise_id]:
                    return
        except Fault as fault:
            # The next change, or the next sweep, counts again.
            log.warning("routing.not_counted", enterprise_id=str(enterprise_id), code=fault.code)
        finally:
            del self._counting[enterprise_id]

    # -- what changed

    async def _ended(self, enterprise_id: UUID, conversation_id: UUID, assignee_id: UUID | None) -> None:
        await self._run_done(enterprise_id)
        try:
            async with self._resources.database.tenant(enterprise_id) as tx:
                await service.end_request(tx, conversation_id)
                if assignee_id is not None:
                    await service.announce(tx, assignee_id)
        except Fault as fault:
            # What is forgotten here, a sweep or the request's own deadline finds.
            log.warning("routing.end_not_noted", conversation_id=str(conversation_id), code=fault.code)

    async def _taken_back(self, enterprise_id: UUID, conversation_id: UUID) -> None:
        try:
            async with self._resources.database.tenant(enterprise_id) as tx:
                await service.answer_taken_back(tx, conversation_id)
        except Fault as fault:
            # The deadline itself is looked at again once no answer can be taken back any more.
            log.warning("routing.deadline_not_looked_at", conversation_id=str(conversation_id), code=fault.code)

    async def _settings_changed(self, event: RoutingSettingsChanged) -> None:
        for _ in range(APPLY_TRIES):
            try:
                await self._apply(event)
                break
            except Fault as fault:
                log.warning("routing.settings_not_applied", enterprise_id=str(event.enterprise_id), part=event.part, code=fault.code)
        self.look_at(event.enterprise_id)

    async def _apply(self, event: RoutingSettingsChanged) -> None:
        if event.part == "queue":
            async with self._resources.database.tenant(event.enterprise_id) as tx:
                await service.new_longest_wait(tx)
        elif event.part == "transfers":
            async with self._resources.database.tenant(event.enterprise_id) as tx:
                await service.look_after_everybody(tx)
            await self._reschedule(event.enterprise_id)

    async def _reschedule(self, enterprise_id: UUID) -> None:
        after: UUID | None = None
        while True:
            async with self._resources.database.tenant(enterprise_id) as tx:
                after = await service.reschedule(tx, after=after)
            if after is None:
                return

    async def _release(self, enterprise_id: UUID, agent_ids: frozenset[UUID]) -> None:
        """Put back into the queue what those of the agents hold who may serve no more."""
        try:
            await self._release_pages(enterprise_id, agent_ids)
        except Fault as fault:
            log.warning("routing.release_failed", enterprise_id=str(enterprise_id), code=fault.code)
        self.look_at(enterprise_id)

    async def _release_pages(self, enterprise_id: UUID, agent_ids: Collection[UUID]) -> None:
        """A page in a transaction: what waits for one of its rows or for the claim gets its turn between two."""
        released = service.RELEASED_AT_ONCE
        while released == service.RELEASED_AT_ONCE:
            async with self._resources.database.tenant(enterprise_id) as tx:
                released = await service.release_idle(tx, agent_ids)

    async def _left(self, enterprise_id: UUID, conversation_id: UUID, agent_id: UUID | None) -> None:
        """Somebody does not serve it any more: their load fell, and what they asked about it is over."""
        try:
            async with self._resources.database.tenant(enterprise_id) as tx:
                await service.close_offer(tx, conversation_id)
                if agent_id is not None:
                    await service.announce(tx, agent_id)
        except Fault as fault:
            # An offer that stays cannot be accepted, and runs out by itself.
            log.warning("routing.presence_not_told", conversation_id=str(conversation_id), code=fault.code)

    # -- what was lost

    async def _heal(self) -> None:
        """Release what agents still hold who may serve no more, and end what waits though it has ended: the reaction was lost or failed.

        And let leave a message who waits though nobody comes any more.
        """
        async with self._resources.database.system() as tx:
            held = await conversations.assignees(tx)
            queueing = await service.enterprises_with_requests(tx)
        for enterprise_id in held.keys() | queueing:
            try:
                await self._release_pages(enterprise_id, held.get(enterprise_id, ()))
                async with self._resources.database.tenant(enterprise_id) as tx:
                    await service.end_forgotten(tx)
                await self._leave_unserved_pages(enterprise_id)
            except Exception as error:
                # One enterprise's fault must not hold up the others.
                log.exception("routing.not_healed", enterprise_id=str(enterprise_id), error=str(error))

    async def _leave_unserved_pages(self, enterprise_id: UUID) -> None:
        """A page in a transaction, until one finds nobody to leave a message any more."""
        left = 1
        while left:
            async with self._resources.database.tenant(enterprise_id) as tx:
                left = await service.leave_unserved(tx)

    async def _sweep(self) -> None:
        for turn in itertools.count():
            try:
                if turn % HEAL_EVERY == 0:
                    await self._heal()
                async with self._resources.database.system() as tx:
                    to_look_at = await service.enterprises_to_look_at(tx)
                for enterprise_id in to_look_at:
                    # One after the other: a sweep of many enterprises must not take all connections at once.
                    await self._look_at_now(enterprise_id)
            except Exception as error:
                # The next turn tries again; a sweep that ended would leave people waiting for ever.
                log.exception("routing.sweep_failed", error=str(error))
            await asyncio.sleep(SWEEP_SECONDS)


def _takes_back(message: Message) -> bool:
    """Whether an agent takes back what they said to the customer."""
    return message.kind is MessageKind.WITHDRAWAL and message.sender_kind is SenderKind.AGENT and not message.internal
