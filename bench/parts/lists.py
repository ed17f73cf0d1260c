"""The conversation list of an enterprise with 100,000 conversations, over HTTP."""

from __future__ import annotations

import asyncio
import time

import httpx
import psycopg

from bench.report import Row, at_most
from bench.server import Server
from bench.world import World, make_world

CONVERSATIONS = 100_000
CUSTOMERS = 20_000
OPEN_SHARE = 0.02
REQUESTS = 100
WARM_UP = 10
VIEWS = ("mine", "queue", "colleagues", "ended")
AGENTS = 20

_ADMINISTRATORS = """
UPDATE agents a SET role_id = r.id, scope_kind = 'all'
  FROM roles r WHERE r.enterprise_id = a.enterprise_id AND r.builtin = 'admin' AND a.enterprise_id = %(enterprise)s
"""
# One open conversation per customer and channel at most: the open ones belong to the first customers, one each.
_CUSTOMERS = """
INSERT INTO customers (enterprise_id, id, created_at, last_seen_at)
SELECT %(enterprise)s, gen_random_uuid(), now() - n * interval '1 minute', now() FROM generate_series(1, %(customers)s) n
"""
_FILL = """
WITH people AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM customers WHERE enterprise_id = %(enterprise)s),
     made AS (
        SELECT n, CASE WHEN n >= %(opened)s THEN 'ended' WHEN n %% 7 = 0 THEN 'waiting' ELSE 'active' END AS status,
               (%(agents)s::uuid[])[1 + n %% %(agent_count)s] AS agent_id, now() - n * interval '20 seconds' AS at
          FROM generate_series(0, %(conversations)s - 1) n)
INSERT INTO conversations
    (enterprise_id, id, customer_id, channel_id, status, assignee_id, agent_ids, head, version, last_seq, last_kind, last_sender_kind,
     last_preview, last_at, customer_read_seq, agent_read_seq, agent_unread, customer_unread, created_at, waiting_since, assigned_at,
     ended_at, ended_by, idle_due_at)
SELECT %(enterprise)s, gen_random_uuid(), p.id, %(channel)s, m.status,
       CASE WHEN m.status <> 'waiting' THEN m.agent_id END,
       CASE WHEN m.status = 'waiting' THEN '{}'::uuid[] ELSE ARRAY[m.agent_id] END,
       5, 2, 5, 'text', 'customer', '请问什么时候发货？', m.at, 3, 4, 1, 0, m.at - interval '5 minutes',
       CASE WHEN m.status = 'waiting' THEN m.at END, CASE WHEN m.status <> 'waiting' THEN m.at END,
       CASE WHEN m.status = 'ended' THEN m.at END, CASE WHEN m.status = 'ended' THEN 'agent' END,
       CASE WHEN m.status = 'active' THEN now() + interval '1 day' END
  FROM made m JOIN people p ON p.n = m.n %% %(people)s
"""


def lists() -> list[Row]:
    with Server() as server:
        world = asyncio.run(make_world(server.database_url(), agents=AGENTS, visitor_count=0))
        _fill(server, world)
        rows = []
        with httpx.Client(base_url=f"{server.address}/api/v1", cookies={"qiatan_session": world.agents[0].token}, timeout=30) as client:
            for view in VIEWS:
                times = _ask(client, view)
                if times is None:
                    rows.append(Row(f"list of {CONVERSATIONS:,} conversations, {view}", "not allowed for an agent"))
                    continue
                p50, p95 = times[len(times) // 2], times[int(len(times) * 0.95)]
                rows.append(at_most(f"list of {CONVERSATIONS:,} conversations, {view}, p95 (p50 {p50:.0f} ms)", p95, 50, "ms"))
        return rows


def _fill(server: Server, world: World) -> None:
    values = {
        "enterprise": world.enterprise_id,
        "channel": world.channel_id,
        "agents": [agent.id for agent in world.agents],
        "agent_count": len(world.agents),
        "customers": CUSTOMERS,
        "people": CUSTOMERS,
        "conversations": CONVERSATIONS,
        "opened": int(CONVERSATIONS * OPEN_SHARE),
    }
    with psycopg.connect(server.database_url(), autocommit=True) as connection:
        connection.execute(_CUSTOMERS, values)
        connection.execute(_FILL, values)
        connection.execute(_ADMINISTRATORS, values)
        connection.execute("ANALYZE")


def _ask(client: httpx.Client, view: str) -> list[float] | None:
    """Milliseconds of each request, sorted; None when the view is refused."""
    times = []
    for number in range(WARM_UP + REQUESTS):
        began = time.perf_counter()
        answer = client.get("/conversations", params={"view": view, "limit": 50})
        took = (time.perf_counter() - began) * 1000
        if answer.status_code == 403:
            return None
        answer.raise_for_status()
        if not answer.json()["items"]:
            raise RuntimeError(f"the view {view} is empty: nothing was measured")
        if number >= WARM_UP:
            times.append(took)
    return sorted(times)
