"""Reactions to time and to other modules' events: idle conversations end, and joining ends with the right to join."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from uuid import UUID

import structlog

from qiatan.infra.db import Tx
from qiatan.infra.resources import Resources
from qiatan.infra.timers import Timer
from qiatan.kit.errors import Fault
from qiatan.kit.events import Event
from qiatan.modules.accounts.events import AgentChanged, RoleChanged, SessionsEnded
from qiatan.modules.conversations import jobs, service

log = structlog.get_logger(__name__)


async def _look_at_idle(tx: Tx, conversation_id: UUID) -> None:
    await service.end_idle(tx, conversation_id)


TIMERS: tuple[Timer, ...] = (Timer(name="conversations.idle", due=service.idle_due, next_due=service.next_idle_due, fire=_look_at_idle),)


SWEEP_SECONDS = 300


class JoinKeeper:
    """Ends joinings whose right has ended. Seeing and writing by it ask for the point anew each time, and a sweep finds who lost it.

    No state tells of a joining that a narrower scope has ended, as who has joined goes along with a transfer beyond it: that is promised
    in the transaction that narrows it. The events make it quick.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._sweeping = asyncio.create_task(self._sweep(), name="joining-sweep")

    async def promise(self, tx: Tx) -> None:
        """Called at the end of each transaction that has announced something."""
        narrowed: dict[UUID, set[str]] = {}
        for event in tx.events:
            if isinstance(event, SessionsEnded) and event.reason == "replaced" and event.only is None:
                narrowed.setdefault(event.enterprise_id, set()).add(str(event.agent_id))
        for enterprise_id, agent_ids in narrowed.items():
            await tx.defer(jobs.end_lost_joining, enterprise_id=str(enterprise_id), agent_ids=sorted(agent_ids))

    def react(self, events: Sequence[Event]) -> None:
        """Called with the events of each committed transaction."""
        for enterprise_id, agent_ids in _whose_rights_changed(events).items():
            task = asyncio.create_task(self._end(enterprise_id, agent_ids))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    async def _end(self, enterprise_id: UUID, agent_ids: Collection[UUID]) -> None:
        try:
            async with self._resources.database.tenant(enterprise_id) as tx:
                await service.end_lost_joining(tx, agent_ids, scope_too=True)
        except Fault as fault:
            # The promised job does it.
            log.warning("conversations.joining_not_ended", enterprise_id=str(enterprise_id), code=fault.code)

    async def turn(self) -> None:
        """Look at everybody who has joined."""
        async with self._resources.database.system() as tx:
            joined = await service.joined_anywhere(tx)
        for enterprise_id, agent_ids in joined.items():
            try:
                async with self._resources.database.tenant(enterprise_id) as tx:
                    await service.end_lost_joining(tx, agent_ids, scope_too=False)
            except Exception as error:
                # One enterprise's fault must not hold up those behind it.
                log.exception("conversations.joining_sweep_failed", enterprise_id=str(enterprise_id), error=str(error))

    async def _sweep(self) -> None:
        while True:
            try:
                await self.turn()
            except Exception as error:
                # The next turn tries again; this loop must live as long as the process.
                log.exception("conversations.joining_sweep_failed", error=str(error))
            await asyncio.sleep(SWEEP_SECONDS)


def _whose_rights_changed(events: Sequence[Event]) -> dict[UUID, set[UUID]]:
    """By enterprise, whose joinings have to be looked at."""
    changed: dict[UUID, set[UUID]] = {}
    for event in events:
        if isinstance(event, RoleChanged) and event.members:
            changed.setdefault(event.enterprise_id, set()).update(event.members)
        elif (isinstance(event, SessionsEnded) and event.reason == "replaced") or (isinstance(event, AgentChanged) and not event.serving):
            changed.setdefault(event.enterprise_id, set()).add(event.agent_id)
    return changed
