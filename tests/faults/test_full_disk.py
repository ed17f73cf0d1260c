"""A disk that fills up while people write."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from bench.server import Server
from bench.world import World, make_world
from qiatan.infra.postgres import make_scratch_dir
from tests.faults.disks import SmallDisk
from tests.faults.people import Client, Crowd, crowd
from tests.faults.story import look

SIZE_MIB = 300
BIG = "字" * 4_000
PATIENCE = 90.0
# Starts of real servers come on top of the story itself; on a busy machine they take long.
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def small_disk() -> Iterator[SmallDisk]:
    """A file system of its own with little room."""
    directory = make_scratch_dir()
    disk = SmallDisk(directory, SIZE_MIB)
    try:
        if disk.why_not is not None:
            pytest.skip(disk.why_not)
        yield disk
    finally:
        disk.remove()
        directory.rmdir()
        directory.with_name(f"{directory.name}.log").unlink(missing_ok=True)


@pytest.fixture
def server(small_disk: SmallDisk) -> Iterator[Server]:
    with Server(data=small_disk.directory) as running:
        yield running


@pytest.fixture
def world(server: Server) -> World:
    return asyncio.run(make_world(server.database_url(), agents=1, visitor_count=3, places=10))


async def test_a_full_disk_refuses_and_recovers(server: Server, world: World, small_disk: SmallDisk) -> None:
    async with crowd(server.port, world) as people, asyncio.timeout(PATIENCE):
        for client in people.visitors:
            client.write("0")
        await _all_acknowledged(people)

        small_disk.fill()
        await _write_until_refused(people.visitors)
        codes = {code for client in people.visitors for sent in client.outbox.values() for code in sent.refusals}
        assert codes <= {"storage_full", "try_again", "database_unavailable"}, codes

        small_disk.empty()
        await _all_acknowledged(people)
        for client in people.visitors:
            client.write("1")
        await _all_acknowledged(people)
        await asyncio.gather(*(client.catch_up() for client in people.everybody))

    assert server.process is not None
    assert server.process.poll() is None, server.said()
    look(server, world, people, in_order=False)


async def _write_until_refused(clients: list[Client]) -> None:
    while not any(sent.refusals for client in clients for sent in client.outbox.values()):
        for client in clients:
            if client.open_sends() < 20:
                client.write(BIG)
        await asyncio.sleep(0.02)


async def _all_acknowledged(people: Crowd) -> None:
    while any(client.open_sends() for client in people.everybody):
        await asyncio.sleep(0.05)
