from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import Ack, MessageKind
from qiatan.modules.conversations.errors import ConversationEnded, ConversationNotFound, TooLate
from tests.modules.files.pictures import png
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member


async def withdraw_own(database: Database, guest: Guest, conversation_id: UUID, seq: int, message_id: UUID | None = None) -> Ack:
    async with database.tenant(guest.actor.enterprise_id) as tx:
        return await service.withdraw_own(tx, guest.actor, conversation_id, seq, message_id or new_id())


async def withdraw(database: Database, member: Member, conversation_id: UUID, seq: int) -> Ack:
    async with database.tenant(member.enterprise_id) as tx:
        return await service.withdraw(tx, member.actor, conversation_id, seq, new_id())


async def test_of_a_withdrawn_message_only_the_fact_remains(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin, "geheim")
    clock.advance(minutes=2)

    ack = await withdraw_own(database, guest, conversation_id, 1)

    first, _, third = await talk.messages(database, guest, conversation_id)
    assert (ack.seq, third.kind, third.data) == (3, MessageKind.WITHDRAWAL, {"ref_seq": 1})
    assert (first.withdrawn, first.text, first.data) == (True, None, None)
    async with database.tenant(tenant.enterprise_id) as tx:
        page = await service.messages(tx, tenant.admin.actor, conversation_id, after_seq=None, before_seq=3, limit=2)
    assert [(m.seq, m.withdrawn, m.text) for m in page.items] == [(1, True, None), (2, False, None)]
    shown = await talk.conversation(database, guest, conversation_id)
    assert shown.last is not None
    assert "geheim" not in shown.last.preview
    assert await talk.drift(database, tenant.enterprise_id) == []


