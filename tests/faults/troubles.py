"""What can break in an installation, each with its healing: chosen and timed by a seeded source, so that a round can be had again.

Those of processes, lines and people are here; clocks and disks in `machines`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress

import httpx

from bench.server import NotReady
from tests.faults.cluster import Cluster, ClusterNode
from tests.faults.machines import full_disk, pull_cable, slow_disk, step_clock_of_database, step_clock_of_node
from tests.faults.people import Crowd
from tests.faults.shims import NotHere

REPLACED_SECONDS = 200.0
ASKED_AGAIN_SECONDS = 30.0
Trouble = Callable[[Cluster, Crowd, random.Random], Awaitable[None]]


async def kill_node(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """A node dies at once, and is started again."""
    node = chance.choice(cluster.nodes)
    await asyncio.to_thread(node.kill)
    await asyncio.sleep(chance.uniform(0, 2))
    await _start(node)


async def _start(node: ClusterNode) -> None:
    """As whoever keeps a machine's programs alive: again, where another trouble of the round has the database away."""
    async with asyncio.timeout(REPLACED_SECONDS):
        while True:
            try:
                await asyncio.to_thread(node.start)
            except NotReady:
                await asyncio.sleep(1)
            else:
                return


async def kill_all_nodes(cluster: Cluster, _people: Crowd, _chance: random.Random) -> None:
    """All nodes die at once."""
    for node in cluster.nodes:
        await asyncio.to_thread(node.kill)
    for node in cluster.nodes:
        await _start(node)


def _supervisor(cluster: Cluster, chance: random.Random) -> ClusterNode:
    if not cluster.supervisors:
        raise NotHere("no node of this cluster is a supervisor")
    return chance.choice(cluster.supervisors)


