"""What is kept only for a while."""

from __future__ import annotations

from sqlalchemy import text

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.modules.routing import jobs, service
from qiatan.modules.routing.contracts.decisions import Wish
from tests.modules.routing.scene import waiting, why
from tests.modules.routing.test_layers import drain
from tests.support.clock import FakeClock
from tests.support.factories import Factories, Guest


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
