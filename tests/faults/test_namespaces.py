"""A node whose network is really gone, by the kernel's own means: people go to the other one, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest

from bench.world import make_world
from tests.faults import namespaces, troubles
from tests.faults.cluster import Cluster
from tests.faults.flatness import Flatness
from tests.faults.people import Crowd, crowd
from tests.faults.rounds import Rounds
from tests.faults.story import answer

# Starts of real servers come on top; on a busy machine they take long.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    reason = namespaces.why_not()
    if reason is not None:
        pytest.skip(reason)
    with Cluster(apart=True) as running:
        yield running


async def test_a_node_that_is_cut_off_is_left_and_comes_back(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    left = cluster.nodes[0]

    async def cut_off(cluster: Cluster, people: Crowd, _chance: random.Random) -> None:
        assert left.network is not None
        await asyncio.to_thread(left.network.pull)
        before = {client.person.id: sum(sent.ack is not None for sent in client.outbox.values()) for client in people.visitors}
        # Everybody goes on by the other node, without the network having come back.
        while any(sum(sent.ack is not None for sent in client.outbox.values()) <= before[client.person.id] for client in people.visitors):
            await asyncio.sleep(0.1)
        while await asyncio.to_thread(cluster.living) > 1:
            await asyncio.sleep(0.5)
        await asyncio.to_thread(left.network.plug)

    monkeypatch.setitem(troubles.TROUBLES, "cut off", cut_off)
    world = await make_world(cluster.database_url(), agents=2, visitor_count=12, places=10)
    flat = Flatness(cluster)
    flat.begin()
    async with crowd(cluster.port, world) as people, asyncio.timeout(300):
        answering = [asyncio.create_task(answer(agent)) for agent in people.agents]
        outcome = await Rounds(cluster, world, people).run(["cut off"], random.Random(1), timers=False)
        for task in answering:
            task.cancel()
        await asyncio.wait(answering)

    assert outcome.wrong == [], cluster.said()
    # Of people who were cut off no sign of their going ever came: it lets go of them all the same, and is seen to hold its pools.
    await flat.end()
    assert flat.wrong() == []
    assert all("besides 0 connections" not in line for line in flat.told())
    async with asyncio.timeout(60):  # its next sign of life
        while await asyncio.to_thread(cluster.living) < 2:
            await asyncio.sleep(0.5)
