"""Giving a served conversation to another agent, and what routing asks of conversations."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind, SystemActor
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import Routed, Status
from qiatan.modules.conversations.errors import AlreadyTaken, ConversationNotFound
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories


async def test_a_transfer_gives_it_to_one_and_takes_it_from_the_other(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    first, second = await factories.agent(tenant.enterprise_id, name="甲"), await factories.agent(tenant.enterprise_id, name="乙")
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, first)
    clock.advance(seconds=20)

    given = await talk.transfer(database, conversation_id, first, second, how="delayed")

    assert (given.status, given.assignee_id) == (Status.ACTIVE, second.id)
    assert [person.id for person in given.participants] == [first.id, second.id]
    told = {"name": "transferred", "agent_id": str(second.id), "agent_name": "乙"}
    assert (await talk.messages(database, guest, conversation_id))[-1].data == told  # whose fault it was is no business of theirs
    assert (await talk.read(database, second, conversation_id))[-1].data == {**told, "from_id": str(first.id), "how": "delayed"}
    async with database.tenant(tenant.enterprise_id) as tx:
        routed = await service.routed(tx, conversation_id)
        assert await service.active_counts(tx) == {second.id: 1}
    assert routed is not None
    assert (routed.assigned_at, routed.agent_ids) == (clock.now(), (first.id, second.id))
    assert await talk.drift(database, tenant.enterprise_id) == []


async def test_a_transfer_that_comes_too_late_changes_nothing(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    first, second, third = [await factories.agent(tenant.enterprise_id) for _ in range(3)]
    channel = await factories.channel(tenant.enterprise_id)
    guest, waiting = await factories.visitor(channel), await factories.visitor(channel)
    conversation_id = await talk.served(database, guest, first)
    waits = (await talk.write(database, waiting)).conversation_id
    before = await talk.conversation(database, guest, conversation_id)

    for expected, to in ((second, third), (first, first)):
        with pytest.raises(AlreadyTaken):
            await talk.transfer(database, conversation_id, expected, to)
    with pytest.raises(AlreadyTaken):
        await talk.transfer(database, waits, first, second)
    async with database.tenant(tenant.enterprise_id) as tx:
        with pytest.raises(ConversationNotFound):
            await service.reassign(tx, SystemActor(tenant.enterprise_id), new_id(), first.id, how="by_hand", expected=first.id)
        with pytest.raises(AlreadyTaken):
            await service.reassign(tx, SystemActor(tenant.enterprise_id), conversation_id, second.id, how="by_hand", expected=None)

    assert await talk.conversation(database, guest, conversation_id) == before


async def test_of_many_at_once_one_gets_it(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    first = await factories.agent(tenant.enterprise_id)
    others = [await factories.agent(tenant.enterprise_id) for _ in range(5)]
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, first)

    answers = await asyncio.gather(*(talk.transfer(database, conversation_id, first, other) for other in others), return_exceptions=True)

    given = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(given) == 1
    assert all(isinstance(answer, AlreadyTaken) for answer in answers if isinstance(answer, BaseException))
    assert (await talk.conversation(database, guest, conversation_id)).assignee_id == given[0].assignee_id
    events = [message.data for message in await talk.messages(database, guest, conversation_id) if message.data]
    assert [data["name"] for data in events] == ["assigned", "transferred"]


async def test_those_of_several_agents_are_released_in_the_order_in_which_messages_lock(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    channel = await factories.channel(tenant.enterprise_id)
    agents = sorted([await factories.agent(tenant.enterprise_id) for _ in range(2)], key=lambda agent: agent.id)
    first, second = sorted([(await talk.write(database, await factories.visitor(channel))).conversation_id for _ in range(2)])
    await talk.assign(database, second, agents[0])
    await talk.assign(database, first, agents[1])

    async def release() -> int:
        async with database.tenant(tenant.enterprise_id) as tx:
            return await service.release_some_of(tx, *(agent.id for agent in agents))

    async with database.tenant(tenant.enterprise_id) as writer:
        await service.routed(writer, first, lock=True)
        releasing = asyncio.create_task(release())
        await asyncio.wait([releasing], timeout=1)  # it has to wait, and holds nothing that comes later
        await service.routed(writer, second, lock=True)

    assert await releasing == 2


async def test_a_customers_page_is_told_who_serves_them_now_and_no_more(doors: Doors, database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    first, second = await factories.agent(tenant.enterprise_id), await factories.agent(tenant.enterprise_id, name="乙")
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, first)
    visitor, page = await doors.visitor_socket(guest.token), await doors.agent_socket(second)
    for socket in (visitor, page):
        await socket.send(type="subscribe", topic="mine")
        await socket.next("subscribed")

    await talk.transfer(database, conversation_id, first, second, how="taken_over")
    await talk.answer(database, second, conversation_id)

    told = {"name": "transferred", "agent_id": str(second.id), "agent_name": "乙"}
    assert (await visitor.next("message"))["data"] == told
    assert (await visitor.next("message"))["kind"] == "text"
    shown = (await doors.agent(second).get(f"/conversations/{conversation_id}/messages?after_seq=2")).json()["items"][0]
    assert shown["data"] == {**told, "from_id": str(first.id), "how": "taken_over"}


async def test_pages_of_both_agents_and_of_those_who_look_at_them_are_told(doors: Doors, database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    first, second = [await factories.agent(tenant.enterprise_id) for _ in range(2)]
    groups = [await factories.group(tenant.enterprise_id, member.id) for member in (first, second)]
    of_first, of_second, of_both = [
        await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.GROUPS, frozenset(held)))
        for held in ([groups[0]], [groups[1]], groups)
    ]
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, first)
    pages = {}
    for name, member, topic in (
        ("first", first, "mine"),
        ("second", second, "mine"),
        ("of first", of_first, "colleagues"),
        ("of second", of_second, "colleagues"),
        ("of both", of_both, "colleagues"),
        ("all", tenant.admin, "colleagues"),
    ):
        pages[name] = await doors.agent_socket(member)
        await pages[name].send(type="subscribe", topic=topic)
        await pages[name].next("subscribed")

    await talk.transfer(database, conversation_id, first, second)

    told = {}
    for name, page in pages.items():
        frames = [frame for frame in await page.settle() if frame["type"] in ("conversation", "conversation_gone")]
        told[name] = [(frame["type"], frame.get("topic")) for frame in frames if frame.get("topic") != "queue"]
    shown, mine, colleagues = ("conversation", None), ("conversation_gone", "mine"), ("conversation_gone", "colleagues")
    assert told == {
        "first": [mine],
        "second": [shown],
        "of first": [colleagues],
        "of second": [shown],
        "of both": [shown],
        "all": [shown],
    }


async def test_what_routing_asks(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    first, second = [await factories.agent(tenant.enterprise_id) for _ in range(2)]
    channel = await factories.channel(tenant.enterprise_id)
    guest, other = await factories.visitor(channel), await factories.visitor(channel)
    began = clock.now()
    conversation_id = (await talk.write(database, guest)).conversation_id
    clock.advance(seconds=5)
    later = (await talk.write(database, other)).conversation_id

    async with database.tenant(tenant.enterprise_id) as tx:
        assert await service.routed(tx, new_id()) is None
        assert await service.routed(tx, conversation_id, lock=True) == Routed(
            id=conversation_id,
            customer_id=guest.customer_id,
            channel_id=channel.id,
            status=Status.WAITING,
            assignee_id=None,
            agent_ids=(),
            created_at=began,
            waiting_since=began,
            assigned_at=None,
            first_customer_at=began,
            replied_at=None,
            unanswered_since=began,
            customer_messages=1,
        )
    for one in (later, conversation_id):
        await talk.assign(database, one, first)
    async with database.tenant(tenant.enterprise_id) as tx:
        assert await service.held_waiting(tx, first.id) == [conversation_id, later]
    answered = clock.advance(seconds=5)
    await talk.answer(database, first, conversation_id)
    clock.advance(seconds=5)
    await talk.write(database, guest)
    await talk.answer(database, first, conversation_id)
    async with database.tenant(tenant.enterprise_id) as tx:
        routed = await service.routed(tx, conversation_id)
        assert routed is not None
        assert (routed.first_customer_at, routed.replied_at, routed.unanswered_since) == (began, answered, None)
        assert await service.held_waiting(tx, first.id) == [later]
        assert await service.last_served_by(tx, guest.customer_id, since=began) is None  # none has ended yet

    await talk.transfer(database, conversation_id, first, second)
    await talk.end(database, second, conversation_id)
    ended = clock.now()
    clock.advance(days=3)
    async with database.tenant(tenant.enterprise_id) as tx:
        assert await service.last_served_by(tx, guest.customer_id, since=ended) == second.id
        assert await service.last_served_by(tx, guest.customer_id, since=ended + timedelta(seconds=1)) is None
        assert await service.last_served_by(tx, other.customer_id, since=began) is None
