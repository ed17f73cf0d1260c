"""Workers that are replaced, and workers that die, while people write: nobody is refused, nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bench.server import Server, children
from bench.world import World, make_world
from tests.faults.people import Crowd
from tests.faults.story import look, tell, until_acked

PER_VISITOR = 10
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(environment={"WORKERS": "2", "LOG_LEVEL": "info"})
    with ExitStack() as stack:
        stack.push(running.__exit__)
        running.start(patience=150)  # three programs to load, for which a busy machine takes its time
        yield running


@pytest.fixture
def world(server: Server) -> World:
    """Few people, so that starting processes has the machine to itself."""
    return asyncio.run(make_world(server.database_url(), agents=3, visitor_count=20, places=20))


def workers(server: Server) -> set[int]:
    """The process ids of the nodes that there are."""
    found = set()
    for pid in children(server.pid):
        if b"qiatan.entrypoints.node" in Path(f"/proc/{pid}/cmdline").read_bytes():
            found.add(pid)
    return found


@dataclass
class Calls:
    """What somebody new was answered, who calls every few milliseconds on a connection of his own."""

    answers: int = 0
    failures: list[str] = field(default_factory=list)


@asynccontextmanager
async def calling(port: int) -> AsyncIterator[Calls]:
    """Call as long as the block lasts."""
    calls = Calls()
    task = asyncio.create_task(_call_on(port, calls))
    try:
        yield calls
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _call_on(port: int, calls: Calls) -> None:
    while True:
        try:
            async with asyncio.timeout(20):
                answer = await _call(port)
        except (OSError, TimeoutError) as error:
            calls.failures.append(repr(error))
        else:
            calls.answers += 1
            if not (answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b'{"status":"ok"}')):
                calls.failures.append(repr(answer))
        await asyncio.sleep(0.05)


async def _call(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        return await reader.read()


async def said(server: Server, event: str, times: int) -> None:
    while server.said().count(f'"event": "{event}"') < times:
        await asyncio.sleep(0.05)


async def test_all_workers_are_replaced_twice_and_one_is_killed_under_traffic(server: Server, world: World) -> None:
    first = workers(server)

    async def trouble(people: Crowd) -> None:
        async with calling(server.port) as calls:
            await until_acked(people, 100)
            for times in (1, 2):
                os.kill(server.pid, signal.SIGHUP)
                await said(server, "restart.done", times)
            assert not workers(server) & first
            killed = min(workers(server))
            os.kill(killed, signal.SIGKILL)
            await said(server, "worker.ready", 5)
            await until_acked(people, people.acked() + 50)
        assert calls.failures == []
        assert calls.answers > 100
        assert killed not in workers(server)

    people = await tell(server, world, messages=PER_VISITOR, trouble=trouble, to_the_end=True, patience=400)

    assert len(workers(server)) == 2
    assert sum(client.refused for client in people.everybody) == 0
    assert people.acked() >= PER_VISITOR * len(people.visitors)
    look(server, world, people)
