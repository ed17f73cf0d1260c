"""The blacklist (F17): the conversation ends, the widget is shut, the server refuses everything, until somebody releases or the time is over."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from qiatan.entrypoints import polling
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import SendMessage
from qiatan.modules.customers.errors import Blocked
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member, Tenant
from tests.support.routes import every_route

ADDRESS = "203.0.113.9"


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


@pytest.fixture
async def guest(factories: Factories, tenant: Tenant) -> Guest:
    return await factories.visitor(await factories.channel(tenant.enterprise_id))


@pytest.fixture
async def agent(factories: Factories, tenant: Tenant) -> Member:
    return await factories.agent(tenant.enterprise_id, name="顾言")


async def _block(doors: Doors, member: Member, guest: Guest, **more: Any) -> httpx.Response:
    return await doors.agent(member).post(f"/customers/{guest.customer_id}/block", json={"reason": "辱骂", **more})


async def _block_status(doors: Doors, member: Member, guest: Guest) -> str:
    return str((await _block(doors, member, guest)).status_code)


async def _key(doors: Doors, tenant: Tenant, guest: Guest) -> str:
    channel = (await doors.agent(tenant.admin).get(f"/channels/{guest.actor.channel_id}")).json()
    return str(channel["key"])


def _code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_the_conversation_ends_and_the_visitor_is_told_goodbye(
    doors: Doors, database: Database, tenant: Tenant, guest: Guest, agent: Member
) -> None:
    conversation_id = await talk.served(database, guest, agent)
    page, visitor = await doors.agent_socket(agent), await doors.visitor_socket(guest.token)
    await page.send(type="subscribe", topic="mine")
    await page.next("subscribed")

    answer = await doors.agent(agent).post(f"/conversations/{conversation_id}/block", json={"reason": " 辱骂\n客服 "})

    assert answer.status_code == 200, answer.text
    block = answer.json()
    assert block == {
        "customer": {"id": str(guest.customer_id), "name": block["customer"]["name"], "vip": False},
        "conversation_id": str(conversation_id),
        "by_id": str(agent.id),
        "by_name": "顾言",
        "reason": "辱骂 客服",
        "at": block["at"],
        "expires_at": None,
    }
    assert await visitor.until_closed() == 4401
    assert visitor.frames[-1] == {"type": "bye", "code": "blocked", "message": "This service is not available."}
    shown = (await page.next("conversation"))["conversation"]
    assert (shown["status"], shown["ended_by"]) == ("ended", "agent")
    events = [message.data for message in await talk.read(database, agent, conversation_id) if message.kind == "event"][-2:]
    assert events == [{"name": "blocked", "agent_id": str(agent.id), "agent_name": "顾言"}, {"name": "ended", "by": "agent"}]
    card = (await doors.agent(agent).get(f"/customers/{guest.customer_id}")).json()
    assert card["blocked"] == {key: block[key] for key in ("by_id", "by_name", "reason", "at", "expires_at")}
    log = (await doors.agent(tenant.admin).get("/audit?action=customer.blocked")).json()["items"]
    assert [(entry["subject"]["id"], entry["details"]["reason"]) for entry in log] == [(str(guest.customer_id), "辱骂 客服")]


async def test_every_call_of_the_widget_is_refused(doors: Doors, database: Database, tenant: Tenant, guest: Guest, agent: Member) -> None:
    await talk.served(database, guest, agent)
    key = await _key(doors, tenant, guest)
    http = doors.visitor(guest.token)
    calls = [route for route in every_route() if route.guards and route.guards[0].label == "visitor"]
    assert (await _block(doors, agent, guest)).status_code == 200

    refused = {route.name: _code(await _call(http, route.method, route.path)) for route in calls}
    session = await http.post(f"/widget/{key}/session", json={})
    poll = await doors.stranger().post("/poll", json={"hello": {"token": guest.token}})

    assert len(calls) > 12
    assert refused == dict.fromkeys(refused, (403, "blocked"))
    assert [_code(session), _code(poll)] == [(403, "blocked"), (403, "blocked")]
    assert session.json()["error"]["message"] == "This service is not available."
    socket = await doors.socket()
    await socket.send(type="hello", protocol=1, token=guest.token)
    assert await socket.until_closed() == 4401
    assert [frame["code"] for frame in socket.frames] == ["blocked"]
    assert (await doors.stranger().get(f"/widget/{key}/config")).status_code == 200  # it does not say who asks
    fresh = await doors.stranger().post(f"/widget/{key}/session", json={})
    assert fresh.json()["customer_id"] != str(guest.customer_id)  # cleared storage is a new customer


async def _call(http: httpx.AsyncClient, method: str | None, path: str | None) -> httpx.Response:
    assert method is not None
    assert path is not None
    for name in ("conversation_id", "file_id", "upload_id"):
        path = path.replace(f"{{{name}}}", str(new_id()))
    path = path.replace("{seq}", "1").replace("{key}", "x")
    return await http.request(method, path.removeprefix("/api/v1"), json={})


async def test_a_poll_hears_it_too(doors: Doors, database: Database, monkeypatch: pytest.MonkeyPatch, guest: Guest, agent: Member) -> None:
    monkeypatch.setattr(polling, "WAIT_SECONDS", 5)
    await talk.served(database, guest, agent)
    http = doors.stranger()
    headers = {"Authorization": f"Bearer {guest.token}"}
    poll_id = (await http.post("/poll", json={"hello": {"token": guest.token}}, headers=headers)).json()["poll_id"]
    greeted: list[str] = []
    while "availability" not in greeted:
        answer = await http.post(f"/poll/{poll_id}", json={"frames": []}, headers=headers)
        greeted += [frame["type"] for frame in answer.json()["frames"]]
    waiting = asyncio.create_task(http.post(f"/poll/{poll_id}", json={"frames": []}, headers=headers))
    await asyncio.sleep(0)

    assert (await _block(doors, agent, guest)).status_code == 200

    assert [frame["code"] for frame in (await waiting).json()["frames"] if frame["type"] == "bye"] == ["blocked"]


async def test_who_was_just_writing_opens_nothing(database: Database, doors: Doors, guest: Guest, agent: Member) -> None:
    """A message on its way while the block is made: refused, or in a conversation that has ended."""
    await talk.served(database, guest, agent)
    message = SendMessage(client_message_id=new_id(), text="还在吗")

    async def write() -> str:
        try:
            async with database.tenant(guest.actor.enterprise_id) as tx:
                await service.send_own(tx, guest.actor, message)
        except Blocked:
            return "refused"
        return "stored"

    blocked, *written = await asyncio.gather(_block_status(doors, agent, guest), *(write() for _ in range(4)))

    assert blocked == "200"
    async with database.tenant(guest.actor.enterprise_id) as tx:
        rows = (await service.list_own(tx, guest.actor)).items
    assert {row.status for row in rows} == {"ended"}
    if "stored" not in written:  # else it is a repeat, which gets the first answer
        assert await write() == "refused"


async def test_a_block_lifts_by_itself(doors: Doors, database: Database, clock: FakeClock, guest: Guest, agent: Member) -> None:
    await talk.served(database, guest, agent)
    until = clock.now() + timedelta(hours=2)
    assert (await _block(doors, agent, guest, expires_at=until.isoformat())).status_code == 200
    http = doors.visitor(guest.token)
    assert _code(await http.get("/widget/conversations")) == (403, "blocked")

    clock.advance(hours=2)

    assert (await http.get("/widget/conversations")).status_code == 200
    assert (await doors.agent(agent).get("/blocked-customers")).json()["items"] == []
    assert (await doors.agent(agent).get(f"/customers/{guest.customer_id}")).json()["blocked"] is None
    again = await _block(doors, agent, guest)
    assert (again.status_code, again.json()["conversation_id"]) == (200, None)
    assert _code(await http.get("/widget/conversations")) == (403, "blocked")


async def test_blocks_that_are_refused_change_nothing(
    doors: Doors, database: Database, clock: FakeClock, factories: Factories, tenant: Tenant, guest: Guest, agent: Member
) -> None:
    conversation_id = await talk.served(database, guest, agent)
    path = f"/conversations/{conversation_id}/block"
    http = doors.agent(agent)
    for body, field in (
        ({"reason": " "}, "reason"),
        ({"reason": "长" * 201}, "reason"),
        ({"reason": "x", "expires_at": clock.now().isoformat()}, "expires_at"),
        ({"reason": "x", "expires_at": "2026-03-03T00:00:00"}, "expires_at"),
        ({}, "reason"),
    ):
        answer = await http.post(path, json=body)
        assert (answer.status_code, [problem["field"] for problem in answer.json()["error"]["fields"]]) == (422, [field])
    colleague = await factories.agent(tenant.enterprise_id)
    assert (await doors.agent(colleague).post(path, json={"reason": "x"})).status_code == 404

    assert (await http.get(f"/conversations/{conversation_id}")).json()["status"] == "active"
    assert (await doors.visitor(guest.token).get("/widget/conversations")).status_code == 200
    assert (await http.post(path, json={"reason": "x"})).status_code == 200
    assert _code(await http.post(path, json={"reason": "另一个"})) == (409, "already_blocked")
    assert [block["reason"] for block in (await http.get("/blocked-customers")).json()["items"]] == ["x"]


async def test_only_entries_in_scope_are_seen_and_released(
    doors: Doors, database: Database, clock: FakeClock, factories: Factories, tenant: Tenant, agent: Member
) -> None:
    channel = await factories.channel(tenant.enterprise_id)
    group = await factories.group(tenant.enterprise_id, agent.id)
    leader = await factories.agent(
        tenant.enterprise_id, role="group_leader", scope=Scope(ScopeKind.GROUPS, frozenset({group})), name="程思远"
    )
    other = await factories.agent(tenant.enterprise_id)
    guests = [await factories.visitor(channel) for _ in range(3)]
    for member, blocked in zip((agent, other, leader), guests, strict=True):
        await talk.served(database, blocked, member)
        clock.advance(minutes=1)
        assert (await _block(doors, member, blocked, reason=f"原因 {member.name}")).status_code == 200
    await doors.agent(tenant.admin).patch(f"/customers/{guests[0].customer_id}", json={"name": "林%夕", "version": 1})
    ids = [str(blocked.customer_id) for blocked in guests]

    async def seen(member: Member, query: str = "") -> list[str]:
        page = (await doors.agent(member).get(f"/blocked-customers?limit=2{query}")).json()
        rest = (await doors.agent(member).get(f"/blocked-customers?after={page['next']}{query}")).json() if page["next"] else {"items": []}
        return [block["customer"]["id"] for block in page["items"] + rest["items"]]

    assert await seen(tenant.admin) == [ids[2], ids[1], ids[0]]
    assert await seen(leader) == [ids[2], ids[0]]
    assert await seen(agent) == [ids[0]]
    assert await seen(tenant.admin, "&q=林%25") == [ids[0]]
    assert await seen(tenant.admin, "&q=%25") == [ids[0]]
    assert await seen(tenant.admin, "&q=程思远") == [ids[2]]
    assert await seen(tenant.admin, f"&q=访客 {ids[1][-5:]}") == [ids[1]]

    released = await doors.agent(leader).post("/blocked-customers/release", json={"customer_ids": [*ids, str(new_id()), ids[0]]})
    assert released.json() == {"customer_ids": [ids[0], ids[2]]}
    assert await seen(tenant.admin) == [ids[1]]
    statuses = [(await doors.visitor(blocked.token).get("/widget/conversations")).status_code for blocked in guests]
    assert statuses == [200, 403, 200]
    assert (await talk.write(database, guests[0], "我回来了")).seq == 1
    again = await doors.agent(leader).post("/blocked-customers/release", json={"customer_ids": ids})
    assert again.json() == {"customer_ids": []}
    log = (await doors.agent(tenant.admin).get("/audit?action=customer.released")).json()["items"]
    assert sorted(entry["subject"]["id"] for entry in log) == sorted([ids[0], ids[2]])
    for none_or_many in ([], [str(new_id())] * 101):
        answer = await doors.agent(leader).post("/blocked-customers/release", json={"customer_ids": none_or_many})
        assert answer.status_code == 422


async def test_with_the_rule_of_the_same_address_a_new_face_is_refused_too(
    doors: Doors, database: Database, factories: Factories, tenant: Tenant, guest: Guest, agent: Member
) -> None:
    key = await _key(doors, tenant, guest)
    visit = {"page_url": "https://shop.example/"}
    token = (await doors.stranger(address=ADDRESS).post(f"/widget/{key}/session", json=visit)).json()["token"]
    first = await doors.visitor(token, address=ADDRESS).post("/widget/messages", json={"client_message_id": str(new_id()), "text": "在吗"})
    await doors.app.state.gateway.settled()
    neighbour = (await doors.stranger(address=ADDRESS).post(f"/widget/{key}/session", json=visit)).json()["token"]
    neighbours = await doors.socket(address=ADDRESS, hello={"token": neighbour})
    conversation_id = first.json()["conversation_id"]
    assert (await doors.agent(tenant.admin).post(f"/conversations/{conversation_id}/block", json={"reason": "x"})).status_code == 200
    assert (await doors.stranger(address=ADDRESS).post(f"/widget/{key}/session", json=visit)).status_code == 200

    admin = doors.agent(tenant.admin)
    assert (await admin.get("/blacklist-rules")).json() == {"same_address": False, "version": 0}
    assert (await doors.agent(agent).put("/blacklist-rules", json={"same_address": True, "version": 0})).status_code == 403
    saved = await admin.put("/blacklist-rules", json={"same_address": True, "version": 0})
    assert (saved.status_code, saved.json()) == (200, {"same_address": True, "version": 1})
    assert (await admin.put("/blacklist-rules", json={"same_address": False, "version": 0})).status_code == 409

    here, elsewhere = doors.stranger(address=ADDRESS), doors.stranger(address="203.0.113.10")
    assert _code(await here.post(f"/widget/{key}/session", json=visit)) == (403, "blocked")
    assert _code(await here.get(f"/widget/{key}/config")) == (403, "blocked")
    assert _code(await doors.visitor(neighbour, address=ADDRESS).get("/widget/conversations")) == (403, "blocked")
    assert (await doors.visitor(neighbour, address="203.0.113.10").get("/widget/conversations")).status_code == 200
    assert (await elsewhere.post(f"/widget/{key}/session", json=visit)).status_code == 200
    foreign = await factories.channel((await factories.tenant()).enterprise_id)
    assert (await here.post(f"/widget/{foreign.key}/session", json=visit)).status_code == 200
    await doors.app.state.gateway.sweeper.recheck(None)
    assert await neighbours.until_closed() == 4401
    assert neighbours.frames[-1]["code"] == "blocked"

    assert (await admin.put("/blacklist-rules", json={"same_address": False, "version": 1})).json()["version"] == 2
    assert (await here.post(f"/widget/{key}/session", json=visit)).status_code == 200
    log = (await admin.get("/audit?action=blacklist_rules.changed")).json()["items"]
    assert [entry["details"]["same_address"] for entry in log] == [[True, False], [False, True]]


async def test_a_socket_that_no_event_reached_is_closed_within_half_a_minute(
    doors: Doors, database: Database, guest: Guest, agent: Member, tenant: Tenant
) -> None:
    """As when another process blocked its customer."""
    await talk.served(database, guest, agent)
    socket = await doors.visitor_socket(guest.token)
    listeners, database.listeners[:] = list(database.listeners), []
    assert (await _block(doors, agent, guest)).status_code == 200
    database.listeners[:] = listeners

    await doors.app.state.gateway.sweeper.recheck(None)

    assert await socket.until_closed() == 4401
    assert socket.frames[-1]["code"] == "blocked"
    assert (await doors.agent(tenant.admin).get("/blocked-customers")).json()["items"][0]["reason"] == "辱骂"
