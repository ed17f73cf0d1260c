"""A visitor and an agent talk over sockets."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any
from uuid import UUID

from sqlalchemy import text
from structlog.testing import capture_logs

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.realtime import connection as connections
from tests.support import talk
from tests.support.doors import Doors
from tests.support.factories import Factories
from tests.support.sockets import SocketClient


async def _both(doors: Doors, factories: Factories) -> tuple[Any, Any, SocketClient, SocketClient]:
    """An agent and a visitor, connected, with the views their pages open."""
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    visitor, agent = await doors.visitor_socket(guest.token), await doors.agent_socket(tenant.admin)
    for socket in (visitor, agent):
        await socket.send(type="subscribe", topic="mine")
        await socket.settle()
        socket.frames.clear()
    return tenant.admin, guest, visitor, agent


async def _assigned(visitor: SocketClient, agent: SocketClient) -> str:
    """The visitor writes first, the agent gets it; returns the conversation's id."""
    await visitor.send(type="send", client_message_id=new_id(), text="你好")
    await visitor.next("ack")
    shown = await agent.next("conversation")
    while (await visitor.next("conversation"))["conversation"]["assignee_id"] is None:
        pass
    for socket in (visitor, agent):
        await socket.settle()
        socket.frames.clear()
    return str(shown["conversation"]["id"])


async def test_hello_answer_and_read_marks(doors: Doors, factories: Factories) -> None:
    admin, _, visitor, agent = await _both(doors, factories)
    conversation_id = await _assigned(visitor, agent)
    message_id = str(new_id())

    await agent.send(type="send", client_message_id=message_id, conversation_id=conversation_id, text="您好，请问要什么？")

    ack, heard = await agent.next("ack"), await visitor.next("message")
    assert ack == {"type": "ack", "client_message_id": message_id, "conversation_id": conversation_id, "seq": 3, "at": heard["at"]}
    assert heard == {
        "type": "message",
        "conversation_id": conversation_id,
        "seq": 3,
        "kind": "text",
        "sender_kind": "agent",
        "sender_id": str(admin.id),
        "client_message_id": message_id,
        "at": heard["at"],
        "text": "您好，请问要什么？",
        "data": None,
        "withdrawn": False,
        "edited": False,
    }
    await visitor.send(type="read", conversation_id=conversation_id, seq=3)
    mark = {"type": "read", "conversation_id": conversation_id, "side": "customer", "seq": 3}
    assert [await agent.next("read"), await visitor.next("read")] == [mark, mark]
    assert [frame for frame in await agent.settle() if frame["type"] == "message"] == []


async def test_the_senders_other_tabs_hear_it_and_the_sending_one_does_not(doors: Doors, factories: Factories) -> None:
    _, guest, visitor, agent = await _both(doors, factories)
    await _assigned(visitor, agent)
    tab = await doors.visitor_socket(guest.token)
    await tab.send(type="subscribe", topic="mine")
    await tab.settle()

    await visitor.send(type="send", client_message_id=new_id(), text="第二条")
    await visitor.next("ack")

    assert (await tab.next("message"))["text"] == "第二条"
    assert [frame["type"] for frame in await visitor.settle()] == []


async def test_a_repeat_over_any_path_is_acknowledged_with_the_first_result(doors: Doors, factories: Factories, database: Database) -> None:
    admin, guest, visitor, agent = await _both(doors, factories)
    first_id, second_id, answer_id = str(new_id()), str(new_id()), str(new_id())
    await visitor.send(type="send", client_message_id=first_id, text="一")
    first = await visitor.next("ack")
    conversation_id = first["conversation_id"]
    await agent.next("conversation")
    await visitor.send(type="send", client_message_id=second_id, text="二")
    await visitor.send(type="send", client_message_id=second_id, text="二")  # both in one batch of the log
    second, again = await visitor.next("ack"), await visitor.next("ack")
    await agent.send(type="send", client_message_id=answer_id, conversation_id=conversation_id, text="三")
    answered = await agent.next("ack")
    stored = await talk.stored(database, guest.actor.enterprise_id)

    http, tab = doors.visitor(guest.token), await doors.visitor_socket(guest.token)
    by_http = await http.post("/widget/messages", json={"client_message_id": second_id, "text": "二"})
    await tab.send(type="send", client_message_id=first_id, text="一")
    by_tab = await tab.next("ack")
    await talk.end(database, admin, UUID(conversation_id))
    await visitor.send(type="send", client_message_id=second_id, text="二")  # its conversation has ended: through log and opening
    after_end = await visitor.next("ack")
    await agent.send(type="send", client_message_id=answer_id, conversation_id=conversation_id, text="三")
    agent_again = await agent.next("ack")

    assert second == again == after_end
    assert {"type": "ack", **by_http.json()} == second
    assert by_tab == first
    assert agent_again == answered
    now = await talk.stored(database, guest.actor.enterprise_id)
    assert [row for row in now if row[2] is not None] == [row for row in stored if row[2] is not None]


