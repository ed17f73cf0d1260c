"""What the installation costs while nothing happens, and how long it takes to start."""

from __future__ import annotations

import asyncio
import shutil
import time
from contextlib import suppress

import msgspec

from bench.client import LeanSocket
from bench.report import Row, at_most
from bench.server import Server, cpu_seconds, pss_mib, rss_kib, tree
from bench.world import Person, World, make_world
from qiatan.infra.postgres import make_scratch_dir

CONNECTIONS = 5_000
VISITORS, AGENTS = 200, 20
WATCHED_SECONDS = 60.0
HEARTBEAT_SECONDS = 30.0
_AT_ONCE = 25
_SETTLE_SECONDS = 3.0


def idle() -> list[Row]:
    data = make_scratch_dir()
    server = Server(data=data)
    try:
        first = server.start()
        asyncio.run(asyncio.sleep(_SETTLE_SECONDS))
        memory = pss_mib([server.pid]), pss_mib(tree(server.postgres()))
        world = asyncio.run(make_world(server.database_url(), agents=AGENTS, visitor_count=CONNECTIONS))
        server.stop()
        second = server.start()
        share = asyncio.run(_heartbeats(server, world))
        per_connection = asyncio.run(_crowd(server, world))
        stopped = server.stop()
    finally:
        server.stop()
        shutil.rmtree(data, ignore_errors=True)
        server.forget_output()
    return [
        at_most(f"{CONNECTIONS:,} idle visitors: memory of the server per connection", per_connection, 30, "KiB"),
        at_most(f"{VISITORS} idle visitors and {AGENTS} agents: processors, PostgreSQL included", sum(share), 0.01, "cores", digits=4),
        Row("  server / PostgreSQL", f"{share[0]:.4f} / {share[1]:.4f} cores"),
        at_most("idle memory (PSS) of server and PostgreSQL", sum(memory), 200, "MB", digits=0),
        Row("  server / PostgreSQL", f"{memory[0]:.0f} / {memory[1]:.0f} MB"),
        Row("first start, until ready", f"{first:.1f} s"),
        at_most("second start, until ready", second, 5, "s"),
        at_most("stop, PostgreSQL included", stopped, 10, "s"),
    ]


async def _heartbeats(server: Server, world: World) -> tuple[float, float]:
    """Cores used, on average, by server and PostgreSQL for everybody being there with a heartbeat every half minute."""
    sockets = [await _agent(server.port, number, one) for number, one in enumerate(world.agents)]
    sockets += await _connect(server.port, world.visitors[:VISITORS])
    beating = [asyncio.create_task(_beat(socket, number / len(sockets))) for number, socket in enumerate(sockets)]
    try:
        await asyncio.sleep(_SETTLE_SECONDS)
        ours, postgres = [server.pid], tree(server.postgres())
        before, began = (cpu_seconds(ours), cpu_seconds(postgres)), time.monotonic()
        await asyncio.sleep(WATCHED_SECONDS)
        took = time.monotonic() - began
        return (cpu_seconds(ours) - before[0]) / took, (cpu_seconds(postgres) - before[1]) / took
    finally:
        for task in beating:
            task.cancel()
        await asyncio.wait(beating)
        await _leave(sockets)


async def _crowd(server: Server, world: World) -> float:
    """Growth of the server's memory for each of thousands of visitors who only look."""
    sockets = await _connect(server.port, world.visitors[-_AT_ONCE * 4 :])
    before = rss_kib(server.pid)
    more = await _connect(server.port, world.visitors[: -_AT_ONCE * 4], first=_AT_ONCE * 4)
    await asyncio.sleep(_SETTLE_SECONDS)
    grown = (rss_kib(server.pid) - before) / len(more)
    await _leave([*sockets, *more])
    return grown


async def _connect(port: int, people: list[Person], *, first: int = 0) -> list[LeanSocket]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int, person: Person) -> LeanSocket:
        welcomed = asyncio.Event()

        def heard(_: LeanSocket, text: bytes) -> None:
            if b'"subscribed"' in text:
                welcomed.set()

        async with gate:
            socket = await LeanSocket.connect(port, heard, number=1000 + number)
            socket.send(msgspec.json.encode({"type": "hello", "protocol": 1, "token": person.token}))
            socket.send(b'{"type":"subscribe","topic":"mine"}')
            async with asyncio.timeout(30):
                await welcomed.wait()
        return socket

    return await asyncio.gather(*(one(first + number, person) for number, person in enumerate(people)))


async def _agent(port: int, number: int, person: Person) -> LeanSocket:
    socket = await LeanSocket.connect(port, lambda _, __: None, number=number, cookie=person.token)
    socket.send(b'{"type":"hello","protocol":1}')
    for topic in (b"mine", b"queue"):
        socket.send(b'{"type":"subscribe","topic":"' + topic + b'"}')
    return socket


async def _beat(socket: LeanSocket, phase: float) -> None:
    await asyncio.sleep(phase * HEARTBEAT_SECONDS)
    while not socket.closed.is_set():
        socket.send(b'{"type":"ping"}')
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await socket.closed.wait()


async def _leave(sockets: list[LeanSocket]) -> None:
    for socket in sockets:
        socket.abort()
    await asyncio.gather(*(socket.closed.wait() for socket in sockets))
