"""One visitor and one agent: how long until the visitor knows it is kept, and until the agent sees it."""

from __future__ import annotations

import asyncio

from bench.load import Generator
from bench.report import Row, at_most
from bench.server import Server
from bench.world import make_world

ROUNDS = 3
SECONDS = 4.0
PER_SECOND = 20


def pair() -> list[Row]:
    with Server() as server:
        world = asyncio.run(make_world(server.database_url(), agents=1, visitor_count=1))
        with Generator(server.port, agents=[world.agents[0].token], visitors=[world.visitors[0].token]) as load:
            best = min((load.open(SECONDS, PER_SECOND) for _ in range(ROUNDS)), key=lambda result: result.ack_p50)
    return [
        at_most("one visitor, one agent: acknowledged, p50", best.ack_p50, 4, "ms"),
        Row("  p99", f"{best.ack_p99:.1f} ms"),
        at_most("  seen by the agent, p50", best.seen_p50, 10, "ms"),
        Row("  p99", f"{best.seen_p99:.1f} ms"),
    ]