async def test_everything_sent_around_the_end_keeps_its_order(doors: Doors, factories: Factories, database: Database) -> None:
    admin, guest, visitor, agent = await _both(doors, factories)
    conversation_id = await _assigned(visitor, agent)
    words = [f"第 {number} 句" for number in range(18)]

    async def speak() -> None:
        for word in words:
            await visitor.send(type="send", client_message_id=new_id(), text=word)
            await asyncio.sleep(0)

    await asyncio.gather(speak(), talk.end(database, admin, UUID(conversation_id)))
    for _ in words:
        await visitor.next("ack")

    texts = [text for _, _, text in await talk.stored(database, guest.actor.enterprise_id)]
    assert [text for text in texts if text in words] == words
    assert await talk.gaps(database, guest.actor.enterprise_id) == []


async def test_after_the_end_a_burst_opens_one_conversation_in_order(doors: Doors, factories: Factories, database: Database) -> None:
    admin, _, visitor, agent = await _both(doors, factories)
    conversation_id = await _assigned(visitor, agent)
    await talk.end(database, admin, UUID(conversation_id))

    for number in range(15):
        await visitor.send(type="send", client_message_id=UUID(int=number), text=str(number))
        if number % 4 == 0:
            await asyncio.sleep(0.002)
    acks = [await visitor.next("ack") for _ in range(15)]

    assert [ack["client_message_id"] for ack in acks] == [str(UUID(int=number)) for number in range(15)]
    assert len({ack["conversation_id"] for ack in acks}) == 1
    assert [ack["seq"] for ack in acks] == sorted(ack["seq"] for ack in acks)


async def test_an_agent_is_told_why_a_text_was_refused(doors: Doors, factories: Factories, database: Database) -> None:
    admin, _, visitor, agent = await _both(doors, factories)
    conversation_id = await _assigned(visitor, agent)
    await talk.end(database, admin, UUID(conversation_id))
    unknown, ended = str(new_id()), str(new_id())

    await agent.send(type="send", client_message_id=ended, conversation_id=conversation_id, text="还在吗")
    refused = await agent.next("error")
    await agent.send(type="send", client_message_id=unknown, conversation_id=new_id(), text="还在吗")
    missing = await agent.next("error")
    await agent.send(type="send", client_message_id=unknown, text="还在吗")

    assert (refused["code"], refused["ref"]) == ("conversation_ended", ended)
    assert (missing["code"], missing["ref"]) == ("not_found", unknown)
    assert (await agent.next("error"))["code"] == "bad_request"


async def test_an_unsent_text_is_shown_to_the_agent_where_that_is_allowed(doors: Doors, factories: Factories) -> None:
    admin, _, visitor, agent = await _both(doors, factories)
    conversation_id = await _assigned(visitor, agent)
    enterprise = (await doors.agent(admin).get("/enterprise")).json()

    await visitor.send(type="typing", text="我想要")
    shown = await agent.next("typing")
    change = {"typing_preview": not enterprise["typing_preview"], "version": enterprise["version"]}
    assert (await doors.agent(admin).patch("/enterprise", json=change)).status_code == 200
    await visitor.send(type="typing", text="我想要")
    switched = await agent.next("typing")
    await agent.send(type="typing", conversation_id=conversation_id, text="never shown")
    theirs = await visitor.next("typing")

    with_text = {"type": "typing", "conversation_id": conversation_id, "side": "customer", "text": "我想要"}
    without = {"type": "typing", "conversation_id": conversation_id, "side": "customer"}
    assert [shown, switched] == ([with_text, without] if enterprise["typing_preview"] else [without, with_text])
    assert theirs == {"type": "typing", "conversation_id": conversation_id, "side": "agent"}


async def test_typing_too_often_is_dropped_without_a_word(doors: Doors, factories: Factories) -> None:
    _, _, visitor, agent = await _both(doors, factories)
    await _assigned(visitor, agent)

    for _ in range(10):
        await visitor.send(type="typing")
    assert [frame for frame in await visitor.settle() if frame["type"] == "error"] == []

    assert len([frame for frame in await agent.settle() if frame["type"] == "typing"]) == 3


