"""A disk that fills up while people write."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.server import Server
from bench.world import World, make_world
from qiatan.infra.postgres import make_scratch_dir
from tests.faults.people import Client, Crowd, crowd
from tests.faults.story import look

SIZE_MIB = 300
LEFT_KIB = 256
BIG = "字" * 4_000
PATIENCE = 90.0
# Starts of real servers come on top of the story itself; on a busy machine they take long.
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of its own with little room."""
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("a file system can be mounted by root on Linux only")
    directory = make_scratch_dir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m,mode=0711", "tmpfs", str(directory)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        directory.rmdir()
        pytest.skip(f"this machine mounts nothing, even for root: {mounted.stderr.strip()}")
    yield directory
    subprocess.run(["umount", "--lazy", str(directory)], check=True)
    directory.rmdir()
    directory.with_name(f"{directory.name}.log").unlink(missing_ok=True)


@pytest.fixture
def server(small_disk: Path) -> Iterator[Server]:
    with Server(data=small_disk) as running:
        yield running


@pytest.fixture
def world(server: Server) -> World:
    return asyncio.run(make_world(server.database_url(), agents=1, visitor_count=3, places=10))


async def test_a_full_disk_refuses_and_recovers(server: Server, world: World, small_disk: Path) -> None:
    async with crowd(server.port, world) as people, asyncio.timeout(PATIENCE):
        for client in people.visitors:
            client.write("0")
        await _all_acknowledged(people)

        filler = small_disk / "filler"
        _fill(filler)
        await _write_until_refused(people.visitors)
        codes = {code for client in people.visitors for sent in client.outbox.values() for code in sent.refusals}
        assert codes <= {"storage_full", "try_again", "database_unavailable"}, codes

        filler.unlink()
        await _all_acknowledged(people)
        for client in people.visitors:
            client.write("1")
        await _all_acknowledged(people)
        await asyncio.gather(*(client.catch_up() for client in people.everybody))

    assert server.process is not None
    assert server.process.poll() is None, server.said()
    look(server, world, people, in_order=False)


def _fill(path: Path) -> None:
    """Take all room but a little."""
    space = os.statvfs(path.parent)
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, space.f_bavail * space.f_frsize - LEFT_KIB * 1024)


async def _write_until_refused(clients: list[Client]) -> None:
    while not any(sent.refusals for client in clients for sent in client.outbox.values()):
        for client in clients:
            if client.open_sends() < 20:
                client.write(BIG)
        await asyncio.sleep(0.02)


async def _all_acknowledged(people: Crowd) -> None:
    while any(client.open_sends() for client in people.everybody):
        await asyncio.sleep(0.05)
