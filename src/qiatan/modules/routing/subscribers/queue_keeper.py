"""Keeps the places of those in the queue whose pages are connected to this process."""

from __future__ import annotations

import asyncio
from uuid import UUID

import structlog

from qiatan.infra.resources import Resources
from qiatan.modules.routing import service

log = structlog.get_logger(__name__)

RENEW_SECONDS = 10


class QueueKeeper:
    """Renews, in one statement for all, the presence of visitors who wait. A process that dies lets it lapse."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._renewing: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._renewing = asyncio.create_task(self._renew(), name="queue-presence")

    async def close(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()

    async def renew(self) -> None:
        """One turn."""
        if not self._resources.hub.connections:
            return
        async with self._resources.database.system() as tx:
            await service.renew_queued(tx, self._is_here)

    def _is_here(self, customer_id: UUID) -> bool:
        return bool(self._resources.hub.listeners(("customer", customer_id)))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self.renew()
            except Exception as error:
                # The next turn tries again, well before the places are lost.
                log.exception("queue.presence_not_renewed", error=str(error))
