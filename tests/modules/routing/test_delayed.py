"""Delayed transfer: in time, once, and by nobody twice, whatever runs beside it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from qiatan.entrypoints.registry import TIMERS
from qiatan.infra import timers
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.infra.timers import TimerLoop
from qiatan.modules.conversations import service as conversations
from qiatan.modules.routing import jobs, service
from qiatan.modules.routing.contracts.decisions import Fallback, Outcome
from qiatan.modules.routing.contracts.settings import DelayedStep, TransferSettings
from tests.modules.routing.passing import delayed, later, routing, served, stay, team, until
from tests.modules.routing.scene import holder, present, settled, transfers, waiting, why
from tests.modules.routing.test_layers import drain, wish
from tests.modules.routing.test_queue import fire_due
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Member, Tenant

THREE = [DelayedStep(seconds=20), DelayedStep(seconds=40), DelayedStep(seconds=60)]


async def test_three_steps_each_to_somebody_who_has_not_had_it(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, agents = await team(database, factories, 4)
    await transfers(database, tenant, steps=THREE)
    conversation_id = await served(database, factories, tenant)
    begun = clock.now()
    shown = await routing(database, tenant, conversation_id)
    assert (shown.transfer_due_at, shown.transfer_step, shown.transfer_steps) == (begun + timedelta(seconds=20), 1, 3)

    holders = [await holder(database, tenant, conversation_id)]
    await later(database, clock, 19, *agents)
    assert await holder(database, tenant, conversation_id) == holders[0]
    for wait in (1, 20, 20):
        await later(database, clock, wait, *agents)
        holders.append(await holder(database, tenant, conversation_id))
    await later(database, clock, 60, *agents)

    assert set(holders) == {agent.id for agent in agents}
    assert await holder(database, tenant, conversation_id) == holders[-1]
    assert await delayed(database, tenant, conversation_id) == [Outcome.ASSIGNED] * 3
    shown = await routing(database, tenant, conversation_id)
    assert (shown.transfer_due_at, shown.transfer_step) == (None, None)


async def test_a_step_that_finds_nobody_leaves_it_and_the_next_one_fires(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, [first] = await team(database, factories, 1)
    await transfers(database, tenant, steps=THREE)
    conversation_id = await served(database, factories, tenant)

    await later(database, clock, 20, first)
    second = await factories.agent(tenant.enterprise_id)
    await present(database, second)
    await later(database, clock, 20, first, second)

    assert await delayed(database, tenant, conversation_id) == [Outcome.KEPT, Outcome.ASSIGNED]
    assert await holder(database, tenant, conversation_id) == second.id


async def test_a_group_gets_what_is_meant_for_it_and_an_empty_one_nothing(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, agents = await team(database, factories, 3)
    member = await factories.agent(tenant.enterprise_id, max_conversations=0)
    empty, group_id = await factories.group(tenant.enterprise_id), await factories.group(tenant.enterprise_id, member.id, agents[2].id)
    steps = [DelayedStep(seconds=20, group_id=group_id), DelayedStep(seconds=40, group_id=empty)]
    async with database.tenant(tenant.enterprise_id) as tx:  # groups that were emptied since they were named
        statement = text(
            "INSERT INTO routing_settings (enterprise_id, part, value, version) VALUES (:id, 'transfers', CAST(:value AS jsonb), 1)"
        )
        value = TransferSettings(steps=steps).model_dump_json()
        await tx.session.execute(statement, {"id": tenant.enterprise_id, "value": value})
    conversation_id = await served(database, factories, tenant)

    await later(database, clock, 20, *agents)
    got = await holder(database, tenant, conversation_id)
    await later(database, clock, 20, *agents)

    assert got == await holder(database, tenant, conversation_id) == agents[2].id
    assert await delayed(database, tenant, conversation_id) == [Outcome.ASSIGNED, Outcome.KEPT]


async def test_an_answer_by_anybody_cancels_the_rest_and_a_note_does_not(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, agents = await team(database, factories, 3)
    await transfers(database, tenant, steps=THREE)
    answered, noted = [await served(database, factories, tenant) for _ in range(2)]
    by_id = {agent.id: agent for agent in agents}
    first = await holder(database, tenant, answered)
    assert first is not None
    await talk.answer(database, by_id[first], answered)
    other = await holder(database, tenant, noted)
    assert other is not None
    await talk.note(database, by_id[other], noted)

    await later(database, clock, 20, *agents)

    assert await holder(database, tenant, answered) == first
    assert await delayed(database, tenant, answered) == []
    assert await holder(database, tenant, noted) != other
    assert (await routing(database, tenant, answered)).transfer_due_at is None


async def _dot_taken_back(
    database: Database, clock: FakeClock, agents: list[Member], conversation_id: UUID, *, holder_id: UUID | None, after: float
) -> None:
    """Who holds it answers with a dot and takes that back so many seconds later; what is due meanwhile is done."""
    agent = next(agent for agent in agents if agent.id == holder_id)
    dot = await talk.answer(database, agent, conversation_id, ".")
    await later(database, clock, after, *agents)
    async with database.tenant(agent.enterprise_id) as tx:
        await conversations.withdraw(tx, agent.actor, conversation_id, dot.seq, new_id())


@pytest.mark.parametrize("after", [5.0, 30.0])
async def test_an_answer_that_is_taken_back_cancels_nothing(
    database: Database, factories: Factories, clock: FakeClock, after: float
) -> None:
    """Neither before its step would have come, nor after that was looked at. Nobody need hear of it: the deadline looks again by itself."""
    tenant, agents = await team(database, factories, 2)
    await transfers(database, tenant, steps=THREE[:1])
    conversation_id = await served(database, factories, tenant)
    first = await holder(database, tenant, conversation_id)

    await _dot_taken_back(database, clock, agents, conversation_id, holder_id=first, after=after)
    for _ in range(10):
        await later(database, clock, 20, *agents)

    assert await holder(database, tenant, conversation_id) not in (None, first)
    assert await delayed(database, tenant, conversation_id) == [Outcome.ASSIGNED]


async def test_what_was_due_when_an_answer_is_taken_back_leaves_time_to_write_it_anew(
    database: Database, doors: Doors, factories: Factories, clock: FakeClock
) -> None:
    tenant, agents = await team(database, factories, 2)
    await transfers(database, tenant, steps=THREE[:1])
    conversation_id = await served(database, factories, tenant)
    first = await holder(database, tenant, conversation_id)

    await _dot_taken_back(database, clock, agents, conversation_id, holder_id=first, after=30)
    await settled(doors)

    await until(lambda: _is_due(database, tenant, conversation_id, clock.now() + timedelta(seconds=30)))
    assert await holder(database, tenant, conversation_id) == first
    await later(database, clock, 30, *agents)
    await until(lambda: _is_elsewhere(database, tenant, conversation_id, first))
    assert await delayed(database, tenant, conversation_id) == [Outcome.ASSIGNED]


async def test_who_goes_on_answering_and_taking_it_back_puts_a_step_off_only_so_far(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    """By as much as an answer that was in time could be taken back later, and half a minute to write it anew."""
    tenant, agents = await team(database, factories, 2)
    await transfers(database, tenant, steps=THREE[:1])
    conversation_id = await served(database, factories, tenant)
    first = await holder(database, tenant, conversation_id)
    begun = clock.now()

    while await holder(database, tenant, conversation_id) == first and clock.now() < begun + timedelta(minutes=10):
        await _dot_taken_back(database, clock, agents, conversation_id, holder_id=first, after=29)
        async with database.tenant(tenant.enterprise_id) as tx:
            await service.answer_taken_back(tx, conversation_id)
        await later(database, clock, 1, *agents)

    assert await delayed(database, tenant, conversation_id) == [Outcome.ASSIGNED]
    assert clock.now() - begun == timedelta(seconds=20 + 150 + 30 + 10)  # the first time it is taken back after that


async def _is_due(database: Database, tenant: Tenant, conversation_id: UUID, at: datetime) -> bool:
    return (await routing(database, tenant, conversation_id)).transfer_due_at == at


async def _is_elsewhere(database: Database, tenant: Tenant, conversation_id: UUID, first: UUID | None) -> bool:
    return await holder(database, tenant, conversation_id) != first


async def test_an_answer_that_stands_is_looked_at_twice_and_then_no_more(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, agents = await team(database, factories, 2)
    await transfers(database, tenant, steps=THREE)
    ids = [await served(database, factories, tenant) for _ in range(2)]
    by_id = {agent.id: agent for agent in agents}
    held = [await holder(database, tenant, one) for one in ids]
    for one, holder_id in zip(ids, held, strict=True):
        assert holder_id is not None
        await talk.answer(database, by_id[holder_id], one)
    query = text("SELECT due_at FROM routing_requests WHERE enterprise_id = :id ORDER BY conversation_id")

    async def due() -> list[object]:
        async with database.system() as tx:
            return list((await tx.session.execute(query, {"id": tenant.enterprise_id})).scalars())

    clock.advance(seconds=20)
    async with database.system() as tx:  # the one by itself, the other with all that are due
        assert await service.dismiss_void(tx, [(tenant.enterprise_id, ids[0])]) == []
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.fire(tx, ids[1])
    once = await due()
    clock.advance(seconds=150)
    async with database.system() as tx:
        assert await service.dismiss_void(tx, [(tenant.enterprise_id, ids[0])]) == []
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.fire(tx, ids[1])

    assert once == [clock.now()] * 2
    assert await due() == [None, None]
    assert [await holder(database, tenant, one) for one in ids] == held


async def test_who_had_to_queue_has_the_whole_time_from_the_assignment(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, [agent] = await team(database, factories, 1)
    await transfers(database, tenant, steps=THREE)
    async with database.system() as tx:
        await tx.session.execute(text("UPDATE agents SET max_conversations = 1 WHERE id = :id"), {"id": agent.id})
    first = await served(database, factories, tenant)
    queued = await served(database, factories, tenant)
    clock.advance(seconds=50)
    await stay(database, agent)

    await talk.end(database, agent, first)
    await drain(database, tenant.enterprise_id)

    assert (await routing(database, tenant, queued)).transfer_due_at == clock.now() + timedelta(seconds=20)


async def test_a_wish_with_fallback_one_is_never_transferred(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, agents = await team(database, factories, 2)
    await transfers(database, tenant, steps=THREE)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    await wish(database, guest, agents=[str(agents[1].id)], fallback=Fallback.MESSAGE)

    conversation_id = (await talk.write(database, guest)).conversation_id
    await drain(database, tenant.enterprise_id)

    assert await holder(database, tenant, conversation_id) == agents[1].id
    assert (await routing(database, tenant, conversation_id)).transfer_due_at is None


async def test_new_steps_count_for_open_conversations(app: FastAPI, database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, _ = await team(database, factories, 2)
    conversation_id = await served(database, factories, tenant)
    begun = clock.now()

    async def due(at: object) -> bool:
        return (await routing(database, tenant, conversation_id)).transfer_due_at == at

    await transfers(database, tenant, steps=[DelayedStep(seconds=30)])
    await until(lambda: due(begun + timedelta(seconds=30)))
    await transfers(database, tenant, steps=[])
    await until(lambda: due(None))


async def test_two_loops_on_the_same_rows_fire_each_step_once(
    database: Database, factories: Factories, clock: FakeClock, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "POLL_SECONDS", 0.2)
    tenant, agents = await team(database, factories, 4)
    await transfers(database, tenant, steps=THREE)
    ids = [await served(database, factories, tenant) for _ in range(6)]
    loops = [TimerLoop(resources, TIMERS) for _ in range(2)]

    async def steps_done(number: int) -> bool:
        return all([len(await delayed(database, tenant, one)) == number for one in ids])

    try:
        for loop in loops:
            loop.start()
        for number in (1, 2, 3):
            clock.advance(seconds=20)
            await stay(database, *agents)
            await until(partial(steps_done, number))
        clock.advance(seconds=20)
        await asyncio.sleep(1.2)  # two rounds more, in which nothing may happen
    finally:
        for loop in loops:
            await loop.close()

    assert await steps_done(3)
    assert await talk.gaps(database, tenant.enterprise_id) == []
    for one in ids:
        received = [decision.agent_id for decision in await why(database, tenant, one)]
        assert sorted(filter(None, received)) == sorted(agent.id for agent in agents)


async def test_a_deadline_that_another_process_is_at_is_not_waited_for(database: Database, factories: Factories, clock: FakeClock) -> None:
    """Waiting for the other's claim, only to find nothing left, makes everything else of the enterprise late."""
    tenant, agents = await team(database, factories, 2)
    await transfers(database, tenant, steps=THREE)
    conversation_id = await served(database, factories, tenant)
    clock.advance(seconds=20)
    await stay(database, *agents)

    async with database.tenant(tenant.enterprise_id) as first:
        await service.fire(first, conversation_id)
        async with asyncio.timeout(5), database.tenant(tenant.enterprise_id) as second:
            await service.fire(second, conversation_id)

    assert await delayed(database, tenant, conversation_id) == [Outcome.ASSIGNED]


