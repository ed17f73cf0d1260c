"""Scope on sockets: nobody hears what is not theirs."""

from __future__ import annotations

from typing import Any

import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from tests.support import talk
from tests.support.doors import Doors
from tests.support.factories import Factories


@pytest.mark.parametrize("topic", ["queue", "colleagues", "conversation"])
async def test_visitors_have_one_topic(doors: Doors, factories: Factories, topic: str, database: Database) -> None:
    guest = await factories.visitor(await factories.channel((await factories.tenant()).enterprise_id))
    conversation_id = (await talk.write(database, guest)).conversation_id
    socket = await doors.visitor_socket(guest.token)

    for kind in ("subscribe", "unsubscribe"):
        await socket.send(type=kind, topic=topic, conversation_id=conversation_id)
        assert (await socket.next())["code"] == "not_allowed"
    await socket.send(type="unsubscribe", topic="mine")
    assert (await socket.next())["code"] == "not_allowed"


async def test_visitors_do_not_name_a_conversation_to_write_to(doors: Doors, factories: Factories, database: Database) -> None:
    channel = await factories.channel((await factories.tenant()).enterprise_id)
    guest, other = await factories.visitor(channel), await factories.visitor(channel)
    foreign = (await talk.write(database, other)).conversation_id
    socket = await doors.visitor_socket(guest.token)

    await socket.send(type="send", client_message_id=new_id(), conversation_id=foreign, text="hello")

    assert (await socket.next())["code"] == "bad_request"
    assert len(await talk.messages(database, other, foreign)) == 1


async def test_a_visitor_cannot_touch_another_customers_conversation(doors: Doors, factories: Factories, database: Database) -> None:
    channel = await factories.channel((await factories.tenant()).enterprise_id)
    guest, other = await factories.visitor(channel), await factories.visitor(channel)
    foreign = (await talk.write(database, other)).conversation_id
    socket, http = await doors.visitor_socket(guest.token), doors.visitor(guest.token)
    before = await talk.conversation(database, other, foreign)

    await socket.send(type="read", conversation_id=foreign, seq=1)
    assert (await socket.next())["code"] == "not_found"
    await socket.send(type="withdraw", client_message_id=new_id(), conversation_id=foreign, seq=1)
    assert (await socket.next())["code"] == "not_found"
    answers = [
        await http.get(f"/widget/conversations/{foreign}/messages"),
        await http.post(f"/widget/conversations/{foreign}/messages/1/withdraw", json={"client_message_id": str(new_id())}),
        await http.put(f"/widget/conversations/{foreign}/read", json={"seq": 1}),
        await http.post(f"/widget/conversations/{foreign}/end"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert await talk.conversation(database, other, foreign) == before
    assert (await http.get("/widget/conversations")).json() == {"items": [], "next": None}


async def test_the_other_visitor_hears_nothing(doors: Doors, factories: Factories) -> None:
    channel = await factories.channel((await factories.tenant()).enterprise_id)
    guest, other = await factories.visitor(channel), await factories.visitor(channel)
    talking, listening = await doors.visitor_socket(guest.token), await doors.visitor_socket(other.token)
    for socket in (talking, listening):
        await socket.send(type="subscribe", topic="mine")
        await socket.next("subscribed")

    for _ in range(3):
        await talking.send(type="send", client_message_id=new_id(), text="你好")
        await talking.next("ack")
    await talking.send(type="typing", text="在写")

    assert await listening.settle() == []


async def test_what_an_agent_hears_by_scope(doors: Doors, factories: Factories, database: Database) -> None:
    tenant = await factories.tenant()
    serving = await factories.agent(tenant.enterprise_id)
    group = await factories.group(tenant.enterprise_id, serving.id)
    outsider = await factories.agent(tenant.enterprise_id)
    far = await factories.group(tenant.enterprise_id, outsider.id)
    watchers = {
        "all": tenant.admin,
        "its group": await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.GROUPS, frozenset({group}))),
        "another group": await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.GROUPS, frozenset({far}))),
        "self": await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.SELF)),
        "plain": outsider,
    }
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, serving)
    heard: dict[str, list[Any]] = {}
    sockets = {name: await doors.agent_socket(member) for name, member in watchers.items()}
    for socket in sockets.values():
        await socket.send(type="subscribe", topic="mine")
        await socket.send(type="subscribe", topic="colleagues")
        await socket.settle()
        socket.frames.clear()

    await talk.write(database, guest, "谁听得见？")

    for name, socket in sockets.items():
        heard[name] = [frame["text"] for frame in await socket.settle() if frame["type"] == "message"]
        http = doors.agent(watchers[name])
        status = (await http.get(f"/conversations/{conversation_id}/messages")).status_code
        assert status == (200 if heard[name] else 404), name
        listed = (await http.get("/conversations?view=colleagues")).json().get("items", [])
        assert [row["id"] for row in listed] == ([str(conversation_id)] if heard[name] else []), name
    assert heard == {"all": ["谁听得见？"], "its group": ["谁听得见？"], "another group": [], "self": [], "plain": []}


