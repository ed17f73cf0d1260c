"""Read marks and typing of many people in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.events import Event
from qiatan.modules.accounts import service as accounts
from qiatan.modules.accounts.contracts import ChangeEnterprise
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import SenderKind, SendMessage
from qiatan.modules.conversations.events import ConversationRead
from qiatan.modules.conversations.service import Mark, Typed
from tests.support import talk
from tests.support.backends import somebody_waits_for_a_lock
from tests.support.factories import Factories


async def marked(database: Database, *marks: Mark) -> list[bool]:
    async with database.system() as tx:
        return await service.mark_read_together(tx, marks)


async def test_marks_of_two_enterprises_in_one_call_move_forward_and_are_told_once_each(database: Database, factories: Factories) -> None:
    told: list[Event] = []
    tenants = [await factories.tenant(name) for name in ("松间器物", "云上茶")]
    guests = [await factories.visitor(await factories.channel(tenant.enterprise_id)) for tenant in tenants]
    places = [await talk.served(database, guest, tenant.admin) for guest, tenant in zip(guests, tenants, strict=True)]
    for guest, tenant, place in zip(guests, tenants, places, strict=True):
        for _ in range(3):
            await talk.write(database, guest)
        await talk.answer(database, tenant.admin, place)
    heads = [(await talk.conversation(database, guest, place)).head for guest, place in zip(guests, places, strict=True)]

    def listener(events: Sequence[Event]) -> None:
        told.extend(event for event in events if isinstance(event, ConversationRead))

    database.listeners.append(listener)
    own = await marked(
        database,
        Mark(tenants[0].admin.actor, places[0], heads[0] - 2),
        Mark(tenants[0].admin.actor, places[0], heads[0] - 1),
        Mark(guests[0].actor, places[0], 1_000),
        Mark(tenants[1].admin.actor, places[1], heads[1]),
    )
    again = await marked(database, Mark(tenants[0].admin.actor, places[0], 1))
    database.listeners.remove(listener)

    assert (own, again) == ([True] * 4, [True])
    assert [(event.conversation_id, event.side, event.seq) for event in told if isinstance(event, ConversationRead)] == [
        (places[0], SenderKind.AGENT, heads[0] - 1),
        (places[1], SenderKind.AGENT, heads[1]),
        (places[0], SenderKind.CUSTOMER, heads[0]),
    ]
    rows = [await talk.conversation(database, guest, place) for guest, place in zip(guests, places, strict=True)]
    assert [(row.agent_read_seq, row.customer_read_seq) for row in rows] == [(heads[0] - 1, heads[0]), (heads[1], 0)]
    for tenant in tenants:
        assert await talk.drift(database, tenant.enterprise_id) == []


async def test_somebody_elses_conversation_is_left_as_it_is(database: Database, factories: Factories) -> None:
    tenant, stranger = await factories.tenant(), await factories.tenant("云上茶")
    colleague = await factories.agent(tenant.enterprise_id)
    channel = await factories.channel(tenant.enterprise_id)
    guest, other = await factories.visitor(channel), await factories.visitor(channel)
    place = await talk.served(database, guest, tenant.admin)
    await talk.answer(database, tenant.admin, place)
    before = await talk.conversation(database, guest, place)

    own = await marked(
        database,
        Mark(colleague.actor, place, 1),
        Mark(stranger.admin.actor, place, 1),
        Mark(other.actor, place, 1),
        Mark(tenant.admin.actor, new_id(), 1),
    )

    assert own == [False] * 4
    assert await talk.conversation(database, guest, place) == before


async def test_a_message_stored_while_marks_wait_is_counted(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    place = await talk.served(database, guest, tenant.admin)
    head = (await talk.conversation(database, guest, place)).head

    async with database.tenant(tenant.enterprise_id) as tx:
        await service.send_own(tx, guest.actor, SendMessage(client_message_id=new_id(), text="同时"))
        marking = asyncio.create_task(marked(database, Mark(tenant.admin.actor, place, head)))
        await somebody_waits_for_a_lock(database)
    await marking

    assert await talk.drift(database, tenant.enterprise_id) == []
    assert (await talk.conversation(database, guest, place)).agent_unread == 1


async def test_who_hears_typing_and_whose_words_are_shown(database: Database, factories: Factories) -> None:
    tenant, discreet = await factories.tenant(), await factories.tenant("云上茶")
    async with database.tenant(discreet.enterprise_id) as tx:
        await accounts.change_enterprise(tx, discreet.admin.actor, ChangeEnterprise(typing_preview=False, version=1))
    channel = await factories.channel(tenant.enterprise_id)
    guest, silent = await factories.visitor(channel), await factories.visitor(channel)
    there = await factories.visitor(await factories.channel(discreet.enterprise_id))
    place = await talk.served(database, guest, tenant.admin)
    elsewhere = await talk.served(database, there, discreet.admin)
    colleague = await factories.agent(tenant.enterprise_id)

    async with database.system() as tx:
        lines, showing = await service.lines_typed_on(
            tx,
            [
                Typed(guest.actor, None, "请问"),
                Typed(silent.actor, None, "还没有对话"),
                Typed(tenant.admin.actor, place, None),
                Typed(colleague.actor, place, None),
                Typed(discreet.admin.actor, place, None),
                Typed(there.actor, None, "不给看"),
            ],
        )

    heard = [None if line is None else (line.conversation_id, line.customer_id, line.agent_ids) for line in lines]
    mine = (place, guest.customer_id, [tenant.admin.id])
    assert heard == [mine, None, mine, None, None, (elsewhere, there.customer_id, [discreet.admin.id])]
    assert showing == {tenant.enterprise_id}
