"""Several machines on one database with a standby and one bus: parts of it die under traffic, and nothing is lost, doubled or left out.

Short rounds with fixed seeds; `make soak` has all kinds of trouble, by the hundred.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from bench.server import Program
from bench.world import Person, make_world
from qiatan.infra.db.alive import watched
from tests.faults import checker
from tests.faults.cluster import Cluster
from tests.faults.people import crowd
from tests.faults.ports import take_ports
from tests.faults.rounds import Rounds
from tests.faults.story import answer

# Starts of real servers come on top; on a busy machine they take long.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as running:
        yield running


@asynccontextmanager
async def traffic(cluster: Cluster) -> AsyncIterator[Rounds]:
    """Twelve visitors and two agents, who write as long as a round lasts."""
    world = await make_world(cluster.database_url(), agents=2, visitor_count=12, places=10)
    async with crowd(cluster.port, world) as people:
        answering = [asyncio.create_task(answer(agent)) for agent in people.agents]
        try:
            yield Rounds(cluster, world, people)
        finally:
            for task in answering:
                task.cancel()
            await asyncio.wait(answering)


def written_by(person: Person, stored: checker.Database) -> list[str | None]:
    """The texts of somebody, in the order in which they are stored."""
    return [log[seq].text for log in stored.values() for seq in sorted(log) if log[seq].sender_id == str(person.id)]


@pytest.mark.parametrize("troubles", [["fail-over"], ["kill node", "lose bus"]], ids=" and ".join)
async def test_everything_heals(cluster: Cluster, troubles: list[str]) -> None:
    async with traffic(cluster) as turn:
        outcome = await turn.run(troubles, random.Random(1), timers=False)

    assert outcome.wrong == [], cluster.said()
    assert outcome.acknowledged >= len(turn.people.visitors)


async def test_connections_that_something_in_between_forgot_are_given_up(cluster: Cluster) -> None:
    """Everything is confirmed on them and nothing passed on, so that the system's own signs of life show nothing."""
    async with traffic(cluster) as turn:
        people = turn.people
        for client in people.visitors:
            client.write("0")
        async with asyncio.timeout(60):
            while any(client.open_sends() for client in people.visitors):
                await asyncio.sleep(0.05)
            for node in cluster.nodes:
                node.database.swallow()
            for client in people.visitors:
                client.write("1")
            while any(client.open_sends() for client in people.visitors):
                await asyncio.sleep(0.05)

        stored = checker.stored(cluster.database_url(), turn.world.enterprise_id)

    assert [written_by(person, stored) for person in turn.world.visitors] == [["0", "1"]] * len(turn.world.visitors)


async def test_timers_that_come_due_while_all_nodes_are_dead_fire_once(cluster: Cluster) -> None:
    async with traffic(cluster) as turn:
        outcome = await turn.run(["kill all nodes"], random.Random(1))

    assert outcome.wrong == [], cluster.said()


async def test_a_list_of_servers_leads_to_the_new_primary(cluster: Cluster, tmp_path: Path) -> None:
    ports = f"{cluster.pair.primary.port},{cluster.pair.standby.port}"
    url = f"postgresql://qiatan@/qiatan?host=127.0.0.1,127.0.0.1&port={ports}&target_session_attrs=read-write"
    world = await make_world(url, agents=1, visitor_count=1, places=10)
    (port,) = take_ports(1)
    # As on a fresh machine, the data directory is not there yet.
    program = Program([sys.executable, "-m", "qiatan", "serve"], data=tmp_path / "data", port=port, environment={"DATABASE_URL": url})
    await asyncio.to_thread(program.start)
    try:
        async with crowd(port, world) as people, asyncio.timeout(60):
            for number in range(2):
                people.visitors[0].write(str(number))
                while people.visitors[0].open_sends():
                    await asyncio.sleep(0.05)
                if number == 0:
                    await asyncio.to_thread(cluster.fail_over)
    finally:
        await asyncio.to_thread(program.stop)
        await asyncio.to_thread(cluster.pair.rebuild_standby)

    stored = checker.stored(cluster.database_url(), world.enterprise_id)
    assert written_by(world.visitors[0], stored) == ["0", "1"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems name these options otherwise")
async def test_a_database_that_is_gone_without_a_word_is_noticed(cluster: Cluster) -> None:
    async with await psycopg.AsyncConnection.connect(cluster.database_url(), **watched(cluster.database_url())) as connection:
        line = socket.socket(fileno=os.dup(connection.fileno()))
        with line:
            assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 15_000
    # The operator's own word counts more.
    assert "tcp_user_timeout" not in watched(f"{cluster.database_url()}?tcp_user_timeout=60000")


@pytest.mark.skipif(shutil.which("ss") is None, reason="nothing tells the timers of sockets here")
def test_every_connection_of_a_node_to_the_database_is_watched(cluster: Cluster) -> None:
    pid = cluster.nodes[0].program.pid
    shown = subprocess.run(["ss", "-Htnpo", "state", "established"], capture_output=True, text=True, check=True).stdout
    lines = [line for line in shown.splitlines() if f"pid={pid}," in line and f":{cluster.nodes[0].database.port} " in line]

    assert lines, shown
    assert [line for line in lines if "timer:(" not in line] == []


async def test_nothing_is_acknowledged_that_the_standby_does_not_have(cluster: Cluster) -> None:
    async with traffic(cluster) as turn:
        people, world = turn.people, turn.world
        people.visitors[0].write("0")
        while people.visitors[0].open_sends():
            await asyncio.sleep(0.05)
        await asyncio.to_thread(cluster.pair.standby.kill)
        people.visitors[0].write("1")
        await asyncio.sleep(3)  # time in which it could have been acknowledged
        assert people.visitors[0].open_sends() == 1
        await asyncio.to_thread(cluster.pair.rebuild_standby)
        while people.visitors[0].open_sends():
            await asyncio.sleep(0.05)
        await asyncio.to_thread(cluster.fail_over)

        stored = checker.stored(cluster.database_url(), world.enterprise_id)
        await asyncio.to_thread(cluster.pair.rebuild_standby)

    assert written_by(world.visitors[0], stored) == ["0", "1"]
