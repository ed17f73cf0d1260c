"""Heartbeats answered with a digest, computed for all that came within two seconds in one go."""

from __future__ import annotations

import asyncio

from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.doors import Frame, encode, error_frame
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.kit.errors import Fault
from qiatan.modules.conversations import service
from qiatan.modules.conversations.realtime.frames import Pong
from qiatan.modules.conversations.repository.system import Person

GATHER_SECONDS = 2.0


class Heartbeats:
    """Answers pings. An idle installation with hundreds of pages open asks the database every two seconds at most."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._waiting: list[Connection] = []
        self._task: asyncio.Task[None] | None = None

    def ping(self, connection: Connection, frame: Frame) -> None:
        self._waiting.append(connection)
        if self._task is None:
            self._task = asyncio.create_task(self._answer(), name="heartbeats")

    async def _answer(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        waiting, self._waiting, self._task = self._waiting, [], None
        agents: dict[Person, None] = {}
        customers: dict[Person, None] = {}
        for connection in waiting:
            if isinstance(connection.actor, AgentActor):
                agents[connection.actor.enterprise_id, connection.actor.agent_id] = None
            elif isinstance(connection.actor, VisitorActor):
                customers[connection.actor.enterprise_id, connection.actor.customer_id] = None
        try:
            async with self._resources.database.system() as tx:
                digests = await service.digests(tx, list(agents), list(customers))
        except Fault as fault:
            # The client keeps its connection and asks again with its next heartbeat.
            for connection in waiting:
                connection.push(error_frame(fault))
            return
        now = self._resources.clock.now()
        for connection in waiting:
            actor = connection.actor
            if actor is not None:
                person = actor.agent_id if isinstance(actor, AgentActor) else actor.customer_id
                connection.push(encode(Pong(now, digests[person])))
