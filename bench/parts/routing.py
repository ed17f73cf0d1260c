"""Who gets the conversation, in earnest: from a place that gets free to the assignment, and how exactly deadlines are kept."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import psycopg

from bench.report import Row, at_most
from bench.server import Server
from bench.world import World, make_world

TEAMS, SIGNED_IN = (100, 1_000), 20
WAITING = 200
FREED = 100
PAUSE_SECONDS = 0.1
PATIENCE_SECONDS = 10.0

DEADLINES, DEADLINE_SECONDS = 10_000, 60
UNANSWERED_EVERY = 20

_COLLEAGUES = """
INSERT INTO agents (enterprise_id, id, email, name, password_hash, role_id, scope_kind, max_conversations, enabled, created_at)
SELECT a.enterprise_id, gen_random_uuid(), 'colleague-' || n || '-' || a.email, 'Colleague ' || n, a.password_hash, a.role_id, a.scope_kind,
       a.max_conversations, true, a.created_at
  FROM agents a CROSS JOIN generate_series(1, %(count)s) n WHERE a.enterprise_id = %(enterprise)s AND a.id = %(model)s
"""
_PRESENCE = """
INSERT INTO agent_presence (enterprise_id, agent_id, status, lease_until)
SELECT enterprise_id, id, 'online', now() + interval '1 hour' FROM agents WHERE enterprise_id = %(enterprise)s AND email NOT LIKE 'admin-%%'
"""
_CUSTOMERS = """
INSERT INTO customers (enterprise_id, id, created_at, last_seen_at)
SELECT %(enterprise)s, gen_random_uuid(), now(), now() FROM generate_series(1, %(customers)s)
"""
_SERVED = """
WITH people AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM customers WHERE enterprise_id = %(enterprise)s),
     team AS (SELECT agent_id, row_number() OVER (ORDER BY agent_id) - 1 AS n FROM agent_presence WHERE enterprise_id = %(enterprise)s)
INSERT INTO conversations
    (enterprise_id, id, customer_id, channel_id, status, assignee_id, agent_ids, head, version, customer_read_seq, agent_read_seq,
     agent_unread, customer_unread, created_at, waiting_since, assigned_at, first_customer_at, customer_messages, replied_at,
     unanswered_since)
SELECT %(enterprise)s, gen_random_uuid(), p.id, %(channel)s, 'active', t.agent_id, ARRAY[t.agent_id], 0, 1, 0, 0, 0, 0, now(), now(), now(),
       now() - interval '20 seconds', 1, CASE WHEN p.n %% %(unanswered_every)s <> 0 THEN now() END, CASE WHEN p.n %% %(unanswered_every)s = 0 THEN now() END
  FROM people p JOIN team t ON t.n = p.n %% (SELECT count(*) FROM team) WHERE p.n < %(served)s
"""
_WAITING = """
WITH people AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM customers WHERE enterprise_id = %(enterprise)s),
     made AS (
        INSERT INTO conversations
            (enterprise_id, id, customer_id, channel_id, status, agent_ids, head, version, customer_read_seq, agent_read_seq,
             agent_unread, customer_unread, created_at, waiting_since, first_customer_at, customer_messages)
        SELECT %(enterprise)s, gen_random_uuid(), p.id, %(channel)s, 'waiting', '{}', 0, 1, 0, 0, 0, 0, now(), now(), now(), 1
          FROM people p WHERE p.n >= %(served)s RETURNING id, customer_id)
INSERT INTO routing_requests (enterprise_id, conversation_id, customer_id, state, target_kind, entered_at, present_until, due_at)
SELECT %(enterprise)s, id, customer_id, 'queued', 'enterprise', now(), now() + interval '1 hour', now() + interval '1 hour' FROM made
"""
_STEP = """
INSERT INTO routing_settings (enterprise_id, part, value, version) VALUES (%(enterprise)s, 'transfers', '{"steps": [{"seconds": 20}]}', 1)
"""
_DEADLINES = """
WITH counted AS (SELECT id, customer_id, row_number() OVER (ORDER BY id) AS n FROM conversations WHERE enterprise_id = %(enterprise)s),
     timed AS (SELECT id, customer_id, now() + interval '5 seconds' + n * %(seconds)s / %(deadlines)s::float * interval '1 second' AS at FROM counted)
INSERT INTO routing_requests (enterprise_id, conversation_id, customer_id, state, target_kind, delay_from, delay_step, delay_due_at, due_at)
SELECT %(enterprise)s, id, customer_id, 'placed', 'enterprise', at - interval '20 seconds', 0, at, at FROM timed
"""


def freed() -> list[Row]:
    """A hundred, and a thousand, agents with one place each, all taken; places get free one after the other, and two hundred wait."""
    return [_freed(agents) for agents in TEAMS]


def _freed(agents: int) -> Row:
    with Server() as server:
        world = asyncio.run(make_world(server.database_url(), agents=SIGNED_IN, visitor_count=0, places=1))
        with psycopg.connect(server.database_url(), autocommit=True) as connection:
            _team(connection, world, agents=agents, waiting=WAITING, unanswered_every=2)
            times = sorted(_free(server, world, connection))
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    return at_most(f"from a freed place to the assignment, {agents:,} agents, p99 (p50 {p50:.0f} ms)", p99, 100, "ms", digits=0)


def _team(connection: psycopg.Connection[Any], world: World, *, agents: int, waiting: int, unanswered_every: int) -> None:
    values = {
        "enterprise": world.enterprise_id,
        "channel": world.channel_id,
        "model": world.agents[0].id,
        "count": agents - SIGNED_IN,
        "customers": agents + waiting,
        "served": agents,
        "unanswered_every": unanswered_every,
    }
    for statement in (_COLLEAGUES, _PRESENCE, _CUSTOMERS, _SERVED, *([_WAITING] if waiting else [])):
        connection.execute(statement, values)
    connection.execute("ANALYZE")


def _free(server: Server, world: World, connection: psycopg.Connection[Any]) -> list[float]:
    """Milliseconds from the answer to `end` until the agent's next conversation is there."""
    clients = [_client(server, agent.token) for agent in world.agents]
    times = []
    try:
        for number in range(FREED):
            agent, client = world.agents[number % SIGNED_IN], clients[number % SIGNED_IN]
            old = _held(connection, world.enterprise_id, agent.id)
            client.post(f"/conversations/{old}/end").raise_for_status()
            began = time.perf_counter()
            while _held(connection, world.enterprise_id, agent.id) in (None, old):
                if time.perf_counter() - began > PATIENCE_SECONDS:
                    raise RuntimeError("nobody was assigned: nothing was measured")
                time.sleep(0.002)
            times.append((time.perf_counter() - began) * 1000)
            time.sleep(PAUSE_SECONDS)
    finally:
        for client in clients:
            client.close()
    return times


