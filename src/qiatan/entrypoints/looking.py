"""What the bus may have lost, clients fetch: each is told to look again, not all in the same moment."""

from __future__ import annotations

import asyncio
from collections import deque
from uuid import UUID

from qiatan.infra.clock import Clock
from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.doors import encode
from qiatan.infra.realtime.hub import Hub
from qiatan.kit.access import AgentActor
from qiatan.modules.conversations.realtime.frames import Pong

TICK_SECONDS = 0.25
PER_TICK = 50
"""Each client that looks subscribes anew, which reads the database. Those who wait for their turn find it with their heartbeat anyway."""


class Looking:
    """Sends heartbeats nobody asked for, whose digest is none: the client subscribes again and fetches what it lacks. Agents first."""

    def __init__(self, hub: Hub, clock: Clock) -> None:
        self._clock = clock
        self._hub = hub
        self._waiting: deque[Connection] = deque()
        self._known: set[Connection] = set()
        self._telling: asyncio.Task[None] | None = None

    def look_again(self, enterprise_id: UUID | None) -> None:
        """Let the clients of an enterprise look again, or (None) all clients of this node."""
        for connection in self._hub.connections - self._known:
            actor = connection.actor
            if actor is None or (enterprise_id is not None and actor.enterprise_id != enterprise_id):
                continue
            self._known.add(connection)
            if isinstance(actor, AgentActor):
                self._waiting.appendleft(connection)
            else:
                self._waiting.append(connection)
        if self._waiting and (self._telling is None or self._telling.done()):
            self._telling = asyncio.create_task(self._tell(), name="look-again")

    def close(self) -> None:
        if self._telling is not None:
            self._telling.cancel()

    async def _tell(self) -> None:
        while self._waiting:
            frame = encode(Pong(self._clock.now(), ""))
            for _ in range(min(PER_TICK, len(self._waiting))):
                connection = self._waiting.popleft()
                self._known.discard(connection)
                connection.push(frame)
            await asyncio.sleep(TICK_SECONDS)
