"""Conversations of agents who are gone: away for minutes, lapsed, disabled."""

from __future__ import annotations

from fastapi import FastAPI
from sqlalchemy import text

from qiatan.infra.db import Database
from qiatan.modules.conversations import service as conversations
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts.decisions import Cause, Outcome
from qiatan.modules.routing.service.presence import LEASE
from tests.modules.routing.passing import served, team, until
from tests.modules.routing.scene import holder, present, transfers, why
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Tenant


async def fire_absences(database: Database, tenant: Tenant) -> None:
    for _ in range(10):
        async with database.system() as tx:
            due = [agent_id for enterprise_id, agent_id in await service.absent_due(tx, 1_000) if enterprise_id == tenant.enterprise_id]
        for agent_id in due:
            async with database.tenant(tenant.enterprise_id) as tx:
                await service.fire_absent(tx, agent_id)


async def test_an_agent_who_is_gone_for_minutes_loses_those_who_wait_for_an_answer(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, [gone] = await team(database, factories, 1)
    await transfers(database, tenant, absent_minutes=5)
    unanswered = [await served(database, factories, tenant) for _ in range(2)]
    answered = await served(database, factories, tenant)
    await talk.answer(database, gone, answered)
    there = await factories.agent(tenant.enterprise_id)

    clock.advance(seconds=LEASE.total_seconds() + 299)
    await present(database, there)
    await fire_absences(database, tenant)
    assert {await holder(database, tenant, one) for one in unanswered} == {gone.id}
    clock.advance(seconds=1)
    await fire_absences(database, tenant)

    assert [await holder(database, tenant, one) for one in (*unanswered, answered)] == [there.id, there.id, gone.id]
    assert [(await why(database, tenant, one))[-1].cause for one in unanswered] == [Cause.ABSENT] * 2


async def test_nobody_else_there_leaves_them_and_the_first_who_comes_takes_over(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, [gone] = await team(database, factories, 1)
    conversation_id = await served(database, factories, tenant)
    clock.advance(minutes=7)
    await fire_absences(database, tenant)
    clock.advance(seconds=30)
    await fire_absences(database, tenant)
    kept = [one.outcome for one in await why(database, tenant, conversation_id) if one.cause is Cause.ABSENT]
    assert (await holder(database, tenant, conversation_id), kept) == (gone.id, [Outcome.KEPT])

    there = await factories.agent(tenant.enterprise_id)
    await present(database, there)
    clock.advance(seconds=30)
    await fire_absences(database, tenant)

    assert await holder(database, tenant, conversation_id) == there.id


async def test_who_comes_back_in_time_keeps_everything(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, [agent, _] = await team(database, factories, 2)
    conversation_id = await served(database, factories, tenant)
    first = await holder(database, tenant, conversation_id)
    clock.advance(minutes=5)
    await fire_absences(database, tenant)
    await present(database, *[one for one in (agent, _) if one.id == first])

    clock.advance(seconds=59)
    await fire_absences(database, tenant)

    assert await holder(database, tenant, conversation_id) == first


async def test_a_lapsed_lease_is_noticed_without_anybody_s_doing(
    app: FastAPI, doors: Doors, database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, [agent] = await team(database, factories, 1)
    clock.advance(seconds=LEASE.total_seconds() + 1)

    async def closed() -> bool:
        async with database.tenant(tenant.enterprise_id) as tx:
            query = text("SELECT count(*) FROM presence_spans WHERE agent_id = :id AND ended_at IS NULL")
            return bool((await tx.session.execute(query, {"id": agent.id})).scalar_one() == 0)

    await until(closed)
    shown = (await doors.agent(agent).get("/presence")).json()["items"]
    assert [(one["agent_id"], one["connected"]) for one in shown if one["agent_id"] == str(agent.id)] == [(str(agent.id), False)]


async def test_a_disabled_agent_s_conversations_wait_where_they_stood(
    app: FastAPI, doors: Doors, database: Database, factories: Factories
) -> None:
    tenant, [agent] = await team(database, factories, 1)
    conversation_id = await served(database, factories, tenant)

    answer = await doors.agent(tenant.admin).patch(f"/agents/{agent.id}", json={"enabled": False, "version": 1})

    async def waits_again() -> bool:
        async with database.tenant(tenant.enterprise_id) as tx:
            found = await conversations.routed(tx, conversation_id)
        return found is not None and found.status == "waiting" and len(await why(database, tenant, conversation_id)) == 2

    assert answer.status_code == 200
    await until(waits_again)
    decision = (await why(database, tenant, conversation_id))[-1]
    assert (decision.cause, decision.outcome) == (Cause.RELEASED, Outcome.MESSAGE)


async def test_a_supervisor_who_only_wrote_along_may_take_over_from_who_is_gone(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, [gone] = await team(database, factories, 1)
    await transfers(database, tenant, absent_minutes=5)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, gone)
    await talk.join(database, tenant.admin, conversation_id)
    await talk.answer(database, tenant.admin, conversation_id)
    clock.advance(seconds=1)
    await talk.write(database, guest, "还在吗？")
    clock.advance(seconds=LEASE.total_seconds() + 300)
    await present(database, tenant.admin)

    await fire_absences(database, tenant)

    assert await holder(database, tenant, conversation_id) == tenant.admin.id


async def test_who_had_it_before_gets_it_back_from_who_is_gone(database: Database, factories: Factories, clock: FakeClock) -> None:
    # given a conversation that went from one who was gone to the other
    tenant, [first] = await team(database, factories, 1)
    await transfers(database, tenant, absent_minutes=5)
    conversation_id = await served(database, factories, tenant)
    second = await factories.agent(tenant.enterprise_id)
    clock.advance(seconds=LEASE.total_seconds() + 300)
    await present(database, second)
    await fire_absences(database, tenant)
    moved = await holder(database, tenant, conversation_id)

    # when that one is gone, and the first is back
    clock.advance(seconds=LEASE.total_seconds() + 300)
    await present(database, first)
    await fire_absences(database, tenant)

    # then it goes back, once
    assert (moved, await holder(database, tenant, conversation_id)) == (second.id, first.id)
    causes = [one.cause for one in await why(database, tenant, conversation_id)]
    assert causes.count(Cause.ABSENT) == 2
