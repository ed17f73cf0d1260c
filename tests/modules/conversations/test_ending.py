"""Automatic end and grading (F18, F33)."""

from __future__ import annotations

import importlib.util
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.db.migrate import migrations_folder
from qiatan.infra.resources import Resources
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.conversations import jobs, service
from qiatan.modules.conversations.contracts import (
    Ack,
    Grade,
    GradeThreshold,
    Grading,
    SenderKind,
    Status,
)
from tests.modules.conversations.ending import due_at, fire, save, shown_now, talking
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest


async def _events(database: Database, guest: Guest, conversation_id: UUID) -> list[str]:
    return [message.data["name"] for message in await talk.messages(database, guest, conversation_id) if message.data]


async def test_after_half_an_hour_without_a_word_it_ends(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, guest, conversation_id = await talking(database, factories)
    clock.advance(minutes=29, seconds=59)
    assert await fire(database, tenant.enterprise_id) == []
    clock.advance(seconds=1)

    assert await fire(database, tenant.enterprise_id) == [conversation_id]

    ended = await shown_now(database, tenant.admin, conversation_id)
    assert (ended.status, ended.ended_by, ended.ended_at) == (Status.ENDED, SenderKind.SYSTEM, clock.now())
    assert (await talk.messages(database, guest, conversation_id))[-1].data == {"name": "ended", "by": "system"}
    assert await fire(database, tenant.enterprise_id) == []


async def test_each_word_of_a_person_begins_it_anew_and_only_theirs(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, guest, conversation_id = await talking(database, factories)
    clock.advance(minutes=20)
    await talk.write(database, guest)
    clock.advance(minutes=10)
    assert await fire(database, tenant.enterprise_id) == [conversation_id]  # looked at, and left alone
    clock.advance(minutes=19)
    await talk.answer(database, tenant.admin, conversation_id)
    clock.advance(minutes=1)
    assert await fire(database, tenant.enterprise_id) == [conversation_id]
    clock.advance(minutes=20)
    await talk.note(database, tenant.admin, conversation_id)
    leader = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL))
    await talk.join(database, leader, conversation_id)
    clock.advance(minutes=8, seconds=59)
    assert await fire(database, tenant.enterprise_id) == []
    clock.advance(seconds=1)

    assert await fire(database, tenant.enterprise_id) == [conversation_id]

    assert (await shown_now(database, tenant.admin, conversation_id)).status == Status.ENDED


