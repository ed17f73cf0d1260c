"""The rules behind automatic end and grading: their door, and what another rule does to what is open (F18, F33)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from qiatan.infra import timers
from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.kit.access import Scope, ScopeKind, SystemActor
from qiatan.modules.conversations import jobs, service
from qiatan.modules.conversations.contracts import (
    AutoEnd,
    ConversationSettings,
    Grading,
    SaveConversationRules,
    SenderKind,
    Status,
)
from qiatan.modules.conversations.service import idle
from tests.modules.conversations.ending import due_at, fire, look_again, save, shown_now, talking
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories


async def test_a_change_of_the_rule_holds_for_what_is_open(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, _, conversation_id = await talking(database, factories)
    clock.advance(minutes=10)

    await save(database, tenant, minutes=20)
    assert await fire(database, tenant.enterprise_id) == [conversation_id]
    async with database.system() as tx:
        assert await service.next_idle_due(tx) is not None
    clock.advance(minutes=10)
    await save(database, tenant, version=1, minutes=None)
    assert await fire(database, tenant.enterprise_id) == [conversation_id]
    clock.advance(days=30)
    assert await fire(database, tenant.enterprise_id) == []
    assert (await shown_now(database, tenant.admin, conversation_id)).status == Status.ACTIVE
    await save(database, tenant, version=2, minutes=5)
    await fire(database, tenant.enterprise_id)
    assert (await shown_now(database, tenant.admin, conversation_id)).ended_by == SenderKind.SYSTEM


async def test_a_change_of_the_rule_holds_for_what_is_being_assigned_meanwhile(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant = await factories.tenant()
    await save(database, tenant, minutes=None)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = (await talk.write(database, guest)).conversation_id

    async with database.tenant(tenant.enterprise_id) as tx:
        await service.assign(tx, SystemActor(tenant.enterprise_id), conversation_id, tenant.admin.id)
        saving = asyncio.create_task(save(database, tenant, version=1, minutes=5))
        await asyncio.wait([saving], timeout=1)  # it has to wait; one that does not is through by then
    await saving

    clock.advance(minutes=5)
    for _ in range(2):
        await fire(database, tenant.enterprise_id)
    assert (await shown_now(database, tenant.admin, conversation_id)).ended_by == SenderKind.SYSTEM


async def test_saving_a_rule_touches_no_conversation_and_leaves_a_job(
    database: Database, resources: Resources, factories: Factories, clock: FakeClock
) -> None:
    tenant, _, conversation_id = await talking(database, factories)
    before = clock.now() + timedelta(minutes=30)
    left = text("SELECT args FROM procrastinate_jobs WHERE task_name = :name AND args ->> 'enterprise_id' = :id")
    clock.advance(minutes=10)
    settings = ConversationSettings(auto_end={"web": AutoEnd(minutes=20)})
    graded = settings.model_copy(update={"grading": Grading(enabled=False)})

    for version, change in enumerate((settings, graded)):
        async with database.tenant(tenant.enterprise_id) as tx:
            await service.save_rules(tx, tenant.admin.actor, SaveConversationRules(settings=change, version=version))

    assert await due_at(database, conversation_id) == [before]
    async with database.system() as tx:
        jobs_left = await tx.session.execute(left, {"name": jobs.look_at_idle_again.name, "id": str(tenant.enterprise_id)})
        assert jobs_left.scalars().all() == [{"enterprise_id": str(tenant.enterprise_id)}]  # the grading moves no end
    await jobs.look_at_idle_again.run(resources, enterprise_id=str(tenant.enterprise_id))
    assert await due_at(database, conversation_id) == [clock.now()]


async def test_what_is_open_is_looked_at_again_in_pages_and_all_of_it(
    database: Database, factories: Factories, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "LOOKED_AT_ONCE", 2)
    tenant, _, first = await talking(database, factories)
    channel = await factories.channel(tenant.enterprise_id)
    others = [await talk.served(database, await factories.visitor(channel), tenant.admin) for _ in range(3)]
    waiting = (await talk.write(database, await factories.visitor(channel))).conversation_id
    _, _, foreign = await talking(database, factories)
    await talk.end(database, tenant.admin, others[1])
    usual = clock.now() + timedelta(minutes=30)
    clock.advance(minutes=1)

    turns = await look_again(database, tenant)

    now = clock.now()
    assert await due_at(database, first, *others, waiting, foreign) == [now, now, None, now, now, usual]
    assert turns == 3


async def test_a_new_rule_does_not_wait_for_the_next_turn(
    database: Database, factories: Factories, doors: Doors, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "POLL_SECONDS", 3_600.0)
    tenant, guest, conversation_id = await talking(database, factories)
    page = await doors.visitor_socket(guest.token)
    await page.send(type="subscribe", topic="mine")
    await page.next("subscribed")
    clock.advance(minutes=10)

    settings = ConversationSettings(auto_end={"web": AutoEnd(minutes=5)})
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.save_rules(tx, tenant.admin.actor, SaveConversationRules(settings=settings, version=0))
    await jobs.look_at_idle_again.run(doors.app.state.resources, enterprise_id=str(tenant.enterprise_id))

    told = (await page.next("conversation"))["conversation"]
    assert (told["id"], told["status"], told["ended_by"]) == (str(conversation_id), "ended", "system")


async def test_the_rules_through_their_door(doors: Doors, factories: Factories, database: Database) -> None:
    tenant = await factories.tenant()
    http, page = doors.agent(tenant.admin), await doors.agent_socket(tenant.admin)
    usual = (await http.get("/conversation-rules")).json()
    assert usual["version"] == 0
    assert usual["settings"] == {
        "auto_end": {},
        "grading": {
            "enabled": True,
            "gold": {"customer": 10, "agent": 10},
            "silver": {"customer": 5, "agent": 5},
            "bronze": {"customer": 3, "agent": 3},
        },
        "evaluation": {"prompt": "", "automatic": False, "by_customer": True},
    }
    wanted = usual["settings"] | {"auto_end": {"web": {"minutes": None, "warn": False}}}

    saved = await http.put("/conversation-rules", json={"settings": wanted, "version": 0})

    assert (saved.status_code, saved.json()) == (200, {"settings": wanted, "version": 1})
    assert (await http.get("/conversation-rules")).json() == {"settings": wanted, "version": 1}
    told = await page.next("changed")
    assert (told["object"], told["id"], told["version"]) == ("routing", str(tenant.enterprise_id), 1)
    entry = (await http.get("/audit?action=conversation_rules.changed")).json()["items"][0]
    assert entry["details"] == {"auto_end": [{}, {"web": {"minutes": None, "warn": False}}]}
    for version in (0, 2):
        stale = await http.put("/conversation-rules", json={"settings": usual["settings"], "version": version})
        assert (stale.status_code, stale.json()["error"]["code"]) == (409, "version_conflict")
    assert (await http.get("/conversation-rules")).json()["version"] == 1


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"auto_end": {"web": {"minutes": 0}}}, "settings.auto_end.web.minutes"),
        ({"auto_end": {"web": {"minutes": 1_441}}}, "settings.auto_end.web.minutes"),
        ({"auto_end": {"web": {"minutes": 1.5}}}, "settings.auto_end.web.minutes"),
        ({"auto_end": {"web": {"minutes": 1, "warn": True}}}, "settings.auto_end.web.minutes"),
        ({"grading": {"silver": {"customer": 11, "agent": 5}}}, "settings.grading.silver.customer"),
        ({"grading": {"bronze": {"customer": 0, "agent": 1}}}, "settings.grading.bronze.customer"),
    ],
)
async def test_rules_that_cannot_be_meant(
    doors: Doors, factories: Factories, database: Database, rules: dict[str, Any], field: str
) -> None:
    tenant = await factories.tenant()
    http = doors.agent(tenant.admin)

    answer = await http.put("/conversation-rules", json={"settings": rules, "version": 0})

    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["error"]["fields"]] == [field]
    assert (await http.get("/conversation-rules")).json()["version"] == 0


async def test_the_rules_are_for_the_whole_enterprise(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    group = await factories.group(tenant.enterprise_id)
    head = await factories.agent(tenant.enterprise_id, role="department_head", scope=Scope(ScopeKind.GROUPS, frozenset({group})))
    agent = await factories.agent(tenant.enterprise_id)

    for member in (head, agent):
        answer = await doors.agent(member).put("/conversation-rules", json={"settings": {}, "version": 0})
        assert answer.status_code == 403
    assert (await doors.agent(agent).get("/conversation-rules")).status_code == 403
    assert (await doors.agent(head).get("/conversation-rules")).json()["version"] == 0
