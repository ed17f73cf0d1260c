from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.throttle import Rate
from qiatan.kit.access import Scope, ScopeKind
from qiatan.kit.errors import Fault, InvalidInput
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import MessageKind, SenderKind, SendMessage, Status
from qiatan.modules.conversations.errors import ConversationEnded, ConversationNotFound, NotYours
from qiatan.modules.conversations.service import sending
from tests.support import talk
from tests.support.doors import Doors
from tests.support.factories import Factories


async def test_the_first_message_opens_a_conversation_that_waits(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))

    ack = await talk.write(database, guest, "有蓝色的吗？")

    opened = await talk.conversation(database, guest, ack.conversation_id)
    assert (ack.seq, opened.status, opened.head, opened.assignee_id) == (1, Status.WAITING, 1, None)
    assert (opened.agent_unread, opened.customer_unread) == (1, 0)
    assert opened.last is not None
    assert (opened.last.seq, opened.last.preview, opened.last.sender_kind) == (1, "有蓝色的吗？", SenderKind.CUSTOMER)
    assert opened.unanswered_since == ack.at
    assert [(m.seq, m.text, m.sender_id) for m in await talk.messages(database, guest, opened.id)] == [
        (1, "有蓝色的吗？", guest.customer_id)
    ]


async def test_the_second_message_goes_into_the_open_conversation(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))

    first, second = await talk.write(database, guest), await talk.write(database, guest)

    assert (second.conversation_id, second.seq) == (first.conversation_id, 2)


async def test_twenty_first_messages_at_once_open_one_conversation(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))

    acks = await asyncio.gather(*(talk.write(database, guest, f"第 {number} 条") for number in range(20)))

    assert len({ack.conversation_id for ack in acks}) == 1
    assert sorted(ack.seq for ack in acks) == list(range(1, 21))
    assert await talk.gaps(database, tenant.enterprise_id) == []
    assert await talk.drift(database, tenant.enterprise_id) == []


async def test_twenty_tries_of_one_first_message_are_one_message(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    message_id = new_id()

    acks = await asyncio.gather(*(talk.write(database, guest, message_id=message_id) for _ in range(20)))

    assert len(set(acks)) == 1 or Counter((ack.conversation_id, ack.seq) for ack in acks) == {(acks[0].conversation_id, 1): 20}
    assert len(await talk.stored(database, tenant.enterprise_id)) == 1


async def test_a_message_after_the_end_opens_a_new_conversation(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    first = await talk.served(database, guest, tenant.admin)
    await talk.end(database, tenant.admin, first)

    ack = await talk.write(database, guest, "还在吗？")

    assert (ack.conversation_id != first, ack.seq) == (True, 1)
    assert (await talk.conversation(database, guest, first)).status is Status.ENDED
    assert (await talk.conversation(database, guest, ack.conversation_id)).status is Status.WAITING


async def test_a_repeat_after_the_end_returns_the_first_result(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    message_id = new_id()
    first = await talk.write(database, guest, message_id=message_id)
    await talk.assign(database, first.conversation_id, tenant.admin)
    await talk.end(database, tenant.admin, first.conversation_id)
    before = await talk.stored(database, tenant.enterprise_id)

    again = await talk.write(database, guest, message_id=message_id)

    assert again == first
    assert await talk.stored(database, tenant.enterprise_id) == before


async def test_an_agents_repeat_returns_the_first_result(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    message_id = new_id()

    first = await talk.answer(database, tenant.admin, conversation_id, message_id=message_id)
    await talk.end(database, tenant.admin, conversation_id)
    again = await talk.answer(database, tenant.admin, conversation_id, "something else", message_id=message_id)

    assert again == first
    assert [m.text for m in await talk.messages(database, guest, conversation_id) if m.sender_kind is SenderKind.AGENT] == ["您好"]


async def test_two_senders_may_use_the_same_client_message_id(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    channel = await factories.channel(tenant.enterprise_id)
    message_id = new_id()

    acks = [await talk.write(database, await factories.visitor(channel), message_id=message_id) for _ in range(2)]

    assert acks[0].conversation_id != acks[1].conversation_id
    assert [ack.seq for ack in acks] == [1, 1]


async def test_an_agent_writes_only_where_they_serve(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    mine, theirs = [await factories.agent(tenant.enterprise_id) for _ in range(2)]
    seeing = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL))
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, theirs)
    before = await talk.stored(database, tenant.enterprise_id)

    with pytest.raises(ConversationNotFound):
        await talk.answer(database, mine, conversation_id)
    with pytest.raises(NotYours):
        await talk.answer(database, seeing, conversation_id)
    with pytest.raises(ConversationNotFound):
        await talk.answer(database, mine, new_id())
    await talk.end(database, theirs, conversation_id)
    with pytest.raises(ConversationEnded):
        await talk.answer(database, theirs, conversation_id)

    after = await talk.stored(database, tenant.enterprise_id)
    assert after[: len(before)] == before
    assert [text for _, _, text in after[len(before) :]] == [None]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (SendMessage(client_message_id=new_id(), text=None), "empty"),
        (SendMessage(client_message_id=new_id(), text=" \n\t "), "empty"),
        (SendMessage(client_message_id=new_id(), text="字" * 5_001), "too_long"),
        (SendMessage(client_message_id=new_id(), text="a\x00b"), "invalid_text"),
        (SendMessage(client_message_id=new_id(), kind=MessageKind.PICTURE), "missing"),
        (SendMessage(client_message_id=new_id(), kind=MessageKind.EVENT, text="x"), "invalid"),
        (SendMessage(client_message_id=new_id(), kind=MessageKind.WITHDRAWAL, text="x"), "invalid"),
        (SendMessage(client_message_id=new_id(), text="x", file_id=new_id()), "unknown"),
    ],
)
async def test_what_is_no_message_is_refused_and_opens_nothing(
    database: Database, factories: Factories, message: SendMessage, code: str
) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))

    with pytest.raises(InvalidInput) as refused:
        async with database.tenant(tenant.enterprise_id) as tx:
            await service.send_own(tx, guest.actor, message)

    assert [problem.code for problem in refused.value.fields] == [code]
    async with database.tenant(tenant.enterprise_id) as tx:
        assert (await service.list_own(tx, guest.actor)).items == []