async def test_too_late(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    clock.advance(minutes=2, microseconds=1)
    before = await talk.messages(database, guest, conversation_id)

    with pytest.raises(TooLate):
        await withdraw_own(database, guest, conversation_id, 1)

    assert await talk.messages(database, guest, conversation_id) == before


async def test_others_events_and_withdrawals_cannot_be_withdrawn(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    answer = await talk.answer(database, tenant.admin, conversation_id)
    withdrawn = await withdraw_own(database, guest, conversation_id, 1)
    before = await talk.messages(database, guest, conversation_id)

    for seq in (1, 2, answer.seq, withdrawn.seq):
        with pytest.raises(TooLate):
            await withdraw_own(database, guest, conversation_id, seq)
    for seq in (1, 2):
        with pytest.raises(TooLate):
            await withdraw(database, tenant.admin, conversation_id, seq)
    for seq in (0, 99):
        with pytest.raises(ConversationNotFound):
            await withdraw_own(database, guest, conversation_id, seq)
    assert await talk.messages(database, guest, conversation_id) == before


async def test_what_was_taken_back_was_no_answer(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    asked = await talk.write(database, guest)
    conversation_id = asked.conversation_id
    await talk.assign(database, conversation_id, tenant.admin)
    clock.advance(seconds=20)
    dots = [(await talk.answer(database, tenant.admin, conversation_id, ".")).seq]
    clock.advance(seconds=5)
    await talk.write(database, guest, "在吗")
    dots.append((await talk.answer(database, tenant.admin, conversation_id, "..")).seq)
    second = clock.now()

    await withdraw(database, tenant.admin, conversation_id, dots[0])
    shown = await talk.conversation(database, guest, conversation_id)
    assert (shown.replied_at, shown.unanswered_since) == (second, None)
    await withdraw(database, tenant.admin, conversation_id, dots[1])

    before, shown = shown, await talk.conversation(database, guest, conversation_id)
    assert (shown.replied_at, shown.unanswered_since) == (None, asked.at)
    assert shown.version == before.version + 1
    clock.advance(seconds=40)
    await talk.answer(database, tenant.admin, conversation_id, "您好")
    shown = await talk.conversation(database, guest, conversation_id)
    assert (shown.replied_at, shown.unanswered_since) == (clock.now(), None)
    assert await talk.drift(database, tenant.enterprise_id) == []


async def test_a_note_or_a_later_answer_taken_back_changes_nothing_of_that(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    await talk.answer(database, tenant.admin, conversation_id)
    answered = clock.now()
    clock.advance(seconds=1)
    note = await talk.note(database, tenant.admin, conversation_id)
    later = await talk.answer(database, tenant.admin, conversation_id)
    version = (await talk.conversation(database, guest, conversation_id)).version

    for seq in (note.seq, later.seq):
        await withdraw(database, tenant.admin, conversation_id, seq)

    shown = await talk.conversation(database, guest, conversation_id)
    assert (shown.replied_at, shown.unanswered_since, shown.version) == (answered, None, version)


async def test_who_took_back_their_question_waits_for_no_answer(
    doors: Doors, database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    clock.advance(seconds=5)
    second = await talk.write(database, guest)
    page = await doors.agent_socket(tenant.admin)
    await page.send(type="subscribe", topic="mine")
    await page.next("subscribed")

    await withdraw_own(database, guest, conversation_id, 1)
    assert (await talk.conversation(database, guest, conversation_id)).unanswered_since == second.at
    await withdraw_own(database, guest, conversation_id, second.seq)

    shown = await talk.conversation(database, guest, conversation_id)
    assert (shown.status, shown.unanswered_since, shown.replied_at) == ("active", None, None)
    told = [frame["conversation"] for frame in await page.settle() if frame["type"] == "conversation"]
    assert [(one["head"], one["unanswered_since"] is None) for one in told] == [(4, False), (5, True)]


@pytest.mark.parametrize("seq", ["-1", "2147483648", "99999999999999999999", "1.5", "x", "%00"])
async def test_a_seq_that_cannot_be(doors: Doors, database: Database, factories: Factories, seq: str) -> None:
    guest = await factories.visitor(await factories.channel((await factories.tenant()).enterprise_id))
    conversation_id = (await talk.write(database, guest)).conversation_id
    path = f"/widget/conversations/{conversation_id}/messages/{seq}/withdraw"

    answer = await doors.visitor(guest.token).post(path, json={"client_message_id": str(new_id())})

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_input")


async def test_twice_at_once_is_once_and_a_repeat_returns_the_first_result(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    message_id = new_id()

    first = await withdraw_own(database, guest, conversation_id, 1, message_id)
    again = await withdraw_own(database, guest, conversation_id, 1, message_id)
    second = (await talk.write(database, guest)).seq
    results = await asyncio.gather(*(withdraw_own(database, guest, conversation_id, second) for _ in range(4)), return_exceptions=True)

    assert first == again
    assert sorted(isinstance(result, TooLate) for result in results) == [False, True, True, True]
    assert len([m for m in await talk.messages(database, guest, conversation_id) if m.kind is MessageKind.WITHDRAWAL]) == 2


async def test_not_after_the_end(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    await talk.end(database, tenant.admin, conversation_id)

    with pytest.raises(ConversationEnded):
        await withdraw_own(database, guest, conversation_id, 1)


async def test_a_withdrawn_picture_is_gone_and_its_removal_is_part_of_the_transaction(
    doors: Doors, database: Database, factories: Factories
) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    http = doors.visitor(guest.token)
    file_id = (await http.post("/widget/files", files={"file": ("a.png", png(), "image/png")})).json()["id"]
    body = {"client_message_id": str(new_id()), "kind": "picture", "file_id": file_id}
    sent = (await http.post("/widget/messages", json=body)).json()
    conversation_id = UUID(sent["conversation_id"])
    jobs = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name LIKE 'files.%'")
    assert (await http.get(f"/widget/files/{file_id}")).status_code == 200

    async with database.system() as tx:
        before = (await tx.session.execute(jobs)).scalar_one()
    with pytest.raises(RuntimeError):  # noqa: PT012 -- what fails is the end of the block
        async with database.tenant(tenant.enterprise_id) as tx:
            await service.withdraw_own(tx, guest.actor, conversation_id, 1, new_id())
            assert (await tx.session.execute(jobs)).scalar_one() > before
            raise RuntimeError
    async with database.system() as tx:
        undone = (await tx.session.execute(jobs)).scalar_one()
    assert (await http.get(f"/widget/files/{file_id}")).status_code == 200
    await withdraw_own(database, guest, conversation_id, 1)
    async with database.system() as tx:
        after = (await tx.session.execute(jobs)).scalar_one()

    assert undone == before
    assert after > before
    assert (await http.get(f"/widget/files/{file_id}")).status_code == 404
    assert (await talk.messages(database, guest, conversation_id))[0].data is None
