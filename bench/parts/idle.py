"""What the installation costs while nothing happens, and how long it takes to start."""

from __future__ import annotations

import asyncio
import shutil
import time

from bench.present import agent, beat, connect, leave
from bench.report import Row, at_most
from bench.server import Server, cpu_seconds, pss_mib, rss_kib, tree
from bench.world import World, make_world
from qiatan.infra.postgres import make_scratch_dir

CONNECTIONS = 5_000
VISITORS, AGENTS = 200, 20
WATCHED_SECONDS = 60.0
_FIRST = 100
"""So many connections are open before the growth is measured: what the first ones load is no connection's own."""
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
    sockets = [await agent(server.port, number, one) for number, one in enumerate(world.agents)]
    sockets += await connect(server.port, world.visitors[:VISITORS])
    beating = [asyncio.create_task(beat(socket, number / len(sockets))) for number, socket in enumerate(sockets)]
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
        await leave(sockets)


async def _crowd(server: Server, world: World) -> float:
    """Growth of the server's memory for each of thousands of visitors who only look."""
    sockets = await connect(server.port, world.visitors[-_FIRST:])
    before = rss_kib(server.pid)
    more = await connect(server.port, world.visitors[:-_FIRST], first=_FIRST)
    await asyncio.sleep(_SETTLE_SECONDS)
    grown = (rss_kib(server.pid) - before) / len(more)
    await leave([*sockets, *more])
    return grown