async def kill_worker(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """One or more of a supervisor's processes die, one after another; it starts them again."""
    node = _supervisor(cluster, chance)
    for _ in range(chance.choice((1, 1, 2))):
        await asyncio.to_thread(node.kill_worker, chance)
        await asyncio.to_thread(cluster.wait_until_ready)


async def kill_supervisor(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """A supervisor dies, its processes with it, and is started again."""
    node = _supervisor(cluster, chance)
    await asyncio.to_thread(node.kill)
    await _start(node)


async def replace_workers(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """A supervisor is told to replace its processes, as for a new version; again where it gave up, as while the database is away."""
    node = _supervisor(cluster, chance)
    before = set(node.serving())
    async with asyncio.timeout(REPLACED_SECONDS):
        while set(node.serving()) & before:
            node.replace()
            with suppress(TimeoutError):
                async with asyncio.timeout(ASKED_AGAIN_SECONDS):
                    while set(node.serving()) & before:
                        await asyncio.sleep(0.2)


async def stop_node(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """A node is told to end, and is started again."""
    node = chance.choice(cluster.nodes)
    await asyncio.to_thread(node.program.stop)
    await _start(node)


async def freeze_node(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """A node stands still, for longer than the others take to think it dead, or for less."""
    node = chance.choice(cluster.nodes)
    node.freeze()
    await asyncio.sleep(chance.choice((1, 4, 25)))
    node.thaw()


async def kill_backend(cluster: Cluster, _people: Crowd, _chance: random.Random) -> None:
    """PostgreSQL loses a process, and begins anew by itself."""
    await asyncio.to_thread(cluster.pair.primary.kill_one, "client backend")
    await asyncio.to_thread(cluster.pair.primary.wait_until_it_answers)


async def kill_replication(cluster: Cluster, _people: Crowd, _chance: random.Random) -> None:
    """The standby's receiver dies, and with it the standby's processes; commits wait until it follows again."""
    await asyncio.to_thread(cluster.pair.standby.kill_one, "walreceiver")
    await asyncio.to_thread(cluster.pair.wait_until_in_step)


async def lose_standby(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """The standby is gone for a while: nothing is acknowledged until it is back."""
    await asyncio.to_thread(cluster.pair.standby.kill)
    await asyncio.sleep(chance.uniform(1, 6))
    await asyncio.to_thread(cluster.pair.standby.start)
    await asyncio.to_thread(cluster.pair.wait_until_in_step)


async def fail_over(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """The primary dies, its standby takes over, and a new standby is made."""
    await asyncio.to_thread(cluster.fail_over)
    await asyncio.sleep(chance.uniform(1, 3))
    await asyncio.to_thread(cluster.pair.rebuild_standby)


async def silent_fail_over(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """The primary's machine is gone without a word, and some time later its standby takes over."""
    for node in cluster.nodes:
        node.database.silence()
    await asyncio.sleep(chance.uniform(1, 4))
    await fail_over(cluster, _people, chance)


async def cut_database(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """One node does not reach the database."""
    node = chance.choice(cluster.nodes)
    node.database.cut()
    await asyncio.sleep(chance.uniform(1, 6))
    node.database.mend()


async def silence_database(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """One node hears nothing from the database, without being told why."""
    node = chance.choice(cluster.nodes)
    node.database.silence()
    await asyncio.sleep(chance.uniform(2, 12))
    node.database.mend()


async def swallow_database(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """What stands between a node and the database forgets the connections it had: it confirms all and passes nothing on, for ever."""
    chance.choice(cluster.nodes).database.swallow()
    await asyncio.sleep(chance.uniform(2, 6))


async def slow_database(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """Every word to and from the database takes its time."""
    delays = [chance.uniform(0.2, 0.6) for _ in cluster.nodes]
    for node, delay in zip(cluster.nodes, delays, strict=True):
        node.database.delay = delay
    await asyncio.sleep(chance.uniform(4, 8))
    for node in cluster.nodes:
        node.database.mend()
    # It is over when the last word that was under way has come.
    await asyncio.sleep(max(delays))


async def kill_nats(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """One server of the bus dies, and is started again."""
    server = chance.choice(cluster.nats)
    await asyncio.to_thread(server.kill)
    await asyncio.sleep(chance.uniform(0.5, 3))
    server.start()


async def lose_bus(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """The whole bus is gone for a while."""
    for server in cluster.nats:
        await asyncio.to_thread(server.kill)
    await asyncio.sleep(chance.uniform(1, 6))
    for server in cluster.nats:
        server.start()


async def silence_bus(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """One node hears nothing from the bus, without being told why."""
    node = chance.choice(cluster.nodes)
    for line in node.bus:
        line.silence()
    await asyncio.sleep(chance.uniform(2, 10))
    for line in node.bus:
        line.mend()


async def cut_people(cluster: Cluster, people: Crowd, chance: random.Random) -> None:
    """People's lines break, again and again, and one node cannot be reached at all."""
    node = chance.choice(cluster.nodes)
    node.people.cut()
    for _ in range(40):
        await asyncio.sleep(0.1)
        chance.choice(people.everybody).cut()
    node.people.mend()


async def silence_people(cluster: Cluster, _people: Crowd, chance: random.Random) -> None:
    """One node's people hear nothing and are not told why: they have to find out and go elsewhere."""
    node = chance.choice(cluster.nodes)
    node.people.silence()
    await asyncio.sleep(chance.uniform(3, 14))
    node.people.mend()


async def burst(_cluster: Cluster, people: Crowd, _chance: random.Random) -> None:
    """Everybody calls for a while, ten times as much as before."""
    for client in people.visitors:
        client.burst = 10
    await asyncio.sleep(4)
    for client in people.visitors:
        client.burst = 1


async def deaf_people(cluster: Cluster, people: Crowd, _chance: random.Random) -> None:
    """Some connect as an agent's further page and read nothing of what they are told."""
    lines = []
    for agent in people.agents:
        for port in cluster.port:
            try:
                lines.append(await agent.deaf_line(port))
            except (OSError, TimeoutError):
                continue  # the node has troubles of its own
    await asyncio.sleep(6)
    for line in lines:
        line.abort()


async def many_callers(cluster: Cluster, _people: Crowd, _chance: random.Random) -> None:
    """Calls that nobody is there to read the answers of."""
    for port in cluster.port:
        for _ in range(30):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            with closing(writer):
                writer.write(b"GET /api/v1/me HTTP/1.1\r\nhost: x\r\n\r\n" * 5)
        async with httpx.AsyncClient(timeout=10) as client:
            try:
                await client.get(f"http://127.0.0.1:{port}/healthz")
            except httpx.TransportError:
                continue


async def calm(_cluster: Cluster, _people: Crowd, _chance: random.Random) -> None:
    """Nothing at all, for comparison."""
    await asyncio.sleep(2)


TROUBLES: dict[str, Trouble] = {
    "calm": calm,
    "kill node": kill_node,
    "kill all nodes": kill_all_nodes,
    "kill worker": kill_worker,
    "kill supervisor": kill_supervisor,
    "replace workers": replace_workers,
    "stop node": stop_node,
    "freeze node": freeze_node,
    "kill backend": kill_backend,
    "kill replication": kill_replication,
    "lose standby": lose_standby,
    "fail-over": fail_over,
    "silent fail-over": silent_fail_over,
    "cut database": cut_database,
    "silence database": silence_database,
    "swallow database": swallow_database,
    "slow database": slow_database,
    "full disk": full_disk,
    "slow disk": slow_disk,
    "step clock of database": step_clock_of_database,
    "step clock of node": step_clock_of_node,
    "pull cable": pull_cable,
    "kill nats": kill_nats,
    "lose bus": lose_bus,
    "silence bus": silence_bus,
    "cut people": cut_people,
    "silence people": silence_people,
    "burst": burst,
    "deaf people": deaf_people,
    "many callers": many_callers,
}
ALONE = frozenset(
    {
        "kill backend",
        "kill replication",
        "lose standby",
        "fail-over",
        "silent fail-over",
        "full disk",
        "slow disk",
        "step clock of database",
    }
)
"""Of the database: one at a time, since two of its servers are all there are."""
_OF_NODES = frozenset({"kill node", "kill all nodes", "kill worker", "kill supervisor", "replace workers", "stop node", "freeze node"})
"""Of processes: one at a time, since each starts again what it ended."""


def choose(chance: random.Random) -> list[str]:
    """One trouble, or two that can be had together."""
    names = chance.sample(sorted(set(TROUBLES) - {"calm"}), chance.choice((1, 2)))
    clash = any(all(name in group for name in names) for group in (ALONE, _OF_NODES))
    lines = sum("database" in name or name in ALONE for name in names) > 1
    return names[:1] if len(names) == 2 and (clash or lines) else names
