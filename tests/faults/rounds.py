"""Rounds of trouble under traffic: afterwards everything must be as if nothing had happened, but for the time."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bench.world import World
from tests.faults import checker
from tests.faults.cluster import Cluster
from tests.faults.deadlines import Deadlines
from tests.faults.people import Client, Crowd
from tests.faults.shims import NotHere
from tests.faults.troubles import TROUBLES

PATIENCE = 120.0
"""How long all that was written may take to be acknowledged, and everybody to see all of it, once the trouble is over."""
QUIET = 3
"""Visitors who say nothing during the trouble, and whose conversations end by themselves meanwhile."""
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
    load: float = 0.0
    """Of the machine in the last minute, when all was healed: processes that want to run, for its lateness is that of everything."""
    without: list[str] = field(default_factory=list)
    """Troubles that this machine cannot have, and why."""
    wrong: list[str] = field(default_factory=list)


class Rounds:
    """A crowd on a cluster, one round after another."""

    def __init__(self, cluster: Cluster, world: World, people: Crowd) -> None:
        self.cluster, self.world, self.people = cluster, world, people
        self._numbers = {client.person.id: itertools.count() for client in people.visitors}

    async def run(self, names: list[str], chance: random.Random, *, timers: bool = True) -> Outcome:
        """Traffic, these troubles meanwhile, healing, and the checker."""
        outcome, before = Outcome(names), self.people.acked()
        quiet = chance.sample(self.people.visitors, QUIET) if timers else []
        deadlines = await Deadlines.make(self.cluster, self.world, [client.person.id for client in quiet]) if timers else None
        over = asyncio.Event()
        talking = [client for client in self.people.visitors if client not in quiet]
        writing = [asyncio.create_task(self._write(client, over)) for client in talking]
        await self._until(lambda: self.people.acked() >= before + len(talking))
        outcome.without = [one for one in await asyncio.gather(*(self._break(name, chance) for name in names)) if one is not None]
        await asyncio.to_thread(self.cluster.wait_until_ready)
        healed, healed_at = time.monotonic(), datetime.now(UTC)
        outcome.load = os.getloadavg()[0]
        await asyncio.sleep(1)
        for client in quiet:
            client.write(str(next(self._numbers[client.person.id])))
        over.set()
        await asyncio.gather(*writing)
        outcome.wrong += await self._settle()
        outcome.healed_after = time.monotonic() - healed
        outcome.acknowledged = self.people.acked() - before
        if deadlines is not None:
            outcome.late, wrong = await deadlines.fired(healed_at, PATIENCE)
            outcome.wrong += wrong
        # Behind the deadlines: comparing every message there ever was takes a core for seconds, and theirs are counted.
        outcome.wrong += await self._judged()
        return outcome

    async def _break(self, name: str, chance: random.Random) -> str | None:
        """Have a trouble; returns what to say when this machine cannot have it."""
        try:
            await TROUBLES[name](self.cluster, self.people, chance)
        except NotHere as reason:
            return f"{name}: {reason}"
        return None

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
        """Wait until all is acknowledged, everybody is served, and all say that they have all of it, without being made to connect anew."""
        url, enterprise = self.cluster.database_url(), self.world.enterprise_id
        ends, wrong = time.monotonic() + PATIENCE, []
        while True:
            open_sends = sum(client.open_sends() for client in self.people.everybody)
            waiting = await asyncio.to_thread(checker.anybody_waits, url, enterprise)
            behind = self.people.behind()
            if not (open_sends or waiting or behind):
                return []
            if time.monotonic() > ends:
                break
            await asyncio.sleep(_SETTLED_EVERY)
        if open_sends:
            wrong.append(f"{open_sends} messages are not acknowledged after {PATIENCE:.0f} s")
        if waiting:
            wrong.append("a conversation has no agent although there is room")
        return wrong + behind

    async def _judged(self) -> list[str]:
        """What is wrong, and stays so: somebody may be told of something while it is compared."""
        ends = time.monotonic() + PATIENCE
        while (verdict := await asyncio.to_thread(self._judge)) and time.monotonic() < ends:
            await asyncio.sleep(_SETTLED_EVERY)
        return verdict

    def _judge(self) -> list[str]:
        url, enterprise = self.cluster.database_url(), self.world.enterprise_id
        database, heads = checker.stored(url, enterprise), checker.heads(url, enterprise)
        found = checker.judge(self.people, database, heads)
        wrong = [f"{kind}: {line}" for kind in ("lost", "doubled", "gaps", "different") for line in getattr(found, kind)]
        return wrong + checker.above_maximum(url, enterprise)

    async def _until(self, there: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not there():
                await asyncio.sleep(0.05)