async def test_the_digest_is_what_the_client_computes(doors: Doors, factories: Factories, database: Database) -> None:
    admin, _, visitor, agent = await _both(doors, factories)
    await visitor.send(type="ping")
    empty = await visitor.next("pong")
    conversation_id = await _assigned(visitor, agent)
    http = doors.agent(admin)
    shown = (await http.get("/conversations?view=mine")).json()["items"]

    digests = []
    for socket in (visitor, agent):
        await socket.send(type="ping")
        digests.append((await socket.next("pong"))["digest"])

    lines = "\n".join(sorted(f"{row['id']}:{row['head']}:{row['version']}" for row in shown))
    expected = hashlib.sha256(lines.encode()).hexdigest()[:16]
    assert [row["id"] for row in shown] == [conversation_id]
    assert digests == [expected, expected]
    assert empty["digest"] == hashlib.sha256(b"").hexdigest()[:16]
    await talk.end(database, admin, UUID(conversation_id))
    await agent.send(type="ping")
    assert (await agent.next("pong"))["digest"] == hashlib.sha256(b"").hexdigest()[:16]


async def test_of_many_conversations_the_digest_speaks_of_those_that_are_named(
    doors: Doors, factories: Factories, database: Database
) -> None:
    """A page knows a long list by what it was named: with a digest of any other ones it would ask again at every heartbeat."""
    admin, _, visitor, agent = await _both(doors, factories)
    conversation_id = await _assigned(visitor, agent)
    values = {"enterprise": admin.enterprise_id, "id": conversation_id}
    async with database.tenant(admin.enterprise_id) as tx:
        await tx.session.execute(
            text(
                "INSERT INTO customers (enterprise_id, id, created_at, last_seen_at)"
                " SELECT :enterprise, gen_random_uuid(), now(), now() FROM generate_series(1, 520)"
            ),
            values,
        )
        await tx.session.execute(
            text(
                "INSERT INTO conversations (enterprise_id, id, customer_id, channel_id, status, assignee_id, agent_ids, head, version,"
                " customer_read_seq, agent_read_seq, agent_unread, customer_unread, created_at, assigned_at)"
                " SELECT c.enterprise_id, gen_random_uuid(), k.id, c.channel_id, 'active', c.assignee_id, c.agent_ids, 0, 3, 0, 0, 0, 0, now(), now()"
                " FROM conversations c, customers k WHERE c.id = :id AND k.enterprise_id = :enterprise AND k.id <> c.customer_id"
            ),
            values,
        )
        ids = (
            (await tx.session.execute(text("SELECT id::text FROM conversations WHERE enterprise_id = :enterprise"), values)).scalars().all()
        )

    await agent.send(type="subscribe", topic="mine")
    named = (await agent.next("subscribed"))["conversations"]
    await agent.send(type="ping")
    digest = (await agent.next("pong"))["digest"]

    assert len(ids) == 521
    assert [row["id"] for row in named] == sorted(ids)[:500]
    lines = "\n".join(f"{row['id']}:{row['head']}:{row['version']}" for row in named)
    assert digest == hashlib.sha256(lines.encode()).hexdigest()[:16]


async def test_one_broken_connection_keeps_nothing_from_the_others(doors: Doors, factories: Factories) -> None:
    class Broken:
        def write(self, payload: bytes) -> bool:
            raise RuntimeError("this transport is broken")

        def close(self, code: int, reason: str) -> None:
            raise AssertionError("not closed by the hub")

    _, guest, visitor, agent = await _both(doors, factories)
    hub = doors.app.state.resources.hub
    await _assigned(visitor, agent)
    tab = await doors.visitor_socket(guest.token)
    await tab.send(type="subscribe", topic="mine")
    await tab.settle()
    broken = [connections.Connection(hub, Broken(), "192.0.2.9") for _ in range(8)]
    for connection in broken:
        hub.add(connection)
        hub.subscribe(connection, ("customer", guest.customer_id))

    with capture_logs():  # rendering eight tracebacks takes seconds
        for words in ("一", "二"):
            await visitor.send(type="send", client_message_id=new_id(), text=words)
            await visitor.next("ack")

    assert [(await tab.next("message"))["text"], (await tab.next("message"))["text"]] == ["一", "二"]
    assert [connection for connection in broken if connection in hub.connections] == []
