"""Read marks and typing of many people in one statement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database, DirectConnection
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import SendMessage
from qiatan.modules.conversations.repository.signals import Mark, Marked, Typed, lines_typed_on, move_marks
from tests.support import talk
from tests.support.backends import somebody_waits_for_a_lock
from tests.support.factories import Factories, Guest, Member


@pytest.fixture
async def direct(database: Database) -> AsyncIterator[DirectConnection]:
    connection = DirectConnection(database.url, flushed=False)
    yield connection
    await connection.close()


def by_agent(order: int, agent: Member, conversation_id: UUID, seq: int) -> Mark:
    return Mark(order, agent.enterprise_id, conversation_id, True, agent.id, None, seq)


def by_customer(order: int, guest: Guest, conversation_id: UUID, seq: int) -> Mark:
    return Mark(order, guest.actor.enterprise_id, conversation_id, False, guest.customer_id, guest.actor.channel_id, seq)


async def test_marks_of_two_enterprises_in_one_call_move_forward_and_each_is_moved_by_one(
    database: Database, direct: DirectConnection, factories: Factories
) -> None:
    tenants = [await factories.tenant(name) for name in ("松间器物", "云上茶")]
    guests = [await factories.visitor(await factories.channel(tenant.enterprise_id)) for tenant in tenants]
    places = [await talk.served(database, guest, tenant.admin) for guest, tenant in zip(guests, tenants, strict=True)]
    for guest, tenant, place in zip(guests, tenants, places, strict=True):
        for _ in range(3):
            await talk.write(database, guest)
        await talk.answer(database, tenant.admin, place)
    heads = [(await talk.conversation(database, guest, place)).head for guest, place in zip(guests, places, strict=True)]

    moved = await move_marks(
        direct,
        [
            by_agent(0, tenants[0].admin, places[0], heads[0] - 2),
            by_agent(1, tenants[0].admin, places[0], heads[0] - 1),
            by_customer(2, guests[0], places[0], 1_000),
            by_agent(3, tenants[1].admin, places[1], heads[1]),
        ],
    )
    again = await move_marks(direct, [by_agent(0, tenants[0].admin, places[0], 1)])

    assert [(one.own, one.seq) for one in [*moved, *again]] == [
        (True, None),
        (True, heads[0] - 1),
        (True, heads[0]),
        (True, heads[1]),
        (True, None),
    ]
    assert moved[2] == Marked(True, heads[0], guests[0].customer_id, tenants[0].admin.id, False, [])
    rows = [await talk.conversation(database, guest, place) for guest, place in zip(guests, places, strict=True)]
    assert [(row.agent_read_seq, row.customer_read_seq) for row in rows] == [(heads[0] - 1, heads[0]), (heads[1], 0)]
    for tenant in tenants:
        assert await talk.drift(database, tenant.enterprise_id) == []


async def test_somebody_elses_conversation_is_left_as_it_is(database: Database, direct: DirectConnection, factories: Factories) -> None:
    tenant, stranger = await factories.tenant(), await factories.tenant("云上茶")
    colleague = await factories.agent(tenant.enterprise_id)
    channel = await factories.channel(tenant.enterprise_id)
    guest, other = await factories.visitor(channel), await factories.visitor(channel)
    place = await talk.served(database, guest, tenant.admin)
    await talk.answer(database, tenant.admin, place)
    before = await talk.conversation(database, guest, place)

    moved = await move_marks(
        direct,
        [
            by_agent(0, colleague, place, 1),
            by_agent(1, stranger.admin, place, 1),
            by_customer(2, other, place, 1),
            by_agent(3, tenant.admin, new_id(), 1),
        ],
    )

    assert moved == [Marked(False, None, None, None, False, None)] * 4
    assert await talk.conversation(database, guest, place) == before


async def test_a_message_stored_while_marks_wait_is_counted(database: Database, direct: DirectConnection, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    place = await talk.served(database, guest, tenant.admin)
    head = (await talk.conversation(database, guest, place)).head

    async with database.tenant(tenant.enterprise_id) as tx:
        await service.send_own(tx, guest.actor, SendMessage(client_message_id=new_id(), text="同时"))
        marking = asyncio.create_task(move_marks(direct, [by_agent(0, tenant.admin, place, head)]))
        await somebody_waits_for_a_lock(database)
    await marking

    assert await talk.drift(database, tenant.enterprise_id) == []
    assert (await talk.conversation(database, guest, place)).agent_unread == 1


async def test_who_hears_typing(database: Database, direct: DirectConnection, factories: Factories) -> None:
    tenant, stranger = await factories.tenant(), await factories.tenant("云上茶")
    channel = await factories.channel(tenant.enterprise_id)
    guest, silent = await factories.visitor(channel), await factories.visitor(channel)
    there = await factories.visitor(await factories.channel(stranger.enterprise_id))
    place = await talk.served(database, guest, tenant.admin)
    elsewhere = await talk.served(database, there, stranger.admin)
    colleague = await factories.agent(tenant.enterprise_id)

    def agent_types(order: int, agent: Member) -> Typed:
        return Typed(order, agent.enterprise_id, c=place, a=agent.id, j=True)

    def visitor_types(order: int, who: Guest) -> Typed:
        return Typed(order, who.actor.enterprise_id, cu=who.customer_id, ch=who.actor.channel_id)

    lines = await lines_typed_on(
        direct,
        [
            visitor_types(0, guest),
            visitor_types(1, silent),
            agent_types(2, tenant.admin),
            agent_types(3, colleague),
            agent_types(4, stranger.admin),
            visitor_types(5, there),
        ],
    )

    heard = {order: (line.conversation_id, line.customer_id, line.agent_ids) for order, line in lines.items()}
    mine = (place, guest.customer_id, [tenant.admin.id])
    assert heard == {0: mine, 2: mine, 5: (elsewhere, there.customer_id, [stranger.admin.id])}
    assert await lines_typed_on(direct, [visitor_types(0, silent)]) == {}
