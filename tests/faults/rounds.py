"""Rounds of trouble under traffic: afterwards everything must be as if nothing had happened, but for the time."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from bench.parts.routing import deadlines, presence, served
from bench.world import World, make_world
from tests.faults import checker
from tests.faults.cluster import Cluster
from tests.faults.people import Client, Crowd
from tests.faults.troubles import TROUBLES

PATIENCE = 120.0
"""How long all that was written may take to be acknowledged, and everybody to see all of it, once the trouble is over."""
TIMERS = 20
LATE_SECONDS = 1.0
_SETTLED_EVERY = 0.25


@dataclass
class Outcome:
    """What a round came to; `wrong` is empty when nothing was."""

    troubles: list[str]
    acknowledged: int = 0
    healed_after: float = 0.0
    """Seconds from the end of the trouble until everything had settled."""
    late: float = 0.0
    """By how many seconds the latest timer was late, counted from when all was healed."""
    wrong: list[str] = field(default_factory=list)


class Rounds:
    """A crowd on a cluster, one round after another."""

    def __init__(self, cluster: Cluster, world: World, people: Crowd) -> None:
        self.cluster, self.world, self.people = cluster, world, people
        self._numbers = {client.person.id: itertools.count() for client in people.visitors}

    async def run(self, names: list[str], chance: random.Random, *, timers: bool = True) -> Outcome:
        """Traffic, these troubles meanwhile, healing, and the checker."""
        outcome, before = Outcome(names), self.people.acked()
        watched = await self._timers() if timers else None
        over = asyncio.Event()
        writing = [asyncio.create_task(self._write(client, over)) for client in self.people.visitors]
        await self._until(lambda: self.people.acked() >= before + len(self.people.visitors))
        await asyncio.gather(*(TROUBLES[name](self.cluster, self.people, chance) for name in names))
        await asyncio.to_thread(self.cluster.wait_until_ready)
        healed, healed_at = time.monotonic(), await asyncio.to_thread(self._now)
        await asyncio.sleep(1)
        over.set()
        await asyncio.gather(*writing)
        outcome.wrong += await self._settle()
        outcome.healed_after = time.monotonic() - healed
        outcome.acknowledged = self.people.acked() - before
        outcome.wrong += await asyncio.to_thread(self._judge)
        if watched is not None:
            outcome.late, wrong = await self._timers_fired(*watched, healed_at)
            outcome.wrong += wrong
        return outcome

    async def _write(self, client: Client, over: asyncio.Event) -> None:
        """One after another, each after the acknowledgement of the one before; in a burst several at once."""
        while not over.is_set():
            for _ in range(client.burst):
                client.write(str(next(self._numbers[client.person.id])))
            while client.open_sends():
                await asyncio.sleep(0.02)
                if over.is_set():
                    return
            await asyncio.sleep(random.uniform(0.05, 0.4))

    async def _settle(self) -> list[str]:
        """Wait until all is acknowledged, everybody is served, and all see all of it without being made to connect anew."""
        url, enterprise = self.cluster.database_url(), self.world.enterprise_id
        ends, wrong = time.monotonic() + PATIENCE, []
        while True:
            open_sends = sum(client.open_sends() for client in self.people.everybody)
            waiting = await asyncio.to_thread(checker.anybody_waits, url, enterprise)
            behind = self.people.behind()
            verdict = [] if open_sends or waiting or behind else await asyncio.to_thread(self._judge)
            if not (open_sends or waiting or behind or verdict):
                return []
            if time.monotonic() > ends:
                break
            await asyncio.sleep(_SETTLED_EVERY)
        if open_sends:
            wrong.append(f"{open_sends} messages are not acknowledged after {PATIENCE:.0f} s")
        if waiting:
            wrong.append("a conversation has no agent although there is room")
        return wrong + behind + verdict

    def _judge(self) -> list[str]:
        url, enterprise = self.cluster.database_url(), self.world.enterprise_id
        database, heads = checker.stored(url, enterprise), checker.heads(url, enterprise)
        found = checker.judge(self.people, database, heads)
        wrong = [f"{kind}: {line}" for kind in ("lost", "doubled", "gaps", "different") for line in getattr(found, kind)]
        return wrong + checker.above_maximum(url, enterprise)

    def _now(self) -> datetime:
        with psycopg.connect(self.cluster.database_url()) as connection:
            row = connection.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        moment: datetime = row[0]
        return moment

    async def _until(self, there: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not there():
                await asyncio.sleep(0.05)

    # -- timers

    async def _timers(self) -> tuple[World, dict[str, datetime]]:
        """Delayed transfers of another enterprise that come due while there is trouble; by conversation, when."""
        url = self.cluster.database_url()
        world = await make_world(url, agents=2, visitor_count=0, places=100)
        return world, await asyncio.to_thread(_due, url, world)

    async def _timers_fired(self, world: World, due: dict[str, datetime], healed_at: datetime) -> tuple[float, list[str]]:
        url, ends = self.cluster.database_url(), time.monotonic() + PATIENCE
        while await asyncio.to_thread(checker.timers_left, url, world.enterprise_id):
            if time.monotonic() > ends:
                return PATIENCE, ["timers are left that nobody looks at"]
            await asyncio.sleep(_SETTLED_EVERY)
        fired = await asyncio.to_thread(checker.decided, url, world.enterprise_id)
        wrong = [f"the timer of {key} fired {len(fired.get(key, []))} times" for key in due if len(fired.get(key, [])) != 1]
        late = max((min(fired[key]) - max(at, healed_at)).total_seconds() for key, at in due.items() if key in fired)
        return max(0.0, late), wrong


def _due(url: str, world: World) -> dict[str, datetime]:
    with psycopg.connect(url, autocommit=True) as connection:
        presence(connection, world)
        served(connection, world, count=TIMERS, unanswered_every=1)
        deadlines(connection, world, count=TIMERS, seconds=5)
        rows: list[tuple[Any, datetime]] = connection.execute(
            "SELECT conversation_id, due_at FROM routing_requests WHERE enterprise_id = %s", [world.enterprise_id]
        ).fetchall()
    return {str(key): at for key, at in rows}