async def test_five_thousand_characters_and_any_direction_pass_as_they_are(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    texts = ["😀" * 5_000, "<script>alert(1)</script>", "abc\u202edcba", "  两边有空格  ", "第一行\n第二行"]

    acks = [await talk.write(database, guest, written) for written in texts]

    assert [m.text for m in await talk.messages(database, guest, acks[0].conversation_id)] == texts


async def test_a_foreign_picture_cannot_be_sent(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    message = SendMessage(client_message_id=new_id(), kind=MessageKind.PICTURE, file_id=new_id())

    with pytest.raises(Fault) as refused:
        async with database.tenant(tenant.enterprise_id) as tx:
            await service.send_own(tx, guest.actor, message)

    assert refused.value.code == "file_not_found"
    async with database.tenant(tenant.enterprise_id) as tx:
        assert (await service.list_own(tx, guest.actor)).items == []


async def test_a_conversation_is_ended_once_by_either_side(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    channel = await factories.channel(tenant.enterprise_id)
    guest, other = await factories.visitor(channel), await factories.visitor(channel)
    conversation_id = await talk.served(database, guest, tenant.admin)

    async with database.tenant(tenant.enterprise_id) as tx:
        with pytest.raises(ConversationNotFound):
            await service.end_own(tx, other.actor, conversation_id)
    async with database.tenant(tenant.enterprise_id) as tx:
        ended = await service.end_own(tx, guest.actor, conversation_id)

    assert (ended.status, ended.ended_by, ended.unanswered_since) == (Status.ENDED, SenderKind.CUSTOMER, None)
    assert (await talk.messages(database, guest, conversation_id))[-1].data == {"name": "ended", "by": "customer"}
    with pytest.raises(ConversationEnded):
        await talk.end(database, tenant.admin, conversation_id)
    assert await talk.gaps(database, tenant.enterprise_id) == []


async def test_both_sides_ending_at_once_end_it_once(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)

    async def end_own() -> None:
        async with database.tenant(tenant.enterprise_id) as tx:
            await service.end_own(tx, guest.actor, conversation_id)

    results = await asyncio.gather(
        *(end_own() for _ in range(3)), *(talk.end(database, tenant.admin, conversation_id) for _ in range(3)), return_exceptions=True
    )

    assert sorted(isinstance(result, ConversationEnded) for result in results) == [False] + [True] * 5
    names = [message.data["name"] for message in await talk.messages(database, guest, conversation_id) if message.data]
    assert names == ["assigned", "ended"]


async def test_a_colleague_does_not_end_it(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, agent)

    with pytest.raises(NotYours):
        await talk.end(database, tenant.admin, conversation_id)

    assert (await talk.conversation(database, guest, conversation_id)).status is Status.ACTIVE


async def test_what_one_agent_writes_is_counted_at_every_door_together(
    database: Database, factories: Factories, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (service, sending):
        monkeypatch.setattr(place, "AGENT_MESSAGES", Rate(burst=4, per_minute=0.001))
    tenant = await factories.tenant()
    colleague = await factories.agent(tenant.enterprise_id)
    channel = await factories.channel(tenant.enterprise_id)
    ids = [await talk.served(database, await factories.visitor(channel), member) for member in (tenant.admin, colleague)]
    http, page = doors.agent(tenant.admin), await doors.agent_socket(tenant.admin)
    there = f"/conversations/{ids[0]}"

    async def write(*, to: httpx.AsyncClient = http, path: str = f"{there}/messages", **more: object) -> tuple[int, str | None]:
        answer = await to.post(path, json={"client_message_id": str(new_id()), **more})
        return answer.status_code, answer.json().get("error", {}).get("code")

    assert await write(text="一") == (200, None)
    assert await write(path=f"{there}/messages/3/edit", text="二") == (200, None)
    assert await write(path=f"{there}/messages/3/withdraw") == (200, None)
    assert await write(path=f"{there}/notes", text="三") == (200, None)
    before = await talk.read(database, tenant.admin, ids[0])

    refused = [
        await write(text="四"),
        await write(path=f"{there}/messages/6/edit", text="五"),
        await write(path=f"{there}/messages/6/withdraw"),
        await write(path=f"{there}/notes", text="六"),
    ]
    await page.send(type="send", client_message_id=str(new_id()), conversation_id=str(ids[0]), text="七")

    assert refused == [(429, "too_many")] * 4
    assert (await page.next("error"))["code"] == "too_many"
    assert await talk.read(database, tenant.admin, ids[0]) == before
    assert await write(to=doors.agent(colleague), path=f"/conversations/{ids[1]}/messages", text="八") == (200, None)
