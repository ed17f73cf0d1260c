"""A server that is killed while hundreds of deadlines come due: none is missed, none fires twice."""

from __future__ import annotations

import asyncio
import time

import psycopg
import pytest

from bench.parts.routing import deadlines, presence, served
from bench.server import Server
from bench.world import make_world

CONVERSATIONS = 300
# Starts of real servers come on top; on a busy machine they take long.
pytestmark = pytest.mark.timeout(300)

_LEFT = "SELECT count(*) FROM routing_requests WHERE enterprise_id = %s AND due_at IS NOT NULL"
_DECIDED = "SELECT count(*), count(DISTINCT conversation_id) FROM routing_decisions WHERE enterprise_id = %s AND cause = 'delayed'"


def test_a_kill_in_the_middle_of_due_timers(server: Server) -> None:
    world = asyncio.run(make_world(server.database_url(), agents=5, visitor_count=0, places=500))
    with psycopg.connect(server.database_url(), autocommit=True) as connection:
        presence(connection, world)
        served(connection, world, count=CONVERSATIONS, unanswered_every=1)
        deadlines(connection, world, count=CONVERSATIONS, seconds=10)
        fired = 0
        while fired < CONVERSATIONS // 5:
            time.sleep(0.05)
            row = connection.execute(_DECIDED, (world.enterprise_id,)).fetchone()
            fired = row[0] if row is not None else 0
    server.kill()
    server.start()

    with psycopg.connect(server.database_url(), autocommit=True) as connection:
        ends = time.monotonic() + 200
        while connection.execute(_LEFT, (world.enterprise_id,)).fetchone() != (0,):
            assert time.monotonic() < ends, "deadlines are left that nobody looks at"
            time.sleep(0.2)
        decided = connection.execute(_DECIDED, (world.enterprise_id,)).fetchone()

    assert decided == (CONVERSATIONS, CONVERSATIONS)
