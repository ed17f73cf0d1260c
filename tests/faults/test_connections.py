"""Lines that break, servers that die: nothing acknowledged is lost, doubled, left out, or in another order for the other side."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from bench.server import Server, alive
from bench.world import World
from tests.faults.people import Crowd
from tests.faults.story import look, tell, until_acked

PER_VISITOR = 42
# Starts of real servers come on top of the story itself; on a busy machine they take long.
pytestmark = pytest.mark.timeout(240)


async def test_random_cuts(server: Server, world: World) -> None:
    async def trouble(people: Crowd) -> None:
        await until_acked(people, PER_VISITOR * len(people.visitors) - 50)

    people = await tell(server, world, messages=PER_VISITOR, trouble=trouble)

    assert people.acked() >= 2000
    assert sum(client.connects for client in people.everybody) > 2 * len(people.everybody), "the lines were hardly cut"
    look(server, world, people)


async def test_kill_of_postgresql_and_kill_of_the_server(server: Server, world: World) -> None:
    async def trouble(people: Crowd) -> None:
        await until_acked(people, 600)
        os.kill(server.postgres(), signal.SIGKILL)
        await until_acked(people, 1300)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await until_acked(people, 1900)

    people = await tell(server, world, messages=PER_VISITOR, trouble=trouble)

    assert people.acked() >= 2000
    look(server, world, people)


async def test_an_orderly_stop_under_load(server: Server, world: World) -> None:
    async def trouble(people: Crowd) -> None:
        await until_acked(people, 300)
        postgres = server.postgres()
        await asyncio.to_thread(server.stop)
        assert server.process is not None
        assert server.process.returncode == 0, server.said()
        assert not alive(postgres), "PostgreSQL outlived the server"
        await asyncio.to_thread(server.start)
        await until_acked(people, 600)

    people = await tell(server, world, messages=15, trouble=trouble)

    look(server, world, people)
