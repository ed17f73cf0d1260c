"""Twenty thousand visitors who only look: what each costs in memory and processor time, and that nobody else notices them."""

from __future__ import annotations

import asyncio
import resource
import time

from bench.present import agent, beat, connect, leave
from bench.report import Row, at_most
from bench.server import Server, cpu_seconds, rss_kib, tree
from bench.world import World, make_world

CONNECTIONS = 20_000
AGENTS = 20
WATCHED_SECONDS = 60.0
_FIRST = 200
_SETTLE_SECONDS = 5.0
_SPARE_FILES = 500


def crowd() -> list[Row]:
    count = min(CONNECTIONS, _most_connections())
    with Server() as server:
        world = asyncio.run(make_world(server.database_url(), agents=AGENTS, visitor_count=count))
        per_connection, ours, postgres = asyncio.run(_measure(server, world))
    return [
        at_most(f"{count:,} idle visitors: memory of the server per connection", per_connection, 25, "KiB"),
        Row("  processor time per connection and minute, server / PostgreSQL", f"{ours * 1e3:.2f} / {postgres * 1e3:.2f} ms"),
        Row("  processors in all", f"{(ours + postgres) * count / WATCHED_SECONDS:.3f} cores"),
    ]


def _most_connections() -> int:
    """What this process and its children may open: the hard limit, raised where that is allowed."""
    wanted = CONNECTIONS + 2 * _SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(wanted, soft), max(wanted, hard)))
        except (ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 2 * _SPARE_FILES


async def _measure(server: Server, world: World) -> tuple[float, float, float]:
    """KiB of the server for each connection; seconds of processor time for each in a minute, server and PostgreSQL."""
    agents = [await agent(server.port, number, one) for number, one in enumerate(world.agents)]
    sockets = await connect(server.port, world.visitors[:_FIRST])
    await asyncio.sleep(_SETTLE_SECONDS)
    before = rss_kib(server.pid)
    sockets += await connect(server.port, world.visitors[_FIRST:], first=_FIRST)
    everybody = [*agents, *sockets]
    beating = [asyncio.create_task(beat(one, number / len(everybody))) for number, one in enumerate(everybody)]
    await asyncio.sleep(_SETTLE_SECONDS)
    grown = (rss_kib(server.pid) - before) / (len(sockets) - _FIRST)
    ours, postgres = [server.pid], tree(server.postgres())
    spent, began = (cpu_seconds(ours), cpu_seconds(postgres)), time.monotonic()
    await asyncio.sleep(WATCHED_SECONDS)
    share = 60 / (time.monotonic() - began) / len(sockets)
    costs = (cpu_seconds(ours) - spent[0]) * share, (cpu_seconds(postgres) - spent[1]) * share
    for task in beating:
        task.cancel()
    await asyncio.wait(beating)
    await leave(everybody)
    return grown, *costs