async def test_a_late_loop_fires_the_steps_it_missed_one_after_the_other(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, agents = await team(database, factories, 3)
    await transfers(database, tenant, steps=THREE)
    conversation_id = await served(database, factories, tenant)

    await later(database, clock, 3_600, *agents)  # everything was down for an hour
    await present(database, *agents)
    await fire_due(database)

    assert len(await delayed(database, tenant, conversation_id)) == 1
    await later(database, clock, 20, *agents)
    assert len(await delayed(database, tenant, conversation_id)) == 2


async def test_new_steps_reach_open_conversations_also_when_only_the_job_is_left_of_the_change(
    database: Database, factories: Factories, resources: Resources, clock: FakeClock
) -> None:
    tenant, _ = await team(database, factories, 1)
    await transfers(database, tenant, steps=[DelayedStep(seconds=60)])
    conversation_id = await served(database, factories, tenant)
    begun = clock.now()
    await transfers(database, tenant, steps=[DelayedStep(seconds=20)])  # nobody listens to the event here
    assert (await routing(database, tenant, conversation_id)).transfer_due_at == begun + timedelta(seconds=60)

    async with database.system() as tx:
        left = await tx.session.execute(
            text("SELECT args FROM procrastinate_jobs WHERE task_name = 'routing.reschedule' AND args->>'enterprise_id' = :id"),
            {"id": str(tenant.enterprise_id)},
        )
        [*arguments] = left.scalars()
    assert len(arguments) == 2  # one with each change
    for _ in range(2):
        await jobs.reschedule.run(resources, **arguments[-1])

    assert (await routing(database, tenant, conversation_id)).transfer_due_at == begun + timedelta(seconds=20)


async def test_the_time_with_an_agent_is_no_waiting(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, [first] = await team(database, factories, 1)
    [conversation_id] = await waiting(database, factories, tenant.enterprise_id)
    clock.advance(seconds=30)
    await stay(database, first)
    await drain(database, tenant.enterprise_id)
    clock.advance(minutes=10)
    async with database.tenant(tenant.enterprise_id) as tx:
        await conversations.release_some_of(tx, first.id)
        await service.place(tx, conversation_id)  # the lease has run out: into the queue
    clock.advance(seconds=45)
    await present(database, first)

    await drain(database, tenant.enterprise_id)

    given = [one.waited_seconds for one in await why(database, tenant, conversation_id) if one.outcome is Outcome.ASSIGNED]
    assert given == [30, 45]
