"""What the loop of timers asks for: what is due of everybody, or of all but those it names."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import text

from qiatan.entrypoints.registry import TIMERS
from qiatan.infra.db import Database
from qiatan.infra.timers import Timer
from tests.modules.routing.scene import present, queueing, served, waiting
from tests.modules.routing.test_layers import drain
from tests.support.clock import FakeClock
from tests.support.factories import Factories

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


@pytest.mark.parametrize("timer", TIMERS, ids=lambda timer: timer.name)
async def test_what_is_due_of_some_enterprises_can_be_left_out(
    database: Database, factories: Factories, clock: FakeClock, timer: Timer
) -> None:
    tenants = [await factories.tenant() for _ in range(3)]
    for tenant in tenants:
        agent = await factories.agent(tenant.enterprise_id, max_conversations=1)
        await present(database, agent)
        await served(database, factories, agent)
        await queueing(database, tenant, max_wait_minutes=1)
        await waiting(database, factories, tenant.enterprise_id)
        await drain(database, tenant.enterprise_id)
    one, other, third = (tenant.enterprise_id for tenant in tenants)
    async with database.system() as tx:
        await tx.session.execute(text(_LONG_AGO[timer.name]))

    async def due(*besides: UUID) -> set[UUID]:
        async with database.system() as tx:
            return {enterprise_id for enterprise_id, _ in await timer.due(tx, 100, besides)}

    assert await due() == {one, other, third}
    assert await due(other) == {one, third}
    assert await due(one, other, third) == set()
