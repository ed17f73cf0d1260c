"""What the loop of timers asks for: what is due of everybody, or of all but those it names."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import text

from qiatan.entrypoints.registry import TIMERS
from qiatan.infra import timers
from qiatan.infra.db import Database, Tx
from qiatan.infra.resources import Resources
from qiatan.infra.timers import Timer, TimerLoop
from tests.modules.routing.scene import present, queueing, served, waiting
from tests.modules.routing.test_layers import drain
from tests.support.clock import FakeClock
from tests.support.factories import Factories, Tenant

_LONG_AGO = {
    "conversations.idle": "UPDATE conversations SET idle_due_at = '2020-01-01' WHERE assignee_id IS NOT NULL",
    "routing.request": "UPDATE routing_requests SET due_at = '2020-01-01'",
    "routing.lease": "UPDATE agent_presence SET lease_until = '2020-01-01'",
    "routing.absent": "UPDATE agent_presence SET absent_due_at = '2020-01-01'",
    "routing.offer": (
        "INSERT INTO transfer_offers "
        "(enterprise_id, id, conversation_id, from_agent_id, to_agent_id, note, refused_ids, state, made_at, due_at) "
        "SELECT enterprise_id, gen_random_uuid(), id, assignee_id, assignee_id, '', '{}', 'open', '2020-01-01', '2020-01-01' "
        "FROM conversations WHERE assignee_id IS NOT NULL"
    ),
}


async def _overdue(database: Database, factories: Factories, tenant: Tenant, count: int = 1) -> None:
    """So many of each kind."""
    await queueing(database, tenant, max_wait_minutes=1)
    for _ in range(count):
        agent = await factories.agent(tenant.enterprise_id, max_conversations=1)
        await present(database, agent)
        await served(database, factories, agent)
    await waiting(database, factories, tenant.enterprise_id, count)
    await drain(database, tenant.enterprise_id)


@pytest.mark.parametrize("timer", TIMERS, ids=lambda timer: timer.name)
async def test_what_is_due_of_some_enterprises_can_be_left_out(
    database: Database, factories: Factories, clock: FakeClock, timer: Timer
) -> None:
    tenants = [await factories.tenant() for _ in range(3)]
    for tenant in tenants:
        await _overdue(database, factories, tenant)
    one, other, third = (tenant.enterprise_id for tenant in tenants)
    async with database.system() as tx:
        await tx.session.execute(text(_LONG_AGO[timer.name]))

    async def due(*besides: UUID) -> set[UUID]:
        async with database.system() as tx:
            return {enterprise_id for enterprise_id, _ in await timer.due(tx, 100, besides)}

    assert await due() == {one, other, third}
    assert await due(other) == {one, third}
    assert await due(one, other, third) == set()


@pytest.mark.parametrize("timer", TIMERS, ids=lambda timer: timer.name)
async def test_what_two_queries_of_one_look_find_is_tried_once(
    database: Database, factories: Factories, resources: Resources, monkeypatch: pytest.MonkeyPatch, timer: Timer
) -> None:
    """Given one enterprise's two fill the query together with another's one, when those are left out of the next, then each is begun once."""
    monkeypatch.setattr(timers, "MAX_LOOK", 3)
    monkeypatch.setattr(timers, "IN_FLIGHT_OF_ONE", 2)
    monkeypatch.setattr(timers, "REST_SECONDS", 3600.0)
    busy, other = await factories.tenant(), await factories.tenant()
    await _overdue(database, factories, busy, 2)
    await _overdue(database, factories, other)
    async with database.system() as tx:
        await tx.session.execute(text(_LONG_AGO[timer.name]))
        due = {row_id for _, row_id in await timer.due(tx, 100, ())}
    assert len(due) == 3
    tried: list[UUID] = []
    all_tried = asyncio.Event()

    async def note(_: Tx, row_id: UUID) -> None:
        tried.append(row_id)
        if set(tried) == due:
            all_tried.set()

    loop = TimerLoop(resources, [replace(timer, fire=note, dismiss=None)])
    loop.start()
    async with asyncio.timeout(10):
        await all_tried.wait()
    await loop.close()

    assert Counter(tried) == Counter(due)
