"""Deadlines that come due in the middle of a trouble: each fires once, and within a second once all is healed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

import psycopg

from bench.parts.routing import deadlines, presence, served
from bench.world import World, make_world
from tests.faults.cluster import Cluster

TRANSFERS, ENDS, SECONDS = 10, 6, 4
_LOOK_EVERY = 0.2
_DOUBTED_SECONDS = 30.0
"""A moment that the product wrote down, and that is further from when we saw it than this, was told by a clock that was wrong."""
_SYSTEM = "-c role=qiatan_system"

_TAKE_FOR_ENDS = """
WITH taken AS (SELECT conversation_id FROM routing_requests WHERE enterprise_id = %(enterprise)s ORDER BY conversation_id LIMIT %(count)s),
     freed AS (DELETE FROM routing_requests WHERE enterprise_id = %(enterprise)s AND conversation_id IN (SELECT conversation_id FROM taken))
SELECT conversation_id FROM taken
"""
_AGE = """
UPDATE conversations SET created_at = created_at - interval '31 minutes', assigned_at = now() - interval '31 minutes',
       last_at = now() - interval '31 minutes', idle_due_at = now() + interval '5 seconds' + random() * %(seconds)s * interval '1 second'
 WHERE enterprise_id = %(enterprise)s AND id = ANY(%(conversations)s) AND status = 'active' AND assignee_id IS NOT NULL
RETURNING id, idle_due_at
"""
_OPEN_OF = "SELECT id FROM conversations WHERE enterprise_id = %s AND customer_id = ANY(%s) AND status = 'active'"
_TRANSFERRED = (
    "SELECT conversation_id, at FROM routing_decisions WHERE enterprise_id = %s AND cause = 'delayed' AND conversation_id = ANY(%s)"
)
_ENDED = """
SELECT m.conversation_id, m.at FROM messages m
 WHERE m.enterprise_id = %s AND m.conversation_id = ANY(%s) AND m.kind = 'event' AND m.data ->> 'name' = 'ended'
"""
_TALKED_IN = """
SELECT id FROM conversations WHERE enterprise_id = %s AND id = ANY(%s) AND status <> 'ended'
   AND greatest(last_at, assigned_at) > now() - interval '30 minutes'
"""


class Deadlines:
    """Delayed transfers and automatic ends of a round: of an enterprise of their own, and of some conversations of the traffic.

    They are looked at all the time, since what the product writes down as the moment is not to be relied on while clocks are set.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._due: dict[UUID, datetime] = {}
        self._ends: dict[UUID, UUID] = {}
        """Of the conversations that are to end, whose they are."""
        self._transfers: tuple[UUID, list[UUID]] | None = None
        self._seen: dict[UUID, datetime] = {}
        """When we saw first that one had fired."""
        self._fired: dict[UUID, list[datetime]] = {}
        """When each fired, as the product says."""
        self._looking: asyncio.Task[None] | None = None

    @classmethod
    async def make(cls, cluster: Cluster, traffic: World, quiet: Sequence[UUID]) -> Self:
        """`quiet`: customers of the traffic who say nothing for now, so that their conversations end."""
        made = cls(cluster)
        world = await make_world(cluster.database_url(), agents=2, visitor_count=0, places=100)
        await asyncio.to_thread(made._write, world, traffic, list(quiet))
        made._looking = asyncio.create_task(made._look_again_and_again())
        return made

    def _write(self, world: World, traffic: World, quiet: list[UUID]) -> None:
        with self._connect() as connection:
            presence(connection, world)
            served(connection, world, count=TRANSFERS + ENDS, unanswered_every=1)
            deadlines(connection, world, count=TRANSFERS + ENDS, seconds=SECONDS)
            taken = connection.execute(_TAKE_FOR_ENDS, {"enterprise": world.enterprise_id, "count": ENDS}).fetchall()
            self._age(connection, world, [row[0] for row in taken])
            theirs = connection.execute(_OPEN_OF, (traffic.enterprise_id, quiet)).fetchall()
            self._age(connection, traffic, [row[0] for row in theirs])
            rows = connection.execute(
                "SELECT conversation_id, due_at FROM routing_requests WHERE enterprise_id = %s", [world.enterprise_id]
            )
            transfers = dict(rows.fetchall())
        self._transfers = (world.enterprise_id, list(transfers))
        self._due |= transfers

    def _age(self, connection: psycopg.Connection[Any], world: World, conversations: list[UUID]) -> None:
        """Let conversations be as those in which nobody has written for nearly half an hour."""
        values = {"enterprise": world.enterprise_id, "conversations": conversations, "seconds": SECONDS}
        for conversation_id, due_at in connection.execute(_AGE, values):
            self._due[conversation_id] = due_at
            self._ends[conversation_id] = world.enterprise_id

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._cluster.database_url(), autocommit=True, connect_timeout=3, options=_SYSTEM)

    async def _look_again_and_again(self) -> None:
        while len(self._seen) < len(self._due):
            # The database may be part of the trouble.
            with suppress(psycopg.OperationalError):
                await asyncio.to_thread(self._look)
            await asyncio.sleep(_LOOK_EVERY)

    def _look(self) -> None:
        now, fired = datetime.now(UTC), self._read()
        for key in fired:
            self._seen.setdefault(key, now)
        self._fired = fired

    def _read(self) -> dict[UUID, list[datetime]]:
        found: dict[UUID, list[datetime]] = {}
        assert self._transfers is not None, "made"
        with self._connect() as connection:
            asked = [(_TRANSFERRED, *self._transfers)]
            asked += [(_ENDED, one, [key for key, whose in self._ends.items() if whose == one]) for one in set(self._ends.values())]
            for query, enterprise_id, keys in asked:
                for key, at in connection.execute(query, (enterprise_id, keys)):
                    found.setdefault(key, []).append(at)
        return found

    async def fired(self, healed_at: datetime, patience: float) -> tuple[float, list[str]]:
        """Wait until all have fired; returns by how many seconds the latest was late, counted from when all was healed, and what was wrong."""
        ends = time.monotonic() + patience
        while open_ones := await asyncio.to_thread(self._open):
            if time.monotonic() > ends:
                break
            await asyncio.sleep(_LOOK_EVERY)
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await asyncio.to_thread(self._look)
        times = Counter({key: len(moments) for key, moments in self._fired.items()})
        wrong = [f"the {self._kind(key)} of {key} fired {times[key]} times" for key in self._due if times[key] > 1]
        wrong += [f"the {self._kind(key)} of {key} has not fired" for key in open_ones]
        late = max((self._late(key, healed_at) for key in self._fired), default=0.0)
        return max(0.0, late, patience if open_ones else 0.0), wrong

    def _open(self) -> list[UUID]:
        """Those that have not fired, and have to."""
        fired = self._read()
        left = [key for key in self._due if key not in fired]
        if not left:
            return []
        with self._connect() as connection:
            for enterprise_id in {self._ends[key] for key in left if key in self._ends}:
                talked_in = {row[0] for row in connection.execute(_TALKED_IN, (enterprise_id, left))}
                left = [key for key in left if key not in talked_in]
        return left

    def _late(self, key: UUID, healed_at: datetime) -> float:
        should, seen, said = max(self._due[key], healed_at), self._seen[key], self._fired[key][0]
        moment = said if abs((seen - said).total_seconds()) < _DOUBTED_SECONDS else seen
        return (moment - should).total_seconds()

    def _kind(self, key: UUID) -> str:
        return "automatic end" if key in self._ends else "delayed transfer"
