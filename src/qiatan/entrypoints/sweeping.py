"""Closing what has been silent for too long, and what lost its right to be open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress
from uuid import UUID

import structlog

from qiatan.entrypoints.entrance import Entrance
from qiatan.entrypoints.goodbye import bye
from qiatan.entrypoints.recheck import REPLACED, VIEW_ENDS, unwelcome
from qiatan.infra.realtime.connection import CLOSE_IDLE, CLOSE_UNAUTHORISED
from qiatan.infra.realtime.returning import time_away
from qiatan.infra.resources import Resources
from qiatan.modules.accounts.errors import ViewEnded

log = structlog.get_logger(__name__)

HELLO_SECONDS = 10
IDLE_SECONDS = 75
SWEEP_SECONDS = 5
RECHECK_SECONDS = 30
"""How long a socket may outlive a session, token or rights that ended without an event (expiry, the command line, what the bus lost)."""


class Sweeper:
    """Looks at all connections of this process, every few seconds and when it is told to."""

    def __init__(self, resources: Resources, entrance: Entrance) -> None:
        self._resources = resources
        self._hub = resources.hub
        self._entrance = entrance
        self._whose: set[UUID] = set()
        self._all = False
        self._now = asyncio.Event()
        self._sweeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._sweeping = asyncio.create_task(self._sweep(), name="gateway-sweep")

    def stop(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()

    def look_at(self, enterprises: Collection[UUID] | None) -> None:
        """Ask now whether these enterprises' connections (None: all) may still be open."""
        if enterprises is None:
            self._all = True
        else:
            self._whose.update(enterprises)
        self._now.set()

    async def _sweep(self) -> None:
        """Close what has been silent for too long, and what lost its right to be open."""
        rechecked = time.monotonic()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._now.wait(), SWEEP_SECONDS)
            self._now.clear()
            now = time.monotonic()
            everybody = self._all or now - rechecked >= RECHECK_SECONDS
            enterprises, self._whose, self._all = self._whose, set(), False
            if everybody or enterprises:
                rechecked = now if everybody else rechecked
                try:
                    await self.recheck(None if everybody else enterprises)
                except Exception as error:
                    # The next turn looks again; this loop must live as long as the process.
                    self._whose |= enterprises
                    self._all = everybody
                    log.exception("gateway.not_rechecked", error=str(error))
            for connection in [c for c in self._entrance.pending if now - c.seen_at > HELLO_SECONDS]:
                bye(connection, CLOSE_IDLE, "idle", "No hello came.")
                self._entrance.pending.discard(connection)
            for connection in [c for c in self._hub.connections if now - c.seen_at > IDLE_SECONDS]:
                bye(connection, CLOSE_IDLE, "idle", "Nothing was heard for too long.")
            self.end_views()

    def end_views(self) -> None:
        """Close the sockets through which somebody looked as a colleague for as long as was allowed."""
        now = self._resources.clock.now()
        for connection in [c for c in self._hub.connections if VIEW_ENDS in c.memory and c.memory[VIEW_ENDS] <= now]:
            bye(connection, CLOSE_UNAUTHORISED, ViewEnded.code, ViewEnded().message)

    async def recheck(self, enterprises: Collection[UUID] | None) -> None:
        """Close the sockets that may not be open any more; `enterprises` says whose, if not all."""
        returning = 0
        async for gone in unwelcome(self._resources, enterprises):
            # Whose rights changed comes back at once: of a thousand with the same role, each at a moment of its own.
            returning += sum(goodbye is REPLACED for _, goodbye in gone)
            for connection, goodbye in gone:
                within = time_away(returning) if goodbye is REPLACED else 0
                bye(connection, goodbye.close, goodbye.code, goodbye.message, within)
