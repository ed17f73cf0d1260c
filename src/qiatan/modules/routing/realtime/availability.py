"""Telling visitors whether anybody serves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

import structlog

from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.doors import encode
from qiatan.infra.resources import Resources
from qiatan.kit.access import VisitorActor
from qiatan.kit.errors import Fault
from qiatan.kit.events import Event
from qiatan.modules.accounts.events import AgentChanged, RoleChanged
from qiatan.modules.routing import service
from qiatan.modules.routing.events import OpeningChanged, PresenceChanged
from qiatan.modules.routing.realtime.outbound import AvailabilityFrame

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 10
"""After which it is read again where that failed."""
GATHER_SECONDS = 0.2
"""How long after a look the next one of the same enterprise begins: it answers all that happened meanwhile."""
GREET_SECONDS = 1.0
"""How long somebody who comes waits for a look that is due. After that they hear of it with all others."""
LOOKS_AT_ONCE = 4
"""Enterprises looked at together, so that after a lost bus other calls find connections."""


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

    async def settled(self) -> None:
        """Wait until what followed from all changes so far was told, or could not be read."""
        for answered in [*self._answered.values()]:
            await answered.wait()

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
                was_read = await self._look(enterprise_id)
                if enterprise_id not in self._again:
                    answered.set()
                await asyncio.sleep(GATHER_SECONDS if was_read else AGAIN_SECONDS)
                if not was_read:
                    self._again.add(enterprise_id)
        finally:
            answered.set()
            del self._answered[enterprise_id]

    async def _look(self, enterprise_id: UUID) -> bool:
        """One reading. Returns whether nothing is left to be read."""
        noted, visitors = ("availability", enterprise_id), ("visitors", enterprise_id)
        if not self._hub.listeners(visitors):
            # Whoever comes next has it read.
            self._hub.notes.pop(noted, None)
            return True
        try:
            async with self._places, self._database.tenant(enterprise_id) as tx:
                online = await service.anybody_serves(tx)
        except Exception as error:
            log.warning("availability.not_told", enterprise_id=str(enterprise_id), error=repr(error), exc_info=not isinstance(error, Fault))
            return False
        if self._hub.notes.get(noted) != online:
            self._hub.notes[noted] = online
            self._hub.publish((visitors,), encode(AvailabilityFrame(online)))
        return True