def _client(server: Server, token: str) -> httpx.Client:
    # Shorter than the server keeps an idle connection: one that it is about to close must not be used.
    limits = httpx.Limits(keepalive_expiry=1)
    client = httpx.Client(base_url=f"{server.address}/api/v1", cookies={"qiatan_session": token}, timeout=30, limits=limits)
    answer = client.get("/me")
    answer.raise_for_status()
    client.headers["X-Qiatan-Csrf"] = answer.json()["csrf_token"]
    return client


def _held(connection: psycopg.Connection[Any], enterprise_id: UUID, agent_id: UUID) -> UUID | None:
    query = "SELECT id FROM conversations WHERE enterprise_id = %s AND assignee_id = %s AND status = 'active'"
    found = connection.execute(query, (enterprise_id, agent_id)).fetchone()
    return found[0] if found else None


def timers() -> list[Row]:
    """Ten thousand deadlines of delayed transfer in a minute. Of one in twenty nobody has answered; those are decided upon in full."""
    with Server() as server:
        world = asyncio.run(make_world(server.database_url(), agents=SIGNED_IN, visitor_count=0, places=500))
        values = {"enterprise": world.enterprise_id}
        with psycopg.connect(server.database_url(), autocommit=True) as connection:
            presence(connection, world)
            served(connection, world, count=DEADLINES, unanswered_every=UNANSWERED_EVERY)
            deadlines(connection, world, count=DEADLINES, seconds=DEADLINE_SECONDS)
            due: dict[UUID, datetime] = dict(
                connection.execute("SELECT conversation_id, due_at FROM routing_requests WHERE enterprise_id = %(enterprise)s", values)
            )
            behind = _watch(connection, world.enterprise_id)
            query = "SELECT conversation_id, at FROM routing_decisions WHERE enterprise_id = %(enterprise)s AND cause = 'delayed'"
            decided = connection.execute(query, values).fetchall()
    errors = sorted((at - due[conversation_id]).total_seconds() for conversation_id, at in decided)
    each_once = len(decided) == DEADLINES // UNANSWERED_EVERY == len({conversation_id for conversation_id, _ in decided})
    late = sorted(behind)[int(len(behind) * 0.99)] if behind else 0.0
    return [
        at_most(
            f"{DEADLINES:,} deadlines in a minute: error of those decided upon, p99", errors[int(len(errors) * 0.99)], 1, "s", digits=2
        ),
        at_most("  the oldest that is still due, p99 of looks twenty times a second", late, 1, "s", digits=2),
        Row("  decided upon, each once", f"{len(decided)}", f"{DEADLINES // UNANSWERED_EVERY}", each_once),
    ]


def presence(connection: psycopg.Connection[Any], world: World) -> None:
    """All agents but the administrator are online for an hour."""
    connection.execute(_PRESENCE, {"enterprise": world.enterprise_id})


def served(connection: psycopg.Connection[Any], world: World, *, count: int, unanswered_every: int) -> None:
    """Conversations that the agents serve; in one of `unanswered_every` nobody has answered."""
    values = {"enterprise": world.enterprise_id, "channel": world.channel_id, "customers": count, "served": count}
    connection.execute(_CUSTOMERS, values)
    connection.execute(_SERVED, values | {"unanswered_every": unanswered_every})


def deadlines(connection: psycopg.Connection[Any], world: World, *, count: int, seconds: int) -> None:
    """Delayed transfers of all these conversations come due evenly within so many seconds, from five seconds on."""
    values = {"enterprise": world.enterprise_id, "seconds": seconds, "deadlines": count}
    connection.execute(_STEP, values)
    connection.execute(_DEADLINES, values)
    connection.execute("ANALYZE")


def _watch(connection: psycopg.Connection[Any], enterprise_id: UUID) -> list[float]:
    """By how many seconds the oldest deadline is overdue, again and again until none is left."""
    query = "SELECT extract(epoch FROM now() - min(due_at))::float FROM routing_requests WHERE enterprise_id = %s AND due_at IS NOT NULL"
    seen = []
    ends = time.monotonic() + DEADLINE_SECONDS + 60
    while time.monotonic() < ends:
        row = connection.execute(query, (enterprise_id,)).fetchone()
        if row is None or row[0] is None:
            break
        seen.append(max(0.0, row[0]))
        time.sleep(0.05)
    return seen
