"""Who waits longest goes to whoever has the fewest, and nobody gets more than the maximum, whatever runs at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from qiatan.entrypoints.app import build_app
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.kit.errors import Fault, NotAllowed
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.contracts import Conversation, Routed, Status, View
from qiatan.modules.conversations.errors import AlreadyTaken, ConversationNotFound
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts import PresenceStatus
from qiatan.modules.routing.errors import LimitReached
from qiatan.modules.routing.service.presence import LEASE
from qiatan.modules.routing.subscribers.assigner import Assigner
from tests.modules.routing.scene import NODE, served
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Member, Tenant


async def present(database: Database, *members: Member, status: PresenceStatus = PresenceStatus.ONLINE) -> None:
    for member in members:
        async with database.tenant(member.enterprise_id) as tx:
            await service.set_presence(tx, member.actor, status)
            await service.connected(tx, member.id, NODE)


async def assign_next(database: Database, tenant: Tenant) -> Routed | None:
    async with database.tenant(tenant.enterprise_id) as tx:
        return await service.assign_next(tx)


async def take(database: Database, member: Member, conversation_id: UUID) -> Conversation:
    async with database.tenant(member.enterprise_id) as tx:
        return await service.take(tx, member.actor, conversation_id)


async def waiting(database: Database, factories: Factories, tenant: Tenant, clock: FakeClock, count: int) -> list[UUID]:
    """Conversations that wait, oldest first."""
    channel = await factories.channel(tenant.enterprise_id)
    ids = []
    for _ in range(count):
        ids.append((await talk.write(database, await factories.visitor(channel))).conversation_id)
        clock.advance(seconds=1)
    return ids


async def loads(database: Database, tenant: Tenant) -> dict[UUID, int]:
    async with database.tenant(tenant.enterprise_id) as tx:
        return await conversations.active_counts(tx)


async def still_waiting(database: Database, tenant: Tenant) -> list[UUID]:
    async with database.tenant(tenant.enterprise_id) as tx:
        page = await conversations.list_conversations(tx, tenant.admin.actor, view=View.QUEUE, after=None, limit=100)
    return [row.id for row in page.items]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while not await condition():
            await asyncio.sleep(0.01)


async def test_fifty_waiting_three_agents_of_two_places_ten_at_once(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    agents = [await factories.agent(tenant.enterprise_id, max_conversations=2) for _ in range(3)]
    ids = await waiting(database, factories, tenant, clock, 50)
    await present(database, *agents)

    async def drain() -> None:
        while await assign_next(database, tenant) is not None:
            pass

    await asyncio.gather(*(drain() for _ in range(10)))

    assert await loads(database, tenant) == {agent.id: 2 for agent in agents}
    assert await still_waiting(database, tenant) == ids[6:]


async def test_takes_and_drains_at_once_hold_the_maximum(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    agents = [await factories.agent(tenant.enterprise_id, max_conversations=2) for _ in range(3)]
    ids = await waiting(database, factories, tenant, clock, 12)
    await present(database, *agents)

    results = await asyncio.gather(
        *(take(database, agent, conversation_id) for agent in agents for conversation_id in ids[::3]),
        *(assign_next(database, tenant) for _ in range(8)),
        return_exceptions=True,
    )

    assert await loads(database, tenant) == {agent.id: 2 for agent in agents}
    faults = [result for result in results if isinstance(result, BaseException)]
    assert all(isinstance(fault, LimitReached | AlreadyTaken | ConversationNotFound) for fault in faults), faults
    assert len(await still_waiting(database, tenant)) == 6


async def test_two_who_take_the_same_one_share_nothing(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    agents = [await factories.agent(tenant.enterprise_id) for _ in range(4)]
    [conversation_id] = await waiting(database, factories, tenant, clock, 1)

    results = await asyncio.gather(*(take(database, agent, conversation_id) for agent in agents), return_exceptions=True)

    winners = [result for result in results if isinstance(result, Conversation)]
    assert len(winners) == 1
    assert all(isinstance(result, AlreadyTaken | ConversationNotFound) for result in results if result not in winners)
    assert sum((await loads(database, tenant)).values()) == 1


async def test_fewest_first_and_in_turn(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    agents = [await factories.agent(tenant.enterprise_id) for _ in range(3)]
    await present(database, *agents)
    await waiting(database, factories, tenant, clock, 9)

    turns = []
    for _ in range(9):
        given = await assign_next(database, tenant)
        assert given is not None
        turns.append(given.assignee_id)
        clock.advance(seconds=1)

    assert [set(turns[start : start + 3]) for start in (0, 3, 6)] == [{agent.id for agent in agents}] * 3
    assert turns[:3] == turns[3:6] == turns[6:]


@pytest.mark.parametrize("how", ["away", "offline", "never here", "lapsed", "disconnected", "disabled", "no places"])
async def test_who_does_not_serve_gets_none(database: Database, factories: Factories, clock: FakeClock, how: str) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id, enabled=how != "disabled", max_conversations=0 if how == "no places" else 5)
    if how != "never here":
        await present(database, agent, status=PresenceStatus(how) if how in ("away", "offline") else PresenceStatus.ONLINE)
    if how == "disconnected":
        async with database.tenant(tenant.enterprise_id) as tx:
            await service.disconnected(tx, agent.id, NODE)
    [conversation_id] = await waiting(database, factories, tenant, clock, 1)
    if how == "lapsed":
        clock.advance(seconds=LEASE.total_seconds())

    assert await assign_next(database, tenant) is None
    assert await still_waiting(database, tenant) == [conversation_id]


async def test_a_lease_that_is_renewed_holds(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    await present(database, agent)
    await waiting(database, factories, tenant, clock, 1)
    clock.advance(seconds=LEASE.total_seconds() - 5)
    async with database.system() as tx:
        await service.renew(tx, [(tenant.enterprise_id, agent.id)], NODE)
    clock.advance(seconds=30)

    given = await assign_next(database, tenant)

    assert given is not None
    assert given.assignee_id == agent.id


async def test_taking_what_may_not_be_taken(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    full = await factories.agent(tenant.enterprise_id, max_conversations=1)
    first, second = await waiting(database, factories, tenant, clock, 2)
    await take(database, full, first)

    with pytest.raises(LimitReached):
        await take(database, full, second)
    with pytest.raises(AlreadyTaken):
        await take(database, tenant.admin, first)
    with pytest.raises(ConversationNotFound):
        await take(database, tenant.admin, new_id())
    disabled = await factories.agent(tenant.enterprise_id, enabled=False)
    with pytest.raises(NotAllowed):
        await take(database, disabled, second)
    assert await loads(database, tenant) == {full.id: 1}
    assert await still_waiting(database, tenant) == [second]


async def test_a_conversation_that_is_released_keeps_its_place(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    first, second = await waiting(database, factories, tenant, clock, 2)
    await take(database, agent, first)

    async with database.system() as tx:
        await tx.session.execute(text("UPDATE agents SET enabled = false WHERE id = :id"), {"id": agent.id})
    async with database.tenant(tenant.enterprise_id) as tx:
        assert await service.release_idle(tx, {agent.id, tenant.admin.id}) == 1

    assert await still_waiting(database, tenant) == [first, second]


async def test_what_many_agents_held_goes_back_a_page_in_a_transaction(
    database: Database, factories: Factories, resources: Resources
) -> None:
    """Given one conversation more than a page, what is left after a page goes back with the next, and the reaction goes on to the end."""
    tenants = [await factories.tenant() for _ in range(2)]
    released = []
    for tenant in tenants:
        agents = [await factories.agent(tenant.enterprise_id, max_conversations=100) for _ in range(3)]
        for agent in agents:
            await served(database, factories, agent, service.RELEASED_AT_ONCE // 3 + 1)
        async with database.system() as tx:
            await tx.session.execute(text("UPDATE agents SET enabled = false WHERE id = ANY(:ids)"), {"ids": [one.id for one in agents]})
        if tenant is tenants[0]:
            for _ in range(2):
                async with database.tenant(tenant.enterprise_id) as tx:
                    released.append(await service.release_idle(tx, {one.id for one in agents}))
        else:
            await Assigner(resources)._release_pages(tenant.enterprise_id, {one.id for one in agents})

    assert released == [service.RELEASED_AT_ONCE, 1]
    assert [await loads(database, tenant) for tenant in tenants] == [{}, {}]


async def test_an_assignment_beside_a_switch_off_leaves_nobody_with_a_switched_off_agent(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    await present(database, agent)
    [conversation_id] = await waiting(database, factories, tenant, clock, 1)

    async def release() -> int:
        async with database.tenant(tenant.enterprise_id) as tx:
            return await service.release_idle(tx, {agent.id})

    async with database.tenant(tenant.enterprise_id) as tx:
        assert await service.assign_next(tx) is not None  # has seen the agent serving, has not committed
        async with database.system() as other:
            await other.session.execute(text("UPDATE agents SET enabled = false WHERE id = :id"), {"id": agent.id})
        releasing = asyncio.create_task(release())
        await asyncio.sleep(0.05)
    released = await releasing

    assert released == 1
    assert await still_waiting(database, tenant) == [conversation_id]


async def test_a_place_that_gets_free_and_a_maximum_that_is_raised_serve_the_next(
    app: FastAPI, doors: Doors, database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id, max_conversations=1)
    await present(database, agent)
    ids = await waiting(database, factories, tenant, clock, 3)
    await until(lambda: _is(loads(database, tenant), {agent.id: 1}))
    await talk.end(database, agent, ids[0])
    await until(lambda: _is(still_waiting(database, tenant), [ids[2]]))

    answer = await doors.agent(tenant.admin).patch(f"/agents/{agent.id}", json={"max_conversations": 2, "version": 1})

    assert answer.status_code == 200
    await until(lambda: _is(still_waiting(database, tenant), []))
    assert await loads(database, tenant) == {agent.id: 2}


async def _is(coming: Awaitable[object], expected: object) -> bool:
    return await coming == expected


async def test_who_comes_online_is_given_what_waits(
    app: FastAPI, doors: Doors, database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant = await factories.tenant()
    ids = await waiting(database, factories, tenant, clock, 2)
    agent = await factories.agent(tenant.enterprise_id)
    assert (await doors.agent(agent).put("/presence/me", json={"status": "away"})).status_code == 200

    socket = await doors.agent_socket(agent)
    assert await still_waiting(database, tenant) == ids
    answer = await doors.agent(agent).put("/presence/me", json={"status": "online"})

    assert answer.json() == {"agent_id": str(agent.id), "status": "online", "connected": True, "open": 0, "maximum": 10, "asleep": False}
    given = [(await socket.next("conversation"))["conversation"]["id"] for _ in ids]
    assert given == [str(conversation_id) for conversation_id in ids]


async def test_a_start_finds_what_a_crash_left_waiting(
    database: Database, factories: Factories, clock: FakeClock, resources: Resources
) -> None:
    tenant = await factories.tenant()
    ids = await waiting(database, factories, tenant, clock, 2)
    agent = await factories.agent(tenant.enterprise_id)
    await present(database, agent)  # nothing listens: the events of all this are lost

    gateway = build_app(resources).state.gateway
    gateway.start()
    try:
        await until(lambda: _is(still_waiting(database, tenant), []))
    finally:
        await gateway.close()

    assert await loads(database, tenant) == {agent.id: len(ids)}


async def test_two_gateways_at_work_assign_each_once(
    database: Database, factories: Factories, clock: FakeClock, resources: Resources
) -> None:
    gateways = [build_app(resources).state.gateway for _ in range(2)]
    for gateway in gateways:
        gateway.start()
    try:
        tenant = await factories.tenant()
        agents = [await factories.agent(tenant.enterprise_id, max_conversations=3) for _ in range(2)]
        await present(database, *agents)
        ids = await waiting(database, factories, tenant, clock, 9)
        await until(lambda: _is(still_waiting(database, tenant), ids[6:]))
    finally:
        for gateway in gateways:
            await gateway.close()

    assert await loads(database, tenant) == {agent.id: 3 for agent in agents}
    assert await talk.gaps(database, tenant.enterprise_id) == []


async def test_presence_is_told_within_the_scope(app: FastAPI, doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    watching, outside, visitor = (
        await doors.agent_socket(tenant.admin),
        await doors.agent_socket(await factories.agent(tenant.enterprise_id)),
        await doors.visitor_socket(guest.token),
    )
    await watching.send(type="subscribe", topic="colleagues")
    await watching.next("subscribed")
    for socket in (watching, outside, visitor):
        await socket.settle()
        socket.frames.clear()

    await doors.agent(agent).put("/presence/me", json={"status": "away"})

    told = {"type": "presence", "agent_id": str(agent.id), "status": "away", "connected": False, "open": 0, "maximum": 10, "asleep": False}
    assert told in await watching.settle()
    assert [frame for frame in await outside.settle() if frame["type"] == "presence"] == []
    assert await visitor.settle() == []  # the others still serve: for visitors nothing changed
    own = (await doors.agent(agent).get("/presence")).json()["items"]
    assert [row["agent_id"] for row in own] == [str(agent.id)]
    assert len((await doors.agent(tenant.admin).get("/presence")).json()["items"]) == 3


@pytest.mark.parametrize("body", [{"status": "gone"}, {"status": None}, {}, {"status": "online", "agent_id": str(new_id())}, []])
async def test_a_status_that_does_not_exist(doors: Doors, factories: Factories, body: object) -> None:
    tenant = await factories.tenant()
    http = doors.agent(tenant.admin)

    answer = await http.put("/presence/me", json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_input")
    assert (await http.get("/presence")).json()["items"][0]["status"] == PresenceStatus.OFFLINE


async def test_faults_of_a_taken_conversation_by_http(doors: Doors, factories: Factories, database: Database) -> None:
    tenant = await factories.tenant()
    agent, guest = await factories.agent(tenant.enterprise_id), await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, agent)

    answer = await doors.agent(tenant.admin).post(f"/conversations/{conversation_id}/take")

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_taken")
    assert (await talk.conversation(database, guest, conversation_id)).status is Status.ACTIVE
    assert issubclass(AlreadyTaken, Fault)
