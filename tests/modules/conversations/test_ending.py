"""Automatic end, grading, and the rules behind both (F18, F33)."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from qiatan.infra import timers
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.db.migrate import migrations_folder
from qiatan.infra.resources import Resources
from qiatan.kit.access import Scope, ScopeKind, SystemActor
from qiatan.modules.conversations import jobs, service
from qiatan.modules.conversations.contracts import (
    AutoEnd,
    Conversation,
    ConversationSettings,
    Grade,
    GradeThreshold,
    Grading,
    SaveConversationRules,
    SenderKind,
    Status,
)
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member, Tenant


async def _save(database: Database, tenant: Tenant, *, version: int = 0, grading: Grading | None = None, **web: Any) -> None:
    settings = ConversationSettings(auto_end={"web": AutoEnd(**web)} if web else {}, grading=grading or Grading())
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.save_rules(tx, tenant.admin.actor, SaveConversationRules(settings=settings, version=version))


async def _fire(database: Database, enterprise_id: UUID) -> list[UUID]:
    """What the timer loop does at this moment: returns what was due."""
    async with database.system() as tx:
        due = [row for owner, row in await service.idle_due(tx, 1_000) if owner == enterprise_id]
    for conversation_id in due:
        async with database.tenant(enterprise_id) as tx:
            await service.end_idle(tx, conversation_id)
    return due


async def _now(database: Database, member: Member, conversation_id: UUID) -> Conversation:
    async with database.tenant(member.enterprise_id) as tx:
        return await service.get(tx, member.actor, conversation_id)


async def _events(database: Database, guest: Guest, conversation_id: UUID) -> list[str]:
    return [message.data["name"] for message in await talk.messages(database, guest, conversation_id) if message.data]


async def _talking(database: Database, factories: Factories) -> tuple[Tenant, Guest, UUID]:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    return tenant, guest, await talk.served(database, guest, tenant.admin)


async def test_after_half_an_hour_without_a_word_it_ends(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, guest, conversation_id = await _talking(database, factories)
    clock.advance(minutes=29, seconds=59)
    assert await _fire(database, tenant.enterprise_id) == []
    clock.advance(seconds=1)

    assert await _fire(database, tenant.enterprise_id) == [conversation_id]

    ended = await _now(database, tenant.admin, conversation_id)
    assert (ended.status, ended.ended_by, ended.ended_at) == (Status.ENDED, SenderKind.SYSTEM, clock.now())
    assert (await talk.messages(database, guest, conversation_id))[-1].data == {"name": "ended", "by": "system"}
    assert await _fire(database, tenant.enterprise_id) == []


async def test_each_word_of_a_person_begins_it_anew_and_only_theirs(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, guest, conversation_id = await _talking(database, factories)
    clock.advance(minutes=20)
    await talk.write(database, guest)
    clock.advance(minutes=10)
    assert await _fire(database, tenant.enterprise_id) == [conversation_id]  # looked at, and left alone
    clock.advance(minutes=19)
    await talk.answer(database, tenant.admin, conversation_id)
    clock.advance(minutes=1)
    assert await _fire(database, tenant.enterprise_id) == [conversation_id]
    clock.advance(minutes=20)
    await talk.note(database, tenant.admin, conversation_id)
    leader = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL))
    await talk.join(database, leader, conversation_id)
    clock.advance(minutes=8, seconds=59)
    assert await _fire(database, tenant.enterprise_id) == []
    clock.advance(seconds=1)

    assert await _fire(database, tenant.enterprise_id) == [conversation_id]

    assert (await _now(database, tenant.admin, conversation_id)).status == Status.ENDED


async def test_what_an_earlier_release_assigned_is_found_by_night(
    database: Database, resources: Resources, factories: Factories, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are before it of an enterprise in which nothing ends by itself: those lack their moment rightly."""
    monkeypatch.setattr(jobs, "WATCH_BATCH", 1)
    endless, _, spared = await _talking(database, factories)
    tenant, _, conversation_id = await _talking(database, factories)
    assert endless.enterprise_id < tenant.enterprise_id
    await _save(database, endless, minutes=None)
    await _save(database, tenant, minutes=30)
    async with database.system() as tx:
        ids = [conversation_id, spared]
        await tx.session.execute(text("UPDATE conversations SET idle_due_at = NULL WHERE id = ANY(:ids)"), {"ids": ids})
    clock.advance(minutes=30)
    assert await _fire(database, tenant.enterprise_id) == []

    await jobs.watch_idle_again.run(resources)

    assert await _fire(database, tenant.enterprise_id) == [conversation_id]
    assert (await _now(database, tenant.admin, conversation_id)).ended_by == SenderKind.SYSTEM
    assert await _fire(database, endless.enterprise_id) == []
    assert (await _now(database, endless.admin, spared)).status == Status.ACTIVE