async def test_another_enterprise_hears_nothing(doors: Doors, factories: Factories, database: Database) -> None:
    ours, theirs = await factories.tenant(), await factories.tenant()
    guest = await factories.visitor(await factories.channel(ours.enterprise_id))
    conversation_id = (await talk.write(database, guest)).conversation_id
    socket = await doors.agent_socket(theirs.admin)
    for topic in ("mine", "queue", "colleagues"):
        await socket.send(type="subscribe", topic=topic)
        assert (await socket.next("subscribed"))["conversations"] == []
    await socket.send(type="subscribe", topic="conversation", conversation_id=conversation_id)
    assert (await socket.next("error"))["code"] == "not_found"
    await socket.settle()
    socket.frames.clear()

    await talk.write(database, guest)
    await talk.assign(database, conversation_id, ours.admin)
    await talk.answer(database, ours.admin, conversation_id)

    assert await socket.settle() == []
    await socket.send(type="send", client_message_id=new_id(), conversation_id=conversation_id, text="fremd")
    assert (await socket.next("error"))["code"] == "not_found"


async def test_who_watched_it_in_the_queue_hears_no_more_once_a_colleague_serves_it(
    doors: Doors, factories: Factories, database: Database
) -> None:
    tenant = await factories.tenant()
    watching, serving = [await factories.agent(tenant.enterprise_id) for _ in range(2)]
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    for member in (watching, tenant.admin):
        assert (await doors.agent(member).put("/presence/me", json={"status": "away"})).status_code == 200
    conversation_id = (await talk.write(database, guest)).conversation_id
    socket, all_seeing = await doors.agent_socket(watching), await doors.agent_socket(tenant.admin)
    for watcher in (socket, all_seeing):
        await watcher.send(type="subscribe", topic="conversation", conversation_id=conversation_id)
    for watcher in (socket, all_seeing):
        await watcher.settle()
    await talk.assign(database, conversation_id, serving)
    await socket.settle()
    await all_seeing.settle()
    gone = [frame for frame in socket.frames if frame["type"] == "conversation_gone"]
    for watcher in (socket, all_seeing):
        watcher.frames.clear()

    await talk.answer(database, serving, conversation_id, "只给看得见的人")

    assert {"type": "conversation_gone", "conversation_id": str(conversation_id), "topic": "conversation"} in gone
    assert await socket.settle() == []
    assert [frame["text"] for frame in await all_seeing.settle() if frame["type"] == "message"] == ["只给看得见的人"]


async def test_a_visitor_never_learns_the_name_agents_gave_them(doors: Doors, factories: Factories, database: Database) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    visitor, agent = await doors.visitor_socket(guest.token), await doors.agent_socket(tenant.admin)
    await visitor.send(type="subscribe", topic="mine")
    await visitor.send(type="send", client_message_id=new_id(), text="你好")
    seen = await agent.next("conversation")
    shown = seen["conversation"]["customer"]["name"]
    conversation_id = seen["conversation"]["id"]

    assert (await doors.agent(tenant.admin).post(f"/conversations/{conversation_id}/end")).status_code == 200
    http = doors.visitor(guest.token)
    listed = (await http.get("/widget/conversations")).text
    await visitor.settle()

    assert shown != ""
    frames = [frame for frame in visitor.frames if frame["type"] == "conversation"]
    assert frames
    assert {frame["conversation"]["customer"]["name"] for frame in frames} == {""}
    assert shown not in str(visitor.frames)
    assert shown not in listed


async def test_an_id_written_beside_another_topic_is_not_said_back(doors: Doors, factories: Factories) -> None:
    guest = await factories.visitor(await factories.channel((await factories.tenant()).enterprise_id))
    socket = await doors.visitor_socket(guest.token)

    await socket.send(type="subscribe", topic="mine", conversation_id=new_id())

    assert await socket.next() == {"type": "subscribed", "topic": "mine", "conversations": []}
