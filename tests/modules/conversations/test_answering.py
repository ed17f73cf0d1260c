"""Answering a certain message: the answer points at it, on both sides."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.errors import InvalidInput
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import Ack, SendMessage
from tests.support import talk
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member


async def _answer(database: Database, who: Member | Guest, conversation_id: UUID, reply_to: int) -> Ack:
    message = SendMessage(client_message_id=new_id(), text="dazu", reply_to=reply_to)
    async with database.tenant(who.actor.enterprise_id) as tx:
        if isinstance(who, Guest):
            return await service.send_own(tx, who.actor, message)
        return await service.send(tx, who.actor, conversation_id, message)


async def test_both_sides_get_what_is_answered(database: Database, factories: Factories, doors: Doors) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    page, widget = await doors.agent_socket(tenant.admin), await doors.visitor_socket(guest.token)
    for one in (page, widget):
        await one.send(type="subscribe", topic="mine")
        await one.next("subscribed")

    await page.send(type="send", client_message_id=new_id(), conversation_id=conversation_id, text="dazu", reply_to=1)
    ack = await page.next("ack")
    await widget.next("message")
    await widget.send(type="send", client_message_id=new_id(), text="und dazu", reply_to=ack["seq"])
    await widget.next("ack")

    heard = [await page.next("message") for _ in range(2)]
    assert [(frame["text"], frame["data"]) for frame in heard] == [
        ("dazu", {"reply_to": {"seq": 1}}),
        ("und dazu", {"reply_to": {"seq": 3}}),
    ]
    for reader in (await talk.read(database, tenant.admin, conversation_id), await talk.messages(database, guest, conversation_id)):
        assert [message.data for message in reader[2:]] == [{"reply_to": {"seq": 1}}, {"reply_to": {"seq": 3}}]


async def test_only_what_a_person_wrote_in_this_conversation(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    channel = await factories.channel(tenant.enterprise_id)
    guest, other = await factories.visitor(channel), await factories.visitor(channel)
    conversation_id = await talk.served(database, guest, tenant.admin)
    elsewhere = await talk.served(database, other, tenant.admin)
    for _ in range(6):
        await talk.write(database, other)
    note = await talk.note(database, tenant.admin, conversation_id)
    before = await talk.read(database, tenant.admin, conversation_id)

    for seq in (2, note.seq, note.seq + 1, 8):  # an event, a note, nothing, another conversation's
        for who in (tenant.admin, guest):
            with pytest.raises(InvalidInput) as refused:
                await _answer(database, who, conversation_id, seq)
            assert [problem.field for problem in refused.value.fields] == ["reply_to"]

    assert await talk.read(database, tenant.admin, conversation_id) == before
    assert len(await talk.read(database, tenant.admin, elsewhere)) == 8


async def test_a_note_may_answer_a_note(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    first = await talk.note(database, tenant.admin, conversation_id, reply_to=1)

    second = await talk.note(database, tenant.admin, conversation_id, reply_to=first.seq)

    told = {message.seq: message.data for message in await talk.read(database, tenant.admin, conversation_id)}
    assert (told[first.seq], told[second.seq]) == ({"reply_to": {"seq": 1}}, {"reply_to": {"seq": first.seq}})
    assert [message.data for message in (await talk.messages(database, guest, conversation_id))[2:]] == [None, None]


async def test_a_message_that_opens_a_new_conversation_is_kept_without_its_quote(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    ended = await talk.served(database, guest, tenant.admin)
    await talk.end(database, tenant.admin, ended)

    ack = await _answer(database, guest, ended, 1)

    assert ack.conversation_id != ended
    assert [(message.text, message.data) for message in await talk.messages(database, guest, ack.conversation_id)] == [("dazu", None)]


@pytest.mark.parametrize("given", [0, -1, 2_000_000_001, 1.5])
async def test_a_number_that_is_none(doors: Doors, database: Database, factories: Factories, given: Any) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)

    answer = await doors.agent(tenant.admin).post(
        f"/conversations/{conversation_id}/messages", json={"client_message_id": str(new_id()), "text": "dazu", "reply_to": given}
    )
    page = await doors.agent_socket(tenant.admin)
    await page.send(type="send", client_message_id=new_id(), conversation_id=conversation_id, text="dazu", reply_to=given)

    assert (answer.status_code, answer.json()["error"]["fields"][0]["field"]) == (422, "reply_to")
    assert (await page.next("error"))["code"] == "bad_frame"
