"""Several nodes are one server: whatever one of them hears, everybody whom it concerns sees, whichever node holds their page."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from qiatan.infra import timers
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.http.guards import CSRF_HEADER
from qiatan.infra.settings import Settings
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.conversations.realtime import heartbeat
from qiatan.modules.routing import service as routing
from qiatan.modules.routing.realtime import availability, presence
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.factories import Factories, Guest, Member, Tenant
from tests.support.nats_server import NatsServer
from tests.support.nodes import RunningNode, delivered, running_node
from tests.support.sockets import SocketClient

PATIENCE = 20.0
LEADER = Scope(ScopeKind.ALL)
CSRF = {CSRF_HEADER: "1"}


@pytest.fixture(scope="module")
def bus() -> Iterator[NatsServer]:
    server = NatsServer()
    yield server
    server.stop()


@pytest.fixture
async def nodes(
    bus: NatsServer, settings: Settings, database_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[RunningNode, RunningNode]]:
    monkeypatch.setattr(heartbeat, "GATHER_SECONDS", 0.005)
    monkeypatch.setattr(availability, "GATHER_SECONDS", 0.005)
    monkeypatch.setattr(availability, "GREET_SECONDS", 30)
    monkeypatch.setattr(timers, "POLL_SECONDS", 0.2)
    monkeypatch.setattr(presence, "GRACE_SECONDS", 0.05)
    brisk = replace(settings, visitor_rate=1_000)
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(running_node(brisk, database_url, clock, bus.url, "1"))
        two = await stack.enter_async_context(running_node(brisk, database_url, clock, bus.url, "2"))
        yield one, two


Nodes = tuple[RunningNode, RunningNode]


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


@pytest.fixture
async def guest(factories: Factories, tenant: Tenant) -> Guest:
    return await factories.visitor(await factories.channel(tenant.enterprise_id))


async def opened(node: RunningNode, member: Member, *topics: str) -> SocketClient:
    socket = await node.doors.agent_socket(member)
    for topic in topics:
        await socket.send(type="subscribe", topic=topic)
        await socket.next("subscribed")
    await socket.settle()
    return socket


async def visiting(node: RunningNode, guest: Guest) -> SocketClient:
    socket = await node.doors.visitor_socket(guest.token)
    await socket.send(type="subscribe", topic="mine")
    await socket.next("subscribed")
    return socket


async def say(socket: SocketClient, text: str, **more: Any) -> dict[str, Any]:
    """Write, and wait for the acknowledgement."""
    await socket.send(type="send", client_message_id=new_id(), kind="text", text=text, **more)
    return await socket.next("ack")


async def nothing(socket: SocketClient, *kinds: str) -> None:
    """Of these kinds nothing has come."""
    left = [frame for frame in await socket.settle() if frame["type"] in kinds]
    assert left == []


async def test_a_conversation_across_nodes_is_complete_in_order_and_once_on_both_sides(
    nodes: Nodes, tenant: Tenant, guest: Guest, database: Database
) -> None:
    one, two = nodes
    agent = await opened(two, tenant.admin, "mine")
    visitor = await visiting(one, guest)

    first = await say(visitor, "你好")
    told = await agent.next("conversation")
    assert (told["conversation"]["id"], told["conversation"]["assignee_id"]) == (first["conversation_id"], str(tenant.admin.id))
    conversation_id = UUID(first["conversation_id"])
    for number in range(30):
        await visitor.send(type="send", client_message_id=new_id(), kind="text", text=f"问 {number}")
        await agent.send(type="send", client_message_id=new_id(), kind="text", text=f"答 {number}", conversation_id=conversation_id)
    for _ in range(30):
        await visitor.next("ack")
        await agent.next("ack")
    await delivered(tenant.enterprise_id, one, two)
    await visitor.settle()
    await agent.settle()

    stored = {seq: text for _, seq, text in await talk.stored(database, tenant.enterprise_id) if text}
    at_agent = [(f["seq"], f["text"]) for f in agent.frames if f["type"] == "message" and f["sender_kind"] == "customer"]
    at_visitor = [(f["seq"], f["text"]) for f in visitor.frames if f["type"] == "message" and f["sender_kind"] == "agent"]
    asked = [(seq, text) for seq, text in sorted(stored.items()) if text.startswith("问")]
    assert [line for line in at_agent if line[1].startswith("问")] == asked
    assert len(asked) == 30
    assert at_visitor == [(seq, text) for seq, text in sorted(stored.items()) if text.startswith("答")]
    assert await talk.gaps(database, tenant.enterprise_id) == []


async def test_typing_reading_and_the_end_reach_the_other_node(nodes: Nodes, tenant: Tenant, guest: Guest, database: Database) -> None:
    one, two = nodes
    conversation_id = await talk.served(database, guest, tenant.admin)
    visitor, agent = await visiting(one, guest), await opened(two, tenant.admin, "mine")

    await visitor.send(type="typing", text="想问")
    assert (await agent.next("typing"))["side"] == "customer"
    await agent.send(type="typing", conversation_id=conversation_id)
    typed = await visitor.next("typing")
    assert (typed["side"], "agent_id" in typed) == ("agent", False)
    await agent.send(type="read", conversation_id=conversation_id, seq=1)
    assert (await visitor.next("read"))["seq"] == 1
    ended = await two.doors.agent(tenant.admin).post(f"/conversations/{conversation_id}/end")
    assert ended.status_code == 200
    while (await visitor.next("conversation"))["conversation"]["status"] != "ended":
        pass


async def test_a_sender_has_it_on_their_pages_of_other_nodes(nodes: Nodes, tenant: Tenant, guest: Guest, database: Database) -> None:
    one, two = nodes
    conversation_id = await talk.served(database, guest, tenant.admin)
    writing, watching = await opened(one, tenant.admin, "mine"), await opened(two, tenant.admin, "mine")

    ack = await say(writing, "您好", conversation_id=conversation_id)

    assert (await watching.next("message"))["seq"] == ack["seq"]
    await delivered(tenant.enterprise_id, one, two)
    await nothing(writing, "message")
    await nothing(watching, "message")


async def test_a_session_that_ends_on_one_node_closes_its_sockets_on_the_other(nodes: Nodes, tenant: Tenant, factories: Factories) -> None:
    one, two = nodes
    elsewhere = await factories.session(tenant.admin)
    kept, closed = await opened(two, tenant.admin), await opened(two, elsewhere)

    assert (await one.doors.agent(tenant.admin).delete("/me/sessions")).status_code == 204

    assert await closed.until_closed() == 4401
    assert closed.frames[-1]["code"] == "signed_out"
    await delivered(tenant.enterprise_id, one, two)
    await kept.settle()
    assert kept.close_code is None


async def test_rights_that_are_taken_on_one_node_end_what_the_other_shows(
    nodes: Nodes, tenant: Tenant, guest: Guest, factories: Factories, database: Database
) -> None:
    one, two = nodes
    leader = await factories.agent(tenant.enterprise_id, role="admin", scope=LEADER, name="程思远")
    conversation_id = await talk.served(database, guest, tenant.admin)
    watching, visitor = await opened(two, leader, "colleagues"), await visiting(one, guest)
    await say(visitor, "看得见")
    await watching.next("message")

    admin = one.doors.agent(tenant.admin)
    role_id = str(await factories.role_id(tenant.enterprise_id, "agent"))
    version = (await admin.get(f"/agents/{leader.id}")).json()["version"]
    changed = await admin.patch(f"/agents/{leader.id}", json={"role_id": role_id, "scope": {"kind": "self"}, "version": version})
    assert changed.status_code == 200, changed.text

    assert await watching.until_closed() == 1012
    before = len(watching.frames)
    await say(visitor, "看不见")
    await delivered(tenant.enterprise_id, one, two)
    assert len(watching.frames) == before
    again = await opened(two, leader)
    await again.send(type="subscribe", topic="colleagues")
    assert (await again.next("error"))["code"] == "not_allowed"
    assert (await two.doors.agent(leader).get(f"/conversations/{conversation_id}")).status_code == 404


async def test_who_is_put_on_the_blacklist_on_one_node_is_shut_out_on_the_other(
    nodes: Nodes, tenant: Tenant, guest: Guest, database: Database
) -> None:
    one, two = nodes
    await talk.served(database, guest, tenant.admin)
    visitor = await visiting(two, guest)

    answer = await one.doors.agent(tenant.admin).post(f"/customers/{guest.customer_id}/block", json={"reason": "骂人"})
    assert answer.status_code in (200, 201, 204), answer.text

    assert await visitor.until_closed() == 4401


async def test_nothing_of_one_enterprise_reaches_another_through_the_bus(
    nodes: Nodes, tenant: Tenant, guest: Guest, factories: Factories, database: Database
) -> None:
    one, two = nodes
    others = await factories.tenant("别家")
    other_guest = await factories.visitor(await factories.channel(others.enterprise_id))
    await talk.served(database, other_guest, others.admin)
    strangers = [
        await opened(two, others.admin, "mine", "queue", "colleagues"),
        await visiting(two, other_guest),
    ]
    visitor = await visiting(one, guest)
    agent = await opened(one, tenant.admin, "mine", "queue", "colleagues")
    for stranger in strangers:
        await stranger.settle()
        stranger.frames.clear()

    ack = await say(visitor, "只给自己家")
    await say(visitor, "还是")
    await agent.send(type="typing", conversation_id=ack["conversation_id"])
    await delivered(tenant.enterprise_id, one, two)

    assert not two.resources.relay.hears(tenant.enterprise_id)
    # Even when it hears both, and even told the very same topic, connections of another enterprise get nothing.
    await opened(two, tenant.admin)
    one.resources.relay.publish(tenant.enterprise_id, [("agent", others.admin.id), ("colleagues", others.enterprise_id)], b'{"type":"x"}')
    await say(visitor, "到此")
    await delivered(tenant.enterprise_id, one, two)
    for stranger in strangers:
        await nothing(stranger, "message", "conversation", "typing", "routing", "presence", "x")


async def test_a_poll_opened_on_one_node_is_answered_by_any(nodes: Nodes, tenant: Tenant, guest: Guest, database: Database) -> None:
    one, two = nodes
    conversation_id = await talk.served(database, guest, tenant.admin)
    here, there = one.doors.visitor(guest.token), two.doors.visitor(guest.token)
    for client in (here, there):
        client.headers.update(CSRF)
    agent = await opened(two, tenant.admin, "mine")
    poll_id = (await here.post("/poll", json={"hello": {"protocol": 1, "token": guest.token}})).json()["poll_id"]
    await here.post(f"/poll/{poll_id}", json={"frames": [{"type": "subscribe", "topic": "mine"}]})

    told: list[str] = []
    while "subscribed" not in told:
        told += [frame["type"] for frame in (await there.post(f"/poll/{poll_id}", json={})).json()["frames"]]
    assert told == ["welcome", "availability", "subscribed"]
    waiting = asyncio.create_task(there.post(f"/poll/{poll_id}", json={}))
    await say(agent, "您好", conversation_id=conversation_id)
    assert "您好" in [frame.get("text") for frame in (await waiting).json()["frames"]]
    many = [
        {"type": "send", "client_message_id": str(new_id()), "kind": "text", "text": f"{number} " + "长" * 4_000} for number in range(15)
    ]
    sent = await there.post(f"/poll/{poll_id}", json={"frames": many})
    assert (sent.status_code, sent.json()["frames"]) == (200, [])
    assert (await agent.next("message"))["text"].startswith("0 ")
    await one.gateway.settled()
    stored = [text for _, _, text in await talk.stored(database, tenant.enterprise_id) if text and "长" in text]
    assert [text.split()[0] for text in stored] == [str(number) for number in range(15)]

    stranger = two.doors.visitor("wrong")
    stranger.headers.update(CSRF)
    assert (await stranger.post(f"/poll/{poll_id}", json={})).status_code == 404
    gone = f"{new_id().hex}.{poll_id.partition('.')[2]}"
    assert (await there.post(f"/poll/{gone}", json={})).status_code == 404


async def test_an_agents_poll_ends_on_all_nodes_with_its_session(nodes: Nodes, tenant: Tenant, factories: Factories) -> None:
    one, two = nodes
    elsewhere = await factories.session(tenant.admin)
    poll_id = (await one.doors.agent(elsewhere).post("/poll", json={"hello": {"protocol": 1}})).json()["poll_id"]
    there = two.doors.agent(elsewhere)
    assert (await there.post(f"/poll/{poll_id}", json={})).status_code == 200

    await two.doors.agent(tenant.admin).delete("/me/sessions")
    await delivered(tenant.enterprise_id, one, two)

    last = await there.post(f"/poll/{poll_id}", json={})
    assert last.status_code in (200, 404)
    assert (await there.post(f"/poll/{poll_id}", json={})).status_code == 404


async def test_what_the_bus_loses_is_found_with_the_next_heartbeat_and_all_look_when_it_is_back(
    settings: Settings,
    database_url: str,
    clock: FakeClock,
    tenant: Tenant,
    guest: Guest,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heartbeat, "GATHER_SECONDS", 0.005)
    monkeypatch.setattr(availability, "GATHER_SECONDS", 0.005)
    monkeypatch.setattr(availability, "GREET_SECONDS", 30)
    server = NatsServer()
    conversation_id = await talk.served(database, guest, tenant.admin)
    async with AsyncExitStack() as stack:
        stack.callback(server.stop)
        one = await stack.enter_async_context(running_node(settings, database_url, clock, server.url, "1"))
        two = await stack.enter_async_context(running_node(settings, database_url, clock, server.url, "2"))
        visitor, agent = await visiting(one, guest), await opened(two, tenant.admin, "mine")
        await say(visitor, "一")
        await agent.next("message")
        before = await digest(agent)

        server.stop()
        await until(lambda: not one.resources.bus.connected and not two.resources.bus.connected)
        ack = await say(visitor, "二")
        assert one.resources.bus.dropped > 0
        await nothing(agent, "message")
        after = await digest(agent)
        assert after != before
        found = await two.doors.agent(tenant.admin).get(f"/conversations/{conversation_id}/messages", params={"after_seq": ack["seq"] - 1})
        assert [item["text"] for item in found.json()["items"]] == ["二"]

        await server.start_again()
        hint = await agent.next("pong")
        assert hint["digest"] == ""  # differs from every page's own: it subscribes again
        assert (await visitor.next("pong"))["digest"] == ""
        await say(visitor, "三")
        assert (await agent.next("message"))["text"] == "三"


async def connected(database: Database, member: Member) -> bool:
    async with database.tenant(member.enterprise_id) as tx:
        items = (await routing.list_presence(tx, member.actor)).items
    return next(one.connected for one in items if one.agent_id == member.id)


async def digest(socket: SocketClient) -> str:
    await socket.send(type="ping")
    told: str = (await socket.next("pong"))["digest"]
    assert len(told) == len(hashlib.sha256().hexdigest()[:16])
    return told


async def until(true: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.01)


async def test_a_node_that_ends_in_order_leaves_no_row_and_the_others_go_on(
    nodes: Nodes, tenant: Tenant, guest: Guest, database: Database, settings: Settings, database_url: str, clock: FakeClock, bus: NatsServer
) -> None:
    one, two = nodes
    async with running_node(settings, database_url, clock, bus.url, "3") as three:
        await opened(three, tenant.admin)
        await one.resources.nodes.turn()
        assert one.resources.nodes.others >= {two.id, three.id}
    await one.resources.nodes.turn()

    assert two.id in one.resources.nodes.others
    assert three.id not in one.resources.nodes.others
    assert await connected(database, tenant.admin) is True  # for as long as the lease lasts: the page comes back elsewhere
    agent = await opened(one, tenant.admin, "mine")
    visitor = await visiting(two, guest)
    await say(visitor, "还在吗")
    assert (await agent.next("conversation"))["conversation"]["assignee_id"] == str(tenant.admin.id)
