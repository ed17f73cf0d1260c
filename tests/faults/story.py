"""How a story goes: visitors write, agents answer now and then, the network fails; at the end the checker looks."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Protocol

from bench.world import World
from tests.faults import checker
from tests.faults.people import Agent, Client, Crowd, crowd

ANSWER_EVERY = 10
PATIENCE = 100.0
Trouble = Callable[[Crowd], Awaitable[None]]


class Installation(Protocol):
    """A server, or several: where people reach it, and its database."""

    @property
    def port(self) -> int | Sequence[int]: ...

    def database_url(self) -> str: ...


async def tell(
    server: Installation, world: World, *, messages: int, trouble: Trouble, to_the_end: bool = False, patience: float = PATIENCE
) -> Crowd:
    """Every visitor writes `messages` texts while the trouble lasts; returns when all were acknowledged and everybody caught up.

    `to_the_end`: those who have written all of them go on, more slowly, until the trouble is over.
    """
    async with crowd(server.port, world) as people:
        answering = [asyncio.create_task(answer(agent)) for agent in people.agents]
        troubling = asyncio.create_task(_together(trouble, people))
        async with asyncio.timeout(patience):
            await asyncio.gather(*(_write(client, messages, troubling if to_the_end else None) for client in people.visitors))
            await troubling
            for task in answering:
                task.cancel()
            await asyncio.wait(answering)
            while any(client.open_sends() for client in people.everybody):
                await asyncio.sleep(0.05)
            while await asyncio.to_thread(checker.anybody_waits, server.database_url(), world.enterprise_id):
                await asyncio.sleep(0.2)
            await asyncio.gather(*(client.catch_up() for client in people.everybody))
    return people


def look(server: Installation, world: World, people: Crowd, *, in_order: bool = True) -> None:
    """Fail unless everything acknowledged is there once, without gaps, and both sides saw the same.

    `in_order`: the visitors waited for each acknowledgement and wrote numbers, so these must be stored in order.
    """
    database = checker.stored(server.database_url(), world.enterprise_id)
    verdict = checker.judge(people, database, checker.heads(server.database_url(), world.enterprise_id))
    assert verdict, verdict
    assert not in_order or checker.out_of_order(people, database) == []


async def cuts(people: Crowd) -> None:
    """Cut somebody's line every few milliseconds."""
    while True:
        await asyncio.sleep(random.uniform(0.01, 0.05))
        random.choice(people.everybody).cut()


async def until_acked(people: Crowd, count: int) -> None:
    while people.acked() < count:
        await asyncio.sleep(0.02)


async def _together(trouble: Trouble, people: Crowd) -> None:
    """The story's own trouble, with lines cut all the time meanwhile."""
    cutting = asyncio.create_task(cuts(people))
    try:
        await trouble(people)
    finally:
        cutting.cancel()
        with suppress(asyncio.CancelledError):
            await cutting


async def _write(client: Client, messages: int, until: asyncio.Task[None] | None) -> None:
    for number in itertools.count():
        if number >= messages and (until is None or until.done()):
            return
        if number >= messages:
            await asyncio.sleep(random.uniform(0.5, 1.5))
        client.write(str(number))
        while client.open_sends():
            await asyncio.sleep(0.01)


async def answer(agent: Agent) -> None:
    """One answer for every so many messages in a conversation."""
    answered: dict[str, int] = {}
    while True:
        await asyncio.sleep(0.1)
        for conversation_id, log in agent.log.items():
            due = len(log) // ANSWER_EVERY
            if due > answered.get(conversation_id, 0):
                answered[conversation_id] = due
                agent.write(f"answer {due}", conversation_id)
