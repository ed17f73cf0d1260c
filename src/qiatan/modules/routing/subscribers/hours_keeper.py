"""The moments at which working time begins and ends: visitors are told, and who waits is looked at again.

Working hours are a calendar and no rows, so nothing in the database is due. Each process that has them in mind tells its own visitors;
looking again at who waits, several times, changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from qiatan.infra.resources import Resources
from qiatan.kit.errors import Fault
from qiatan.kit.events import Event
from qiatan.modules.accounts.events import EnterpriseChanged
from qiatan.modules.routing import service
from qiatan.modules.routing.events import RoutingSettingsChanged

log = structlog.get_logger(__name__)

TICK_SECONDS = 0.5
RETRY_AFTER = timedelta(seconds=30)
"""When to look again at an enterprise that could not be looked at."""
READ_EVERY = 120
"""Ticks between two looks at whose hours changed where this process did not hear of it."""


class HoursKeeper:
    """Knows when each enterprise opens or closes next, and tells when the moment has come."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._known: dict[UUID, tuple[int, datetime | None]] = {}
        self._ticking: asyncio.Task[None] | None = None
        self._ticks = 0
        self._changed: set[UUID] = set()

    def start(self) -> None:
        self._ticking = asyncio.create_task(self._tick(), name="working-hours")

    async def close(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()

    def react(self, events: Sequence[Event]) -> None:
        """Called with the events of each committed transaction."""
        for event in events:
            if isinstance(event, EnterpriseChanged) or (isinstance(event, RoutingSettingsChanged) and event.part == "hours"):
                # Other hours, or another time zone: read with the next tick.
                self._changed.add(event.enterprise_id)

    async def turn(self) -> None:
        """Look at what is due."""
        if self._changed or self._ticks % READ_EVERY == 0:
            await self._read(frozenset(self._changed))
        self._ticks += 1
        now = self._resources.clock.now()
        for enterprise_id, (version, changes_at) in tuple(self._known.items()):
            if changes_at is not None and changes_at <= now:
                self._known[enterprise_id] = version, await self._look(enterprise_id)

    async def _read(self, changed: frozenset[UUID]) -> None:
        async with self._resources.database.system() as tx:
            current = dict(await service.keeping_hours(tx))
        # Forgotten only now: had the reading failed, nobody would know of another time zone.
        self._changed -= changed
        for enterprise_id in self._known.keys() - current.keys():
            del self._known[enterprise_id]
        for enterprise_id, version in current.items():
            if enterprise_id in changed or self._known.get(enterprise_id, (0, None))[0] != version:
                self._known[enterprise_id] = version, await self._look(enterprise_id)

    async def _look(self, enterprise_id: UUID) -> datetime | None:
        """Tell how it stands now; returns when to look again. One enterprise's fault must not hold up the others."""
        try:
            async with self._resources.database.tenant(enterprise_id) as tx:
                return (await service.announce_opening(tx)).changes_at
        except Fault as fault:
            log.warning("routing.hours_not_told", enterprise_id=str(enterprise_id), code=fault.code)
        except Exception as error:
            log.exception("routing.hours_not_told", enterprise_id=str(enterprise_id), error=str(error))
        return self._resources.clock.now() + RETRY_AFTER

    async def _tick(self) -> None:
        while True:
            try:
                await self.turn()
            except Exception as error:
                # The next tick tries again: this must go on as long as the process lives.
                log.exception("routing.hours_not_kept", error=str(error))
            await asyncio.sleep(TICK_SECONDS)
