"""What things cost as an installation grows: enterprises, agents of one enterprise, conversations, messages. The curves are to stay flat.

`GROWTH` says how far (`small` by default; `full` fills a million conversations and ten million messages, about half an hour and 10 GB).
With `GROWTH_PLOT=path.svg` the curves are drawn.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import httpx
import psycopg

from bench.load import Generator
from bench.plot import Chart, Curve, draw
from bench.report import Row
from bench.server import Server, cpu_seconds, tree
from bench.world import World, make_world

_ENTERPRISES = {"small": (1, 10, 50), "full": (1, 10, 100, 500)}
_AGENTS = {"small": (10, 50, 200), "full": (10, 100, 500, 1_000)}
_CONVERSATIONS = {"small": (1_000, 10_000, 30_000), "full": (1_000, 10_000, 100_000, 1_000_000)}
_MESSAGES_EACH = 10
_REQUESTS = 40
_SECONDS, _RATE = 3.0, 500
_WRITERS, _SERVING = 50, 5

# Long ended conversations of a year, as an enterprise gathers them; the open ones are the measurement's own.
_FILL = """
WITH people AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM customers WHERE enterprise_id = %(enterprise)s),
     made AS MATERIALIZED (
        SELECT gen_random_uuid() AS id, n, now() - interval '1 day' - n * interval '31 seconds' AS at
          FROM generate_series(%(first)s::bigint, %(last)s::bigint - 1) n),
     stored AS (
        INSERT INTO conversations
            (enterprise_id, id, customer_id, channel_id, status, assignee_id, agent_ids, head, version, last_seq, last_kind, last_sender_kind,
             last_preview, last_at, customer_read_seq, agent_read_seq, agent_unread, customer_unread, created_at, assigned_at, ended_at, ended_by)
        SELECT %(enterprise)s, m.id, p.id, %(channel)s, 'ended', (%(agents)s::uuid[])[1 + m.n %% %(agent_count)s],
               ARRAY[(%(agents)s::uuid[])[1 + m.n %% %(agent_count)s]], %(each)s, 2, %(each)s, 'text', 'customer', '请问什么时候发货？',
               m.at, %(each)s, %(each)s, 0, 0, m.at - interval '5 minutes', m.at, m.at, 'agent'
          FROM made m JOIN people p ON p.n = m.n %% (SELECT count(*) FROM people))
INSERT INTO messages (enterprise_id, conversation_id, seq, kind, sender_kind, sender_id, client_message_id, at, text)
SELECT %(enterprise)s, m.id, s, 'text', 'customer', %(enterprise)s, gen_random_uuid(), m.at - interval '5 minutes' + s * interval '20 seconds',
       '你好，请问这只青瓷茶杯现在还有货吗？我想订两只。' || m.n || '-' || s
  FROM made m CROSS JOIN generate_series(1, %(each)s) s
"""
_CHUNK = 50_000


@dataclass
class Costs:
    """What was measured at each size."""

    sizes: list[int] = field(default_factory=list)
    message: list[float] = field(default_factory=list)
    """Microseconds of processor time for each message, server and PostgreSQL together."""
    opened: list[float] = field(default_factory=list)
    """Milliseconds for the list of one's conversations and the last page of one of them."""


def growth() -> list[Row]:
    far = os.environ.get("GROWTH", "small")
    grown = {
        "enterprises": asyncio.run(_enterprises(_ENTERPRISES[far])),
        "agents": asyncio.run(_agents(_AGENTS[far])),
        "conversations": asyncio.run(_conversations(_CONVERSATIONS[far])),
    }
    if "GROWTH_PLOT" in os.environ:
        _plot(grown, Path(os.environ["GROWTH_PLOT"]))
    return [row for name, costs in grown.items() for row in _rows(name, costs)]


async def _enterprises(sizes: Sequence[int]) -> Costs:
    costs = Costs()
    with Server() as server:
        world = await make_world(server.database_url(), agents=_SERVING, visitor_count=_WRITERS)
        there = 1
        for size in sizes:
            while there < size:
                await make_world(server.database_url(), agents=2, visitor_count=20)
                there += 1
            await _measure(server, world, size, costs)
    return costs


async def _agents(sizes: Sequence[int]) -> Costs:
    """An enterprise of its own for each size; all its agents are there."""
    costs = Costs()
    with Server() as server:
        for size in sizes:
            world = await make_world(server.database_url(), agents=size, visitor_count=_WRITERS)
            await _measure(server, world, size, costs)
    return costs


async def _conversations(sizes: Sequence[int]) -> Costs:
    costs = Costs()
    with Server() as server:
        world = await make_world(server.database_url(), agents=_SERVING, visitor_count=_WRITERS)
        there = 0
        for size in sizes:
            _fill(server, world, there, size)
            there = size
            await _measure(server, world, size, costs)
    return costs


def _fill(server: Server, world: World, first: int, last: int) -> None:
    values = {
        "enterprise": world.enterprise_id,
        "channel": world.channel_id,
        "agents": [agent.id for agent in world.agents],
        "agent_count": len(world.agents),
        "each": _MESSAGES_EACH,
    }
    with psycopg.connect(server.database_url(), autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        for start in range(first, last, _CHUNK):
            connection.execute(_FILL, {**values, "first": start, "last": min(last, start + _CHUNK)})
        connection.execute("VACUUM ANALYZE conversations")
        connection.execute("VACUUM ANALYZE messages")


async def _measure(server: Server, world: World, size: int, costs: Costs) -> None:
    tokens = {"agents": [one.token for one in world.agents], "visitors": [one.token for one in world.visitors]}
    with Generator(server.port, **tokens) as load:
        before = cpu_seconds(tree(server.pid))
        result = load.open(_SECONDS, _RATE)
        spent = cpu_seconds(tree(server.pid)) - before
        opened = _open_pages(server, world)
    costs.sizes.append(size)
    costs.message.append(spent * 1e6 / result.sent)
    costs.opened.append(opened)


def _open_pages(server: Server, world: World) -> float:
    times = []
    with httpx.Client(base_url=f"{server.address}/api/v1", cookies={"qiatan_session": world.agents[0].token}, timeout=30) as client:
        for view in ("mine", "ended") * (_REQUESTS // 2):
            began = time.perf_counter()
            listed = client.get("/conversations", params={"view": view, "limit": 50}).raise_for_status().json()["items"]
            if listed:
                first = UUID(listed[0]["id"])
                client.get(f"/conversations/{first}/messages", params={"limit": 50}).raise_for_status()
            times.append((time.perf_counter() - began) * 1000)
    return sorted(times)[len(times) // 2]


def _rows(name: str, costs: Costs) -> list[Row]:
    return [
        Row(f"{size:,} {name}: processor time a message; a list and a history opened, p50", f"{message:.0f} µs; {opened:.1f} ms")
        for size, message, opened in zip(costs.sizes, costs.message, costs.opened, strict=True)
    ]


def _plot(grown: dict[str, Costs], target: Path) -> None:
    messages = [
        Chart(f"A message, by {name}", name, "µs of processor time", [Curve("", list(zip(costs.sizes, costs.message, strict=True)))])
        for name, costs in grown.items()
    ]
    opened = Chart(
        "List and history opened",
        "how many",
        "ms, p50",
        [Curve(f"by {name}", list(zip(costs.sizes, costs.opened, strict=True))) for name, costs in grown.items()],
    )
    draw([*messages, opened], target)
