"""Internal notes: for agents only, on every way there is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qiatan.entrypoints import polling
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from qiatan.kit.errors import InvalidInput
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import MessageKind, SenderKind
from qiatan.modules.conversations.errors import ConversationEnded, ConversationNotFound, NotYours
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories

SECRET = "这位顾客上次投诉过"
NAME = "沈主管秘"


async def test_agents_read_it_and_the_conversation_stays_as_its_customer_sees_it(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, agent)
    before = await talk.conversation(database, guest, conversation_id)
    clock.advance(minutes=1)

    ack = await talk.note(database, agent, conversation_id, SECRET)
    whisper = await talk.note(database, tenant.admin, conversation_id, "慢慢来")

    written = {message.seq: message for message in await talk.read(database, agent, conversation_id)}
    assert (written[ack.seq].kind, written[ack.seq].sender_id, written[ack.seq].text) == (MessageKind.NOTE, agent.id, SECRET)
    assert (written[whisper.seq].sender_id, written[whisper.seq].text) == (tenant.admin.id, "慢慢来")
    after = await talk.conversation(database, guest, conversation_id)
    assert after == before.model_copy(update={"head": whisper.seq, "version": before.version + 1})
    async with database.tenant(tenant.enterprise_id) as tx:
        routed = await service.routed(tx, conversation_id)
        shown = await service.get(tx, agent.actor, conversation_id)
    assert routed is not None
    assert routed.replied_at is None  # a note is no answer
    assert [(person.id, person.internal) for person in shown.participants] == [(agent.id, False), (tenant.admin.id, True)]
    assert await talk.drift(database, tenant.enterprise_id) == []
    assert await talk.gaps(database, tenant.enterprise_id) == []
    async with database.system() as tx:
        assert await service.count_drift(tx) == 0


async def test_a_repeat_gets_the_first_result(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    message_id = new_id()

    first = await talk.note(database, tenant.admin, conversation_id, message_id=message_id)
    again = await talk.note(database, tenant.admin, conversation_id, "anders", message_id=message_id)

    assert again == first
    assert [message.kind for message in await talk.read(database, tenant.admin, conversation_id)].count(MessageKind.NOTE) == 1


async def test_a_repeat_gets_the_first_result_also_from_who_serves_it_no_more(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    points = frozenset({"conversations.serve", "conversations.view_colleagues"})
    agent = await factories.agent(tenant.enterprise_id, points=points, scope=Scope(ScopeKind.ALL))
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, agent)
    message_id = new_id()
    first = await talk.note(database, agent, conversation_id, message_id=message_id)
    await talk.transfer(database, conversation_id, agent, tenant.admin)

    again = await talk.note(database, agent, conversation_id, message_id=message_id)

    assert again == first
    with pytest.raises(NotYours):
        await talk.note(database, agent, conversation_id)
    assert [message.kind for message in await talk.read(database, tenant.admin, conversation_id)].count(MessageKind.NOTE) == 1


async def test_who_may_not_write_one(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    agent, colleague = [await factories.agent(tenant.enterprise_id) for _ in range(2)]
    group = await factories.group(tenant.enterprise_id, agent.id)
    scope = Scope(ScopeKind.GROUPS, frozenset({group}))
    viewer = await factories.agent(
        tenant.enterprise_id, points=frozenset({"conversations.serve", "conversations.view_colleagues"}), scope=scope
    )
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, agent)
    before = await talk.conversation(database, guest, conversation_id)

    with pytest.raises(ConversationNotFound):
        await talk.note(database, colleague, conversation_id)
    with pytest.raises(NotYours):
        await talk.note(database, viewer, conversation_id)
    for words in ("", " ", "长" * 5_001, "a\x00"):
        with pytest.raises(InvalidInput):
            await talk.note(database, agent, conversation_id, words)
    assert await talk.conversation(database, guest, conversation_id) == before

    await talk.end(database, agent, conversation_id)
    with pytest.raises(ConversationEnded):
        await talk.note(database, agent, conversation_id)


async def test_no_byte_of_it_reaches_the_customer_on_any_way(
    database: Database, factories: Factories, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text and author, and the note's withdrawal, by HTTP, socket and long polling; agents get all of it."""
    monkeypatch.setattr(polling, "WAIT_SECONDS", 0.3)
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id, name="顾言")
    leader = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL), name=NAME)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, agent)
    socket, page = await doors.visitor_socket(guest.token), await doors.agent_socket(agent)
    for one in (socket, page):
        await one.send(type="subscribe", topic="mine")
        await one.next("subscribed")
    http = doors.stranger(headers={"Authorization": f"Bearer {guest.token}"})
    poll = (await http.post("/poll", json={"hello": {"protocol": 1, "token": guest.token}})).json()["poll_id"]
    polled: list[dict[str, Any]] = []

    async def look(*frames: dict[str, Any]) -> None:
        answer = await http.post(f"/poll/{poll}", json={"frames": list(frames)})
        assert answer.status_code == 200, answer.text
        polled.extend(answer.json()["frames"])

    await look({"type": "subscribe", "topic": "mine"})
    supervisor = doors.agent(leader)
    message_id = str(new_id())
    note = await supervisor.post(f"/conversations/{conversation_id}/notes", json={"client_message_id": message_id, "text": SECRET})
    assert note.status_code == 200, note.text
    assert (await supervisor.post(f"/conversations/{conversation_id}/join")).status_code == 200
    withdrawn = await supervisor.post(
        f"/conversations/{conversation_id}/messages/{note.json()['seq']}/withdraw", json={"client_message_id": str(new_id())}
    )
    assert withdrawn.status_code == 200, withdrawn.text
    again = await supervisor.post(f"/conversations/{conversation_id}/notes", json={"client_message_id": str(new_id()), "text": SECRET})
    assert (await supervisor.delete(f"/conversations/{conversation_id}/join")).status_code == 200
    await talk.answer(database, agent, conversation_id, "您好")

    heard = await socket.settle()
    while not any(frame["type"] == "message" and frame["text"] == "您好" for frame in polled):
        await look()
    pages = [
        await http.get("/widget/conversations"),
        await http.get(f"/widget/conversations/{conversation_id}/messages?after_seq=0"),
        await http.get(f"/widget/conversations/{conversation_id}/messages?before_seq={again.json()['seq'] + 1}"),
    ]
    told = json.dumps([heard, polled, *(page.json() for page in pages)], ensure_ascii=False)
    for word in (SECRET, NAME, str(leader.id), message_id, "whisper", 'joined"', '"left"'):
        assert word not in told, word
    items = pages[1].json()["items"]
    assert [item["seq"] for item in items] == list(range(1, 9))
    blank = {"sender_kind": "system", "sender_id": None, "client_message_id": None, "text": None, "data": None, "withdrawn": False}
    assert [item["seq"] for item in items if item["kind"] == "note"] == [3, 4, 5, 6, 7]
    for frames in (heard, polled):
        notes = [frame for frame in frames if frame["type"] == "message" and frame["kind"] == "note"]
        assert [frame["seq"] for frame in notes] == [3, 4, 5, 6, 7]
        assert all({key: frame[key] for key in blank} == blank for frame in notes)
    assert all({key: item[key] for key in blank} == blank for item in items if item["kind"] == "note")

    agents = [frame for frame in await page.settle() if frame["type"] == "message"]
    assert [(frame["seq"], frame["kind"]) for frame in agents if frame["seq"] in (3, 5, 6)] == [(3, "note"), (5, "withdrawal"), (6, "note")]
    assert [frame["text"] for frame in agents if frame["kind"] == "note"] == [SECRET, SECRET]


async def test_withdrawing_one_is_for_its_writer_and_touches_no_count(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, agent)
    await talk.answer(database, agent, conversation_id)
    ack = await talk.note(database, tenant.admin, conversation_id, SECRET)
    before = await talk.conversation(database, guest, conversation_id)

    async with database.tenant(tenant.enterprise_id) as tx:
        taken = await service.withdraw(tx, tenant.admin.actor, conversation_id, ack.seq, new_id())

    note, withdrawal = (await talk.read(database, agent, conversation_id))[-2:]
    assert (note.kind, note.withdrawn, note.text) == (MessageKind.NOTE, True, None)
    assert (withdrawal.kind, withdrawal.sender_kind, withdrawal.data) == (
        MessageKind.WITHDRAWAL,
        SenderKind.AGENT,
        {"ref_seq": ack.seq, "note": True},
    )
    assert await talk.conversation(database, guest, conversation_id) == before.model_copy(update={"head": taken.seq})
    assert await talk.drift(database, tenant.enterprise_id) == []
    async with database.system() as tx:
        assert await service.count_drift(tx) == 0
