"""Troubles of the machines that the parts run on: clocks that are set, disks that are slow or full, cables.

Where this machine cannot have one (`NotHere`), a round says so and goes without.
"""

from __future__ import annotations

import asyncio
import random

from tests.faults import namespaces
from tests.faults.cluster import Cluster
from tests.faults.people import Crowd
from tests.faults.shims import NotHere

STEPS = (-3_600.0, -90.0, -7.0, -2.0, 2.0, 7.0, 90.0, 3_600.0)
"""Seconds by which a clock is set."""


async def step_clock_of_database(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """The clock of the primary's machine is set wrong, and right again some seconds later."""
    server, step = cluster.pair.primary, chance.choice(STEPS)
    server.shim.step(step)
    await asyncio.sleep(chance.uniform(2, 7))
    server.shim.step(0)


async def step_clock_of_node(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """The clock of a node's machine is set, and stays so until another round sets it."""
    node = chance.choice(cluster.nodes)
    node.shim.step(chance.choice((0.0, *STEPS)))
    await asyncio.sleep(chance.uniform(2, 5))


async def pull_cable(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """A node reaches nothing and nobody, and nothing is told of it: for less than the others take to think it dead, or for more."""
    networks = [node.network for node in cluster.nodes if node.network is not None]
    if not networks:
        raise NotHere(namespaces.why_not() or "the nodes of this cluster are on one network")
    network = chance.choice(networks)
    await asyncio.to_thread(network.pull)
    try:
        await asyncio.sleep(chance.choice((4, 12, 24)))
    finally:
        await asyncio.to_thread(network.plug)


async def slow_disk(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """Every write of one of the two database servers takes its time."""
    server = chance.choice((cluster.pair.primary, cluster.pair.standby))
    server.shim.slow_disk(chance.uniform(0.01, 0.1))
    await asyncio.sleep(chance.uniform(4, 8))
    server.shim.slow_disk(0)


async def full_disk(cluster: Cluster, people: Crowd, chance: random.Random) -> None:
    """The disk of one of the two database servers is full for a while, with much to write; one that gave up because of it is started again."""
    server = chance.choice((cluster.pair.primary, cluster.pair.standby))
    server.disk.fill(left_kib=0)
    for client in people.visitors:
        client.burst = 5
    try:
        await asyncio.sleep(chance.uniform(4, 8))
    finally:
        for client in people.visitors:
            client.burst = 1
        server.disk.empty()
    await asyncio.to_thread(server.revive)
    await asyncio.to_thread(cluster.pair.wait_until_in_step)
