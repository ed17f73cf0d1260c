"""The five layers end to end: each one's agent gets the conversation, and the stored trace says why."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

from qiatan.entrypoints.registry import CATALOGUE
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.geo import Geo
from qiatan.modules.accounts import service as accounts
from qiatan.modules.accounts.contracts import ChangeGroup
from qiatan.modules.customers import service as customers
from qiatan.modules.customers.contracts import SetMetadata
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts.conditions import ConditionField, ConditionGroup, Operator, VisitorCondition
from qiatan.modules.routing.contracts.decisions import Cause, Fallback, Layer, Outcome, Step, Verdict, WhyNot, Wish
from qiatan.modules.routing.contracts.queue import RoutingState
from qiatan.modules.routing.contracts.settings import AdvancedRule, AssignmentSettings, BaseRule, Otherwise, SaveAssignment
from qiatan.modules.routing.service import requests
from qiatan.modules.routing.service.settings import loaded_assignment
from tests.modules.routing.scene import holder, loads, present, queueing, why
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Tenant


async def save(database: Database, tenant: Tenant, **settings: Any) -> None:
    async with database.tenant(tenant.enterprise_id) as tx:
        version = (await loaded_assignment(tx)).version
        command = SaveAssignment(settings=AssignmentSettings(**settings), version=version)
        await service.save_assignment(tx, tenant.admin.actor, command, geo=Geo.load(None))


def rule(field: ConditionField, operator: Operator, *values: str, key: str | None = None, **more: Any) -> AdvancedRule:
    condition = VisitorCondition(field=field, operator=operator, values=list(values), key=key)
    return AdvancedRule(id=new_id(), name=f"{field} {operator}", groups=[ConditionGroup(conditions=[condition])], **more)


async def wish(database: Database, guest: Guest, **named: Any) -> None:
    async with database.tenant(guest.actor.enterprise_id) as tx:
        await service.set_wish(tx, guest.actor, Wish(**named))


async def placed(database: Database, guest: Guest) -> UUID:
    """The visitor writes, and whoever waits is looked at until nothing more can be done."""
    conversation_id = (await talk.write(database, guest)).conversation_id
    await drain(database, guest.actor.enterprise_id)
    return conversation_id


async def drain(database: Database, enterprise_id: UUID) -> None:
    while True:
        async with database.tenant(enterprise_id) as tx:
            if await service.assign_next(tx) is None:
                break
    async with database.tenant(enterprise_id) as tx:
        while await service.count(tx):
            pass


async def last_step(database: Database, tenant: Tenant, conversation_id: UUID) -> Step:
    return (await why(database, tenant, conversation_id))[-1].steps[-1]


async def test_each_layer_beats_those_below_it(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    asked, gold, former, base = [await factories.agent(tenant.enterprise_id, name=name) for name in ("甲", "乙", "丙", "丁")]
    channel = await factories.channel(tenant.enterprise_id)
    guest = await factories.visitor(channel)
    await save(
        database,
        tenant,
        base_rule=BaseRule.PRIORITY,
        order=[base.id],
        rules=[rule(ConditionField.METADATA, Operator.EQUALS, "gold", key="plan", agent_ids=[gold.id])],
    )
    await present(database, asked, gold, former, base)

    async def talked(expected: Layer) -> UUID | None:
        conversation_id = await placed(database, guest)
        agent_id = await holder(database, tenant, conversation_id)
        step = await last_step(database, tenant, conversation_id)
        assert (step.layer, step.verdict) == (expected, Verdict.CHOSE)
        member = next(one for one in (asked, gold, former, base) if one.id == agent_id)
        await talk.end(database, member, conversation_id)
        clock.advance(seconds=5)
        return agent_id

    assert await talked(Layer.BASE) == base.id
    await wish(database, guest, agents=[str(former.id)])
    assert await talked(Layer.SPECIFIED) == former.id
    assert await talked(Layer.RETURNING) == former.id
    async with database.tenant(tenant.enterprise_id) as tx:
        await customers.set_metadata(tx, guest.actor, SetMetadata(values={"plan": "gold"}))
    assert await talked(Layer.ADVANCED) == gold.id
    await wish(database, guest, agents=[str(asked.id)])
    assert await talked(Layer.SPECIFIED) == asked.id


async def test_an_open_conversation_keeps_its_agent_however_full_they_are(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    agent, other = await factories.agent(tenant.enterprise_id, max_conversations=1), await factories.agent(tenant.enterprise_id)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    await present(database, agent)
    conversation_id = await placed(database, guest)
    await present(database, other)

    assert await placed(database, guest) == conversation_id

    assert await holder(database, tenant, conversation_id) == agent.id
    assert len(await why(database, tenant, conversation_id)) == 1


async def test_a_wish_with_unknown_ids_falls_back_and_the_trace_says_so(doors: Doors, database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    stranger = str(uuid4())

    answer = await doors.visitor(guest.token).put("/widget/wish", json={"agents": [stranger, "no id"], "groups": [], "source": "link"})
    await present(database, agent)
    conversation_id = await placed(database, guest)

    assert answer.status_code == 204
    assert await holder(database, tenant, conversation_id) == agent.id
    decision = (await why(database, tenant, conversation_id))[0]
    specified = next(step for step in decision.steps if step.layer is Layer.SPECIFIED)
    assert [(note.name, note.why) for note in specified.candidates] == [(stranger, WhyNot.UNKNOWN), ("no id", WhyNot.UNKNOWN)]
    assert specified.reason == "fallback_enterprise"


async def test_a_wish_is_for_one_conversation_and_for_a_day(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    asked, first = await factories.agent(tenant.enterprise_id), await factories.agent(tenant.enterprise_id)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    await save(database, tenant, base_rule=BaseRule.PRIORITY, order=[first.id], returning=False)
    await wish(database, guest, agents=[str(asked.id)])
    await present(database, asked, first)
    conversation_id = await placed(database, guest)
    assert await holder(database, tenant, conversation_id) == asked.id
    await talk.end(database, asked, conversation_id)

    second = await placed(database, guest)
    assert await holder(database, tenant, second) == first.id
    await talk.end(database, first, second)

    await wish(database, guest, agents=[str(asked.id)])
    clock.advance(hours=24, seconds=1)
    await present(database, asked, first)
    assert await holder(database, tenant, await placed(database, guest)) == first.id


async def test_a_form_s_answer_wins_over_the_page_and_keeps_its_target_if_it_names_none(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    page, form, other = [await factories.agent(tenant.enterprise_id) for _ in range(3)]
    channel = await factories.channel(tenant.enterprise_id)
    await save(database, tenant, base_rule=BaseRule.PRIORITY, order=[other.id])
    await present(database, page, form, other)
    first, second = await factories.visitor(channel), await factories.visitor(channel)

    await wish(database, first, agents=[str(form.id)], source="form")
    await wish(database, first, agents=[str(page.id)], source="page")
    await wish(database, second, agents=[str(page.id)], source="page")
    await wish(database, second, fallback=Fallback.MESSAGE, source="form")

    assert await holder(database, tenant, await placed(database, first)) == form.id
    assert await holder(database, tenant, await placed(database, second)) == page.id


async def test_an_expression_that_explodes_is_given_up_and_the_next_layer_decides(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    never, agent = await factories.agent(tenant.enterprise_id), await factories.agent(tenant.enterprise_id)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    explodes = rule(ConditionField.METADATA, Operator.MATCHES, "(x+x+)+y", key="words", agent_ids=[never.id])
    await save(database, tenant, base_rule=BaseRule.PRIORITY, order=[agent.id], rules=[explodes])
    async with database.tenant(tenant.enterprise_id) as tx:
        await customers.set_metadata(tx, guest.actor, SetMetadata(values={"words": "x" * 400}))
    await present(database, never, agent)

    conversation_id = await placed(database, guest)

    assert await holder(database, tenant, conversation_id) == agent.id


async def test_rotation_goes_on_where_it_stood(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    agents = [await factories.agent(tenant.enterprise_id) for _ in range(3)]
    channel = await factories.channel(tenant.enterprise_id)
    await save(database, tenant, base_rule=BaseRule.ROTATE, order=[agent.id for agent in agents])
    await present(database, *agents)

    turns = [await holder(database, tenant, await placed(database, await factories.visitor(channel))) for _ in range(5)]

    assert turns == [agents[turn].id for turn in (0, 1, 2, 0, 1)]


@pytest.mark.parametrize("how", ["emptied", "deleted"])
async def test_who_queues_for_a_group_that_is_gone_goes_to_the_enterprise(database: Database, factories: Factories, how: str) -> None:
    tenant = await factories.tenant()
    member, other = await factories.agent(tenant.enterprise_id, max_conversations=1), await factories.agent(tenant.enterprise_id)
    group_id = await factories.group(tenant.enterprise_id, member.id)
    channel = await factories.channel(tenant.enterprise_id)
    await present(database, member)
    await placed(database, await factories.visitor(channel))
    guest = await factories.visitor(channel)
    await wish(database, guest, groups=[str(group_id)], fallback=Fallback.AGENT_GROUPS)
    waits = await placed(database, guest)
    assert (await why(database, tenant, waits))[-1].outcome is Outcome.QUEUED
    await present(database, other)
    await drain(database, tenant.enterprise_id)
    assert await holder(database, tenant, waits) is None  # the other one is not in the group

    async with database.tenant(tenant.enterprise_id) as tx:
        if how == "emptied":
            change = ChangeGroup(member_ids=[], version=1)
            await accounts.change_group(tx, tenant.admin.actor, group_id=group_id, change=change, catalogue=CATALOGUE)
        else:
            await accounts.delete_group(tx, tenant.admin.actor, group_id=group_id, catalogue=CATALOGUE)
    await drain(database, tenant.enterprise_id)

    assert await holder(database, tenant, waits) == other.id
    decision = (await why(database, tenant, waits))[-1]
    assert "target_gone" in [step.reason for step in decision.steps]


async def test_a_group_that_is_gone_with_nobody_free_changes_for_whom_they_wait(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    member = await factories.agent(tenant.enterprise_id, max_conversations=1)
    group_id = await factories.group(tenant.enterprise_id, member.id)
    channel = await factories.channel(tenant.enterprise_id)
    await present(database, member)
    await placed(database, await factories.visitor(channel))
    guest = await factories.visitor(channel)
    await wish(database, guest, groups=[str(group_id)], fallback=Fallback.AGENT_GROUPS)
    waits = await placed(database, guest)

    async with database.tenant(tenant.enterprise_id) as tx:
        await accounts.delete_group(tx, tenant.admin.actor, group_id=group_id, catalogue=CATALOGUE)
    await drain(database, tenant.enterprise_id)

    async with database.tenant(tenant.enterprise_id) as tx:
        [shown] = (await service.queue(tx, tenant.admin.actor)).items
    assert (shown.conversation_id, shown.state, shown.target and shown.target.kind) == (waits, RoutingState.QUEUED, "enterprise")
    assert shown.position == 1
    decision = (await why(database, tenant, waits))[-1]
    assert (decision.outcome, decision.cause) == (Outcome.KEPT, Cause.WAITING)


@pytest.mark.parametrize("first_free", [0, 1])
async def test_who_queues_by_a_rule_for_two_groups_is_served_by_whichever_is_free_first(
    database: Database, factories: Factories, first_free: int
) -> None:
    """Given both groups full and a third agent who is free, when one of the groups gets a place, then it is theirs, in the order they came."""
    tenant = await factories.tenant()
    members = [await factories.agent(tenant.enterprise_id, max_conversations=1) for _ in range(2)]
    groups = [await factories.group(tenant.enterprise_id, member.id) for member in members]
    channel = await factories.channel(tenant.enterprise_id)
    everybody = rule(ConditionField.CHANNEL, Operator.EQUALS, str(channel.id), group_ids=groups, otherwise=Otherwise.QUEUE)
    await save(database, tenant, rules=[everybody])
    await present(database, *members)
    held = [await placed(database, await factories.visitor(channel)) for _ in range(2)]
    waits, behind = [await placed(database, await factories.visitor(channel)) for _ in range(2)]
    await present(database, await factories.agent(tenant.enterprise_id))
    await drain(database, tenant.enterprise_id)
    assert [await holder(database, tenant, one) for one in (waits, behind)] == [None, None]  # the rule keeps them for its groups

    holders = {await holder(database, tenant, one): one for one in held}
    await talk.end(database, members[first_free], holders[members[first_free].id])
    await drain(database, tenant.enterprise_id)

    assert [await holder(database, tenant, one) for one in (waits, behind)] == [members[first_free].id, None]
    decision = (await why(database, tenant, waits))[-1]
    assert (decision.outcome, decision.steps[-1].target and decision.steps[-1].target.id) == (Outcome.ASSIGNED, groups[first_free])


@pytest.mark.parametrize(("most", "left"), [(20, 0), (1, 1)])
async def test_the_queue_names_all_targets_of_a_rule(
    doors: Doors, database: Database, factories: Factories, monkeypatch: pytest.MonkeyPatch, most: int, left: int
) -> None:
    monkeypatch.setattr(requests, "MOST_OTHERS", most)
    tenant = await factories.tenant()
    members = [await factories.agent(tenant.enterprise_id, name=name, max_conversations=1) for name in ("沈知夏", "顾南乔")]
    group = await factories.group(tenant.enterprise_id, members[0].id, name="售后组")
    other = await factories.group(tenant.enterprise_id, members[1].id, name="售前组")
    channel = await factories.channel(tenant.enterprise_id)
    named: dict[str, Any] = {"group_ids": [group, other], "agent_ids": [members[1].id], "otherwise": Otherwise.QUEUE}
    await save(database, tenant, rules=[rule(ConditionField.CHANNEL, Operator.EQUALS, str(channel.id), **named)])
    await present(database, *members)
    for _ in members:
        await placed(database, await factories.visitor(channel))
    waits = await placed(database, await factories.visitor(channel))

    [shown] = (await doors.agent(tenant.admin).get("/queue")).json()["items"]

    assert (shown["conversation_id"], shown["also_more"], len(shown["also"])) == (str(waits), left, 2 - left)
    everybody = [shown["target"], *shown["also"]]
    known = {str(group): ("group", "售后组"), str(other): ("group", "售前组"), str(members[1].id): ("agent", "顾南乔")}
    assert len({one["id"] for one in everybody}) == 3 - left
    assert [(one["kind"], one["name"]) for one in everybody] == [known[one["id"]] for one in everybody]


async def test_a_first_group_that_is_gone_leaves_the_others_of_the_rule(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    members = [await factories.agent(tenant.enterprise_id, max_conversations=1) for _ in range(2)]
    groups = [await factories.group(tenant.enterprise_id, member.id) for member in members]
    channel = await factories.channel(tenant.enterprise_id)
    everybody = rule(ConditionField.CHANNEL, Operator.EQUALS, str(channel.id), group_ids=groups, otherwise=Otherwise.QUEUE)
    await save(database, tenant, rules=[everybody])
    await present(database, *members)
    for _ in range(2):
        await placed(database, await factories.visitor(channel))
    waits = await placed(database, await factories.visitor(channel))
    async with database.tenant(tenant.enterprise_id) as tx:
        [shown] = (await service.queue(tx, tenant.admin.actor)).items
        first = shown.target.id if shown.target is not None else None
        assert first is not None
        await accounts.delete_group(tx, tenant.admin.actor, group_id=first, catalogue=CATALOGUE)
    await drain(database, tenant.enterprise_id)

    async with database.tenant(tenant.enterprise_id) as tx:
        [shown] = (await service.queue(tx, tenant.admin.actor)).items
    assert first == groups[0]
    assert (shown.conversation_id, shown.target and shown.target.id, shown.position) == (waits, groups[1], 1)


async def test_with_the_queue_off_or_full_a_message_is_left_and_served_after_those_who_queue(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id, max_conversations=1)
    channel = await factories.channel(tenant.enterprise_id)
    await queueing(database, tenant, enabled=False)
    await present(database, agent)
    first = await placed(database, await factories.visitor(channel))
    left = await placed(database, await factories.visitor(channel))
    clock.advance(seconds=1)
    await queueing(database, tenant, limit=1)
    queued = await placed(database, await factories.visitor(channel))
    clock.advance(seconds=1)
    full = await placed(database, await factories.visitor(channel))

    turns = []
    serving = first
    for _ in range(3):
        await talk.end(database, agent, serving)
        await drain(database, tenant.enterprise_id)
        [serving] = [one for one in (left, queued, full) if one not in turns and await holder(database, tenant, one) == agent.id]
        turns.append(serving)

    assert turns == [queued, left, full]
    assert [(await why(database, tenant, one))[0].steps[-1].reason for one in (left, full)] == ["queue_off", "queue_full"]
    assert await loads(database, tenant) == {agent.id: 1}


async def test_rules_that_are_edited_while_a_hundred_arrive_lose_nobody(app: FastAPI, database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    agents = [await factories.agent(tenant.enterprise_id, max_conversations=50) for _ in range(3)]
    channel = await factories.channel(tenant.enterprise_id)
    people = [await factories.visitor(channel) for _ in range(100)]
    await present(database, *agents)

    async def edit() -> None:
        for base_rule in (BaseRule.ROTATE, BaseRule.PRIORITY, BaseRule.FILL_UP, BaseRule.RANDOM, BaseRule.LOAD):
            await save(database, tenant, base_rule=base_rule, order=[agent.id for agent in agents])

    acks, _ = await asyncio.gather(talk.write_at_once(database, people), edit())

    async with asyncio.timeout(180):
        while sum((await loads(database, tenant)).values()) < 100:
            await asyncio.sleep(0.05)
    assert len({ack.conversation_id for ack in acks}) == 100
    assert all(count <= 50 for count in (await loads(database, tenant)).values())
