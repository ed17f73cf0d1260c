"""Conversations whose customer has taken back everything: nobody is given them, and they go on as soon as something is there again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.modules.conversations import service as conversations
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts.settings import DelayedStep
from qiatan.modules.routing.repository import RoutingRepository
from qiatan.modules.routing.service.placement import Settled
from tests.modules.routing.passing import delayed, later, routing, stay, team
from tests.modules.routing.scene import holder, present, transfers
from tests.modules.routing.test_layers import drain
from tests.modules.routing.test_queue import fire_due, heard
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.factories import Factories, Guest, Member, Tenant


async def test_nobody_is_given_what_was_taken_back_until_something_is_there_again(database: Database, factories: Factories) -> None:
    # given one who left a message and one at whom nobody has looked, both of whom took it back
    tenant = await factories.tenant()
    channel = await factories.channel(tenant.enterprise_id)
    guests = [await factories.visitor(channel) for _ in range(2)]
    ids = [(await talk.write(database, guests[0])).conversation_id]
    async with database.tenant(tenant.enterprise_id) as tx:
        assert await service.place(tx, ids[0]) is Settled.WAITS
    ids.append((await talk.write(database, guests[1])).conversation_id)
    for guest, conversation_id in zip(guests, ids, strict=True):
        async with database.tenant(tenant.enterprise_id) as tx:
            await conversations.withdraw_own(tx, guest.actor, conversation_id, 1, new_id())

    # when somebody is there
    await present(database, tenant.admin)
    await drain(database, tenant.enterprise_id)
    empty = [await holder(database, tenant, one) for one in ids]
    async with database.tenant(tenant.enterprise_id) as tx:
        one_by_one = await service.place(tx, ids[1])
    async with database.system() as tx:
        fresh = await conversations.enterprises_waiting_besides(tx, lambda _enterprise, row: row != row)  # noqa: PLR0124 -- nothing is known

    # then nobody is given them, and whoever writes again is served
    assert (empty, one_by_one, tenant.enterprise_id in fresh) == ([None, None], Settled.KEPT, False)
    for guest in guests:
        await talk.write(database, guest, "还在")
    await drain(database, tenant.enterprise_id)
    assert [await holder(database, tenant, one) for one in ids] == [tenant.admin.id] * 2


async def test_the_delayed_transfer_waits_until_something_is_there_again(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, agents = await team(database, factories, 2)
    await transfers(database, tenant, steps=[DelayedStep(seconds=60)])
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = (await talk.write(database, guest)).conversation_id
    await drain(database, tenant.enterprise_id)
    first = await holder(database, tenant, conversation_id)
    async with database.tenant(tenant.enterprise_id) as tx:
        await conversations.withdraw_own(tx, guest.actor, conversation_id, 1, new_id())

    await later(database, clock, 60, *agents)
    await later(database, clock, 30, *agents)
    assert (await holder(database, tenant, conversation_id), await delayed(database, tenant, conversation_id)) == (first, [])

    await talk.write(database, guest, "还在")
    await later(database, clock, 59, *agents)
    at_59 = await holder(database, tenant, conversation_id)
    clock.advance(seconds=1)
    await stay(database, *agents)
    await fire_due(database)

    assert at_59 == first
    assert await holder(database, tenant, conversation_id) not in (first, None)


async def _emptied(database: Database, factories: Factories, count: int) -> tuple[Tenant, list[Member], Guest, UUID]:
    """A conversation that somebody serves, whose customer has taken back its only message at once."""
    tenant, agents = await team(database, factories, count)
    await transfers(database, tenant, steps=[DelayedStep(seconds=60)])
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = (await talk.write(database, guest)).conversation_id
    await drain(database, tenant.enterprise_id)
    async with database.tenant(tenant.enterprise_id) as tx:
        await conversations.withdraw_own(tx, guest.actor, conversation_id, 1, new_id())
    return tenant, agents, guest, conversation_id


@pytest.mark.parametrize("after", [59, 70, 89])
async def test_the_whole_time_counts_from_what_was_written_anew(
    database: Database, factories: Factories, clock: FakeClock, after: int
) -> None:
    """Whether its deadline fell into the time in which nothing was there, or not."""
    tenant, agents, guest, conversation_id = await _emptied(database, factories, 2)
    first = await holder(database, tenant, conversation_id)
    await later(database, clock, min(after, 60), *agents)
    clock.advance(seconds=after - min(after, 60))
    again = clock.now()
    await talk.write(database, guest, "还在")

    for _ in range(59):
        await later(database, clock, 1, *agents)
    shown = await routing(database, tenant, conversation_id)
    kept = await holder(database, tenant, conversation_id)
    await later(database, clock, 1, *agents)

    assert (shown.transfer_due_at, kept) == (again + timedelta(seconds=60), first)
    assert await holder(database, tenant, conversation_id) not in (first, None)


async def test_while_nothing_is_there_its_deadline_is_told_once_and_keeps_nobody_waiting(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, agents, guest, _ = await _emptied(database, factories, 1)
    told = heard(database)

    await later(database, clock, 60, *agents)
    async with asyncio.timeout(10), database.tenant(tenant.enterprise_id) as busy:
        await RoutingRepository(busy, tenant.enterprise_id).claim_assignment()
        for _ in range(5):
            await later(database, clock, 30, *agents)
    again = clock.now()
    await talk.write(database, guest, "还在")
    await later(database, clock, 30, *agents)

    assert [event.routing.transfer_due_at for event in told] == [None, again + timedelta(seconds=60)]


async def test_while_nothing_is_there_new_steps_and_an_answer_taken_back_show_no_deadline(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, agents, guest, conversation_id = await _emptied(database, factories, 1)
    await later(database, clock, 60, *agents)
    told = heard(database)

    await transfers(database, tenant, steps=[DelayedStep(seconds=90)])
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.reschedule(tx)
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.answer_taken_back(tx, conversation_id)
    before = [event.routing.transfer_due_at for event in told]
    again = clock.now()
    await talk.write(database, guest, "还在")
    await later(database, clock, 30, *agents)

    assert (before, [event.routing.transfer_due_at for event in told]) == ([], [again + timedelta(seconds=90)])


async def test_a_first_message_taken_back_was_not_the_first(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = (await talk.write(database, guest)).conversation_id
    second = clock.advance(seconds=30)
    await talk.write(database, guest, "想问一下")
    firsts = []

    for seq in (1, 2):
        async with database.tenant(tenant.enterprise_id) as tx:
            await conversations.withdraw_own(tx, guest.actor, conversation_id, seq, new_id())
            found = await conversations.routed(tx, conversation_id)
            assert found is not None
            firsts.append(found.first_customer_at)

    assert firsts == [second, None]