async def test_what_an_earlier_release_assigned_is_found_by_night(
    database: Database, resources: Resources, factories: Factories, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are before it of an enterprise in which nothing ends by itself: those lack their moment rightly."""
    monkeypatch.setattr(jobs, "WATCH_BATCH", 1)
    endless, _, spared = await talking(database, factories)
    tenant, _, conversation_id = await talking(database, factories)
    assert endless.enterprise_id < tenant.enterprise_id
    await save(database, endless, minutes=None)
    await save(database, tenant, minutes=30)
    async with database.system() as tx:
        ids = [conversation_id, spared]
        await tx.session.execute(text("UPDATE conversations SET idle_due_at = NULL WHERE id = ANY(:ids)"), {"ids": ids})
    clock.advance(minutes=30)
    assert await fire(database, tenant.enterprise_id) == []

    await jobs.watch_idle_again.run(resources)

    assert await fire(database, tenant.enterprise_id) == [conversation_id]
    assert (await shown_now(database, tenant.admin, conversation_id)).ended_by == SenderKind.SYSTEM
    assert await fire(database, endless.enterprise_id) == []
    assert (await shown_now(database, endless.admin, spared)).status == Status.ACTIVE


async def _withdraw(database: Database, guest: Guest, message: Ack) -> None:
    async with database.tenant(guest.actor.enterprise_id) as tx:
        await service.withdraw_own(tx, guest.actor, message.conversation_id, message.seq, new_id())


async def test_who_took_back_all_they_wrote_keeps_the_place_for_a_minute(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    written = [await talk.write(database, guest), await talk.write(database, guest)]
    await _withdraw(database, guest, written[0])
    assert await due_at(database, written[0].conversation_id) == [None]
    await _withdraw(database, guest, written[1])
    clock.advance(seconds=59)
    assert await fire(database, tenant.enterprise_id) == []
    clock.advance(seconds=1)

    assert await fire(database, tenant.enterprise_id) == [written[0].conversation_id]

    ended = await shown_now(database, tenant.admin, written[0].conversation_id)
    assert (ended.status, ended.ended_by, ended.unanswered_since) == (Status.ENDED, SenderKind.SYSTEM, None)
    assert (await talk.write(database, guest)).conversation_id != written[0].conversation_id


async def test_who_writes_anew_within_the_minute_waits_on(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    first = await talk.write(database, guest)
    await _withdraw(database, guest, first)
    clock.advance(seconds=59)
    again = await talk.write(database, guest)
    clock.advance(seconds=1)

    await fire(database, tenant.enterprise_id)

    shown = await shown_now(database, tenant.admin, first.conversation_id)
    assert (shown.status, shown.unanswered_since) == (Status.WAITING, again.at)
    assert await due_at(database, first.conversation_id) == [None]
    assert (first.conversation_id, again.seq) == (again.conversation_id, 3)


async def test_what_an_earlier_release_left_empty_is_found_by_night(
    database: Database, resources: Resources, factories: Factories, clock: FakeClock
) -> None:
    tenant = await factories.tenant()
    channel = await factories.channel(tenant.enterprise_id)
    guest = await factories.visitor(channel)
    first, waiting = await talk.write(database, guest), await talk.write(database, await factories.visitor(channel))
    await _withdraw(database, guest, first)
    async with database.system() as tx:
        await tx.session.execute(text("UPDATE conversations SET idle_due_at = NULL WHERE id = :id"), {"id": first.conversation_id})
    clock.advance(minutes=1)

    await jobs.watch_idle_again.run(resources)

    assert await fire(database, tenant.enterprise_id) == [first.conversation_id]
    assert (await shown_now(database, tenant.admin, first.conversation_id)).status == Status.ENDED
    assert (await shown_now(database, tenant.admin, waiting.conversation_id)).status == Status.WAITING


async def test_messages_do_not_touch_the_timer(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, guest, conversation_id = await talking(database, factories)
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
    tenant, _, conversation_id = await talking(database, factories)
    other = await factories.visitor(await factories.channel(tenant.enterprise_id))
    waiting = (await talk.write(database, other)).conversation_id
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.release(tx, conversation_id)
    clock.advance(days=2)

    await fire(database, tenant.enterprise_id)

    assert [(await shown_now(database, tenant.admin, one)).status for one in (conversation_id, waiting)] == [Status.WAITING] * 2
    assert await fire(database, tenant.enterprise_id) == []
    for one in (conversation_id, waiting):
        await talk.assign(database, one, tenant.admin)
    clock.advance(minutes=29)
    assert await fire(database, tenant.enterprise_id) == []  # the agent has the whole time, however long they waited
    clock.advance(minutes=1)
    assert sorted(await fire(database, tenant.enterprise_id)) == sorted([conversation_id, waiting])
    assert (await shown_now(database, tenant.admin, waiting)).status == Status.ENDED


async def test_a_warning_comes_a_minute_before(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    await save(database, tenant, minutes=5, warn=True)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    clock.advance(minutes=4)
    before = await shown_now(database, tenant.admin, conversation_id)

    await fire(database, tenant.enterprise_id)

    warned = await shown_now(database, tenant.admin, conversation_id)
    warning = (await talk.messages(database, guest, conversation_id))[-1]
    assert warning.data == {"name": "idle_warning", "ends_at": clock.now().replace(minute=5).isoformat()}
    assert warned == before.model_copy(update={"head": before.head + 1})
    clock.advance(seconds=30)
    await talk.write(database, guest)  # and so it goes on
    clock.advance(seconds=30)
    await fire(database, tenant.enterprise_id)
    clock.advance(minutes=3, seconds=30)
    await fire(database, tenant.enterprise_id)
    assert await _events(database, guest, conversation_id) == ["assigned", "idle_warning", "idle_warning"]
    clock.advance(seconds=59)
    assert await fire(database, tenant.enterprise_id) == []
    clock.advance(seconds=1)
    await fire(database, tenant.enterprise_id)
    assert await _events(database, guest, conversation_id) == ["assigned", "idle_warning", "idle_warning", "ended"]


async def test_a_row_that_somebody_holds_is_left_for_the_next_turn(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, _, conversation_id = await talking(database, factories)
    clock.advance(minutes=30)

    async with database.tenant(tenant.enterprise_id) as holder:
        await service.routed(holder, conversation_id, lock=True)
        async with database.tenant(tenant.enterprise_id) as tx:
            assert await service.end_idle(tx, conversation_id) is None
    assert (await shown_now(database, tenant.admin, conversation_id)).status == Status.ACTIVE

    async with database.tenant(tenant.enterprise_id) as tx:
        assert await service.end_idle(tx, conversation_id) is not None


async def test_the_running_program_looks_by_itself(database: Database, factories: Factories, doors: Doors, clock: FakeClock) -> None:
    _, guest, conversation_id = await talking(database, factories)
    page = await doors.visitor_socket(guest.token)
    await page.send(type="subscribe", topic="mine")
    await page.next("subscribed")

    clock.advance(minutes=30)

    told = (await page.next("conversation"))["conversation"]
    assert (told["id"], told["status"], told["ended_by"]) == (str(conversation_id), "ended", "system")


async def test_what_was_open_before_the_upgrade_is_counted_and_ends(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, guest, conversation_id = await talking(database, factories)
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
    tenant, guest, conversation_id = await talking(database, factories)
    grading = Grading(
        gold=GradeThreshold(customer=3, agent=3), silver=GradeThreshold(customer=3, agent=2), bronze=GradeThreshold(customer=1, agent=1)
    )
    await save(database, tenant, grading=grading)
    for _ in range(2):
        await talk.write(database, guest)
    for _ in range(2):
        await talk.answer(database, tenant.admin, conversation_id)
    last = await talk.answer(database, tenant.admin, conversation_id)
    await talk.note(database, tenant.admin, conversation_id)
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.withdraw(tx, tenant.admin.actor, conversation_id, last.seq, new_id())
    assert (await shown_now(database, tenant.admin, conversation_id)).grade is None

    ended = await talk.end(database, tenant.admin, conversation_id)

    assert ended.grade == Grade.SILVER
    assert (await talk.conversation(database, guest, conversation_id)).grade is None  # no business of the customer's
    await save(database, tenant, version=1, grading=Grading(enabled=False))
    assert (await shown_now(database, tenant.admin, conversation_id)).grade == Grade.SILVER
    assert await talk.drift(database, tenant.enterprise_id) == []
