"""What nobody needs any more is deleted, and nothing else."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.modules.conversations import service as conversations
from qiatan.modules.routing import jobs, service
from qiatan.modules.routing.contracts.decisions import Wish
from qiatan.modules.routing.contracts.transfers import Transfer
from tests.modules.routing import scene
from tests.modules.routing.scene import NODE, waiting, why
from tests.modules.routing.test_layers import drain
from tests.support.clock import FakeClock
from tests.support.factories import Factories, Guest


async def test_times_offers_and_decisions_go_each_after_its_time(
    database: Database, factories: Factories, clock: FakeClock, resources: Resources
) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    await scene.transfers(database, tenant, ask=True)

    async def something_of_everything() -> None:
        await scene.present(database, agent)
        [conversation_id] = await scene.served(database, factories, tenant.admin)
        async with database.tenant(tenant.enterprise_id) as tx:
            offer = (await service.transfer(tx, tenant.admin.actor, conversation_id, Transfer(agent_id=agent.id))).offer
        assert offer is not None
        async with database.tenant(tenant.enterprise_id) as tx:
            await service.accept_offer(tx, agent.actor, offer.id)
        clock.advance(seconds=10)
        async with database.tenant(tenant.enterprise_id) as tx:
            await service.disconnected(tx, agent.id, NODE)

    async def counted() -> list[int]:
        found = []
        async with database.system() as tx:
            for table in ("presence_spans", "transfer_offers", "routing_decisions"):
                query = text(f"SELECT count(*) FROM {table} WHERE enterprise_id = :id")  # noqa: S608 -- our own table names
                found.append((await tx.session.execute(query, {"id": tenant.enterprise_id})).scalar_one())
        return found

    async def purge() -> None:
        await jobs.purge_times_and_offers.run(resources)
        await jobs.purge_decisions.run(resources)
        await jobs.purge_wishes.run(resources)

    await something_of_everything()
    first = await counted()
    clock.advance(days=29)
    await purge()
    assert await counted() == first == [1, 1, 1]
    clock.advance(days=2)
    await purge()
    assert await counted() == [1, 0, 1]
    clock.advance(days=800)
    await something_of_everything()

    await purge()

    assert await counted() == [1, 1, 1]


async def test_decisions_go_after_ninety_days(database: Database, factories: Factories, clock: FakeClock, resources: Resources) -> None:
    tenant = await factories.tenant()
    [old] = await waiting(database, factories, tenant.enterprise_id)
    await drain(database, tenant.enterprise_id)
    clock.advance(days=1)
    [young] = await waiting(database, factories, tenant.enterprise_id)
    await drain(database, tenant.enterprise_id)
    clock.advance(days=89, seconds=1)

    await jobs.purge_decisions.run(resources)

    assert [len(await why(database, tenant, one)) for one in (old, young)] == [0, 1]


async def test_wishes_go_after_a_day(database: Database, factories: Factories, clock: FakeClock, resources: Resources) -> None:
    tenant = await factories.tenant()
    channel = await factories.channel(tenant.enterprise_id)
    old, young = await factories.visitor(channel), await factories.visitor(channel)

    async def named(guest: Guest) -> None:
        async with database.tenant(tenant.enterprise_id) as tx:
            await service.set_wish(tx, guest.actor, Wish(agents=[str(new_id())]))

    await named(old)
    clock.advance(hours=1)
    await named(young)
    clock.advance(hours=23, seconds=1)

    await jobs.purge_wishes.run(resources)

    async with database.tenant(tenant.enterprise_id) as tx:
        left = await tx.session.execute(
            text("SELECT customer_id FROM routing_wishes WHERE enterprise_id = :id"), {"id": tenant.enterprise_id}
        )
        assert list(left.scalars()) == [young.customer_id]


async def test_how_a_conversation_was_routed_goes_half_a_year_after_its_end(
    database: Database, factories: Factories, clock: FakeClock, resources: Resources
) -> None:
    tenant = await factories.tenant()
    await scene.present(database, tenant.admin)
    ended, going_on = await waiting(database, factories, tenant.enterprise_id, 2)
    await drain(database, tenant.enterprise_id)
    async with database.tenant(tenant.enterprise_id) as tx:
        await conversations.end(tx, tenant.admin.actor, ended)
        await service.end_request(tx, ended)

    async def kept() -> set[UUID]:
        async with database.system() as tx:
            query = text("SELECT conversation_id FROM routing_requests WHERE enterprise_id = :id")
            return set((await tx.session.execute(query, {"id": tenant.enterprise_id})).scalars())

    clock.advance(days=179)
    await jobs.purge_requests.run(resources)
    assert await kept() == {ended, going_on}

    clock.advance(days=2)
    await jobs.purge_requests.run(resources)

    assert await kept() == {going_on}
    async with database.tenant(tenant.enterprise_id) as tx:
        assert (await service.routing(tx, tenant.admin.actor, ended)).state == "ended"