async def test_messages_do_not_touch_the_timer(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, guest, conversation_id = await _talking(database, factories)
    query = text("SELECT idle_due_at FROM conversations WHERE id = :id")

    async def due() -> Any:
        async with database.system() as tx:
            return (await tx.session.execute(query, {"id": conversation_id})).scalar_one()

    before = await due()
    for _ in range(3):
        clock.advance(minutes=5)
        await talk.write(database, guest)
        await talk.answer(database, tenant.admin, conversation_id)

    assert await due() == before


async def test_who_waits_is_not_cut_off(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, _, conversation_id = await _talking(database, factories)
    other = await factories.visitor(await factories.channel(tenant.enterprise_id))
    waiting = (await talk.write(database, other)).conversation_id
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.release(tx, conversation_id)
    clock.advance(days=2)

    await _fire(database, tenant.enterprise_id)

    assert [(await _now(database, tenant.admin, one)).status for one in (conversation_id, waiting)] == [Status.WAITING] * 2
    assert await _fire(database, tenant.enterprise_id) == []
    for one in (conversation_id, waiting):
        await talk.assign(database, one, tenant.admin)
    clock.advance(minutes=29)
    assert await _fire(database, tenant.enterprise_id) == []  # the agent has the whole time, however long they waited
    clock.advance(minutes=1)
    assert sorted(await _fire(database, tenant.enterprise_id)) == sorted([conversation_id, waiting])
    assert (await _now(database, tenant.admin, waiting)).status == Status.ENDED


async def test_a_warning_comes_a_minute_before(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    await _save(database, tenant, minutes=5, warn=True)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    clock.advance(minutes=4)
    before = await _now(database, tenant.admin, conversation_id)

    await _fire(database, tenant.enterprise_id)

    warned = await _now(database, tenant.admin, conversation_id)
    warning = (await talk.messages(database, guest, conversation_id))[-1]
    assert warning.data == {"name": "idle_warning", "ends_at": clock.now().replace(minute=5).isoformat()}
    assert warned == before.model_copy(update={"head": before.head + 1})
    clock.advance(seconds=30)
    await talk.write(database, guest)  # and so it goes on
    clock.advance(seconds=30)
    await _fire(database, tenant.enterprise_id)
    clock.advance(minutes=3, seconds=30)
    await _fire(database, tenant.enterprise_id)
    assert await _events(database, guest, conversation_id) == ["assigned", "idle_warning", "idle_warning"]
    clock.advance(seconds=59)
    assert await _fire(database, tenant.enterprise_id) == []
    clock.advance(seconds=1)
    await _fire(database, tenant.enterprise_id)
    assert await _events(database, guest, conversation_id) == ["assigned", "idle_warning", "idle_warning", "ended"]


async def test_a_change_of_the_rule_holds_for_what_is_open(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, _, conversation_id = await _talking(database, factories)
    clock.advance(minutes=10)

    await _save(database, tenant, minutes=20)
    assert await _fire(database, tenant.enterprise_id) == [conversation_id]
    async with database.system() as tx:
        assert await service.next_idle_due(tx) is not None
    clock.advance(minutes=10)
    await _save(database, tenant, version=1, minutes=None)
    assert await _fire(database, tenant.enterprise_id) == [conversation_id]
    clock.advance(days=30)
    assert await _fire(database, tenant.enterprise_id) == []
    assert (await _now(database, tenant.admin, conversation_id)).status == Status.ACTIVE
    await _save(database, tenant, version=2, minutes=5)
    await _fire(database, tenant.enterprise_id)
    assert (await _now(database, tenant.admin, conversation_id)).ended_by == SenderKind.SYSTEM


async def test_a_change_of_the_rule_holds_for_what_is_being_assigned_meanwhile(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant = await factories.tenant()
    await _save(database, tenant, minutes=None)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = (await talk.write(database, guest)).conversation_id

    async with database.tenant(tenant.enterprise_id) as tx:
        await service.assign(tx, SystemActor(tenant.enterprise_id), conversation_id, tenant.admin.id)
        saving = asyncio.create_task(_save(database, tenant, version=1, minutes=5))
        await asyncio.wait([saving], timeout=1)  # it has to wait; one that does not is through by then
    await saving

    clock.advance(minutes=5)
    for _ in range(2):
        await _fire(database, tenant.enterprise_id)
    assert (await _now(database, tenant.admin, conversation_id)).ended_by == SenderKind.SYSTEM


async def test_a_row_that_somebody_holds_is_left_for_the_next_turn(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, _, conversation_id = await _talking(database, factories)
    clock.advance(minutes=30)

    async with database.tenant(tenant.enterprise_id) as holder:
        await service.routed(holder, conversation_id, lock=True)
        async with database.tenant(tenant.enterprise_id) as tx:
            assert await service.end_idle(tx, conversation_id) is None
    assert (await _now(database, tenant.admin, conversation_id)).status == Status.ACTIVE

    async with database.tenant(tenant.enterprise_id) as tx:
        assert await service.end_idle(tx, conversation_id) is not None


async def test_the_running_program_looks_by_itself(database: Database, factories: Factories, doors: Doors, clock: FakeClock) -> None:
    _, guest, conversation_id = await _talking(database, factories)
    page = await doors.visitor_socket(guest.token)
    await page.send(type="subscribe", topic="mine")
    await page.next("subscribed")

    clock.advance(minutes=30)

    told = (await page.next("conversation"))["conversation"]
    assert (told["id"], told["status"], told["ended_by"]) == (str(conversation_id), "ended", "system")


async def test_a_new_rule_does_not_wait_for_the_next_turn(
    database: Database, factories: Factories, doors: Doors, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "POLL_SECONDS", 3_600.0)
    tenant, guest, conversation_id = await _talking(database, factories)
    page = await doors.visitor_socket(guest.token)
    await page.send(type="subscribe", topic="mine")
    await page.next("subscribed")
    clock.advance(minutes=10)

    await _save(database, tenant, minutes=5)

    told = (await page.next("conversation"))["conversation"]
    assert (told["id"], told["status"], told["ended_by"]) == (str(conversation_id), "ended", "system")


async def test_what_was_open_before_the_upgrade_is_counted_and_ends(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, guest, conversation_id = await _talking(database, factories)
    answered = clock.advance(minutes=1)
    await talk.answer(database, tenant.admin, conversation_id)
    last = await talk.write(database, guest)
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.withdraw_own(tx, guest.actor, conversation_id, last.seq, new_id())
        known = await service.routed(tx, conversation_id)
    forgotten = "first_customer_at = NULL, replied_at = NULL, customer_messages = 0, agent_messages = 0, idle_due_at = NULL"
    only = f" AND v.enterprise_id = '{tenant.enterprise_id}'"
    async with database.system() as tx:
        await tx.session.execute(text(f"UPDATE conversations v SET {forgotten} WHERE true{only}"))  # noqa: S608 -- our own words
        await tx.session.execute(text(_migration()._OPEN_NOW + only))

    assert await talk.drift(database, tenant.enterprise_id) == []
    async with database.tenant(tenant.enterprise_id) as tx:
        assert await service.routed(tx, conversation_id) == known
    assert known is not None
    assert known.replied_at == answered
    async with database.system() as tx:
        due = await tx.session.execute(text("SELECT idle_due_at FROM conversations WHERE id = :id"), {"id": conversation_id})
        assert due.scalar_one() is not None


def _migration() -> Any:
    found = importlib.util.spec_from_file_location("migration", migrations_folder() / "versions" / "0010_routing.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


async def test_the_grade_is_decided_at_the_end_by_what_people_wrote_and_left(database: Database, factories: Factories) -> None:
    tenant, guest, conversation_id = await _talking(database, factories)
    grading = Grading(
        gold=GradeThreshold(customer=3, agent=3), silver=GradeThreshold(customer=3, agent=2), bronze=GradeThreshold(customer=1, agent=1)
    )
    await _save(database, tenant, grading=grading)
    for _ in range(2):
        await talk.write(database, guest)
    for _ in range(2):
        await talk.answer(database, tenant.admin, conversation_id)
    last = await talk.answer(database, tenant.admin, conversation_id)
    await talk.note(database, tenant.admin, conversation_id)
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.withdraw(tx, tenant.admin.actor, conversation_id, last.seq, new_id())
    assert (await _now(database, tenant.admin, conversation_id)).grade is None

    ended = await talk.end(database, tenant.admin, conversation_id)

    assert ended.grade == Grade.SILVER
    assert (await talk.conversation(database, guest, conversation_id)).grade is None  # no business of the customer's
    await _save(database, tenant, version=1, grading=Grading(enabled=False))
    assert (await _now(database, tenant.admin, conversation_id)).grade == Grade.SILVER
    assert await talk.drift(database, tenant.enterprise_id) == []


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
