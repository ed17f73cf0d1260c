from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.errors import InvalidInput, NotAllowed, NotFound, VersionConflict
from qiatan.kit.events import Event
from qiatan.modules.customers import service
from qiatan.modules.customers.contracts import ChangeCustomer
from qiatan.modules.customers.events import CustomerChanged
from tests.support.clock import FakeClock
from tests.support.factories import Factories


async def test_a_new_customer_has_no_name_of_their_own(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()

    async with database.tenant(tenant.enterprise_id) as tx:
        customer = await service.create(tx)

    async with database.tenant(tenant.enterprise_id) as tx:
        assert await service.get(tx, customer.id) == customer
    assert (customer.name, customer.named, customer.version) == (f"访客 {customer.id.hex[-5:].upper()}", False, 1)
    assert customer.created_at == customer.last_seen_at == clock.now()


async def test_another_enterprises_customers_do_not_exist(database: Database, factories: Factories) -> None:
    ours, theirs = await factories.tenant(), await factories.tenant()
    async with database.tenant(theirs.enterprise_id) as tx:
        customer = await service.create(tx)

    async with database.tenant(ours.enterprise_id) as tx:
        with pytest.raises(NotFound):
            await service.get(tx, customer.id)
        with pytest.raises(NotFound):
            await service.card(tx, customer.id)
        with pytest.raises(NotFound):
            await service.change(tx, ours.admin.actor, customer_id=customer.id, change=ChangeCustomer(name="我们的", version=1))
        assert await service.briefs(tx, [customer.id, new_id()]) == {}


async def test_briefs_name_many_in_one_go(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    async with database.tenant(tenant.enterprise_id) as tx:
        first, second = await service.create(tx), await service.create(tx)
        await service.change(tx, tenant.admin.actor, customer_id=second.id, change=ChangeCustomer(name="林夕", version=1))

        found = await service.briefs(tx, {first.id, second.id})

    assert {brief.id: brief.name for brief in found.values()} == {first.id: first.name, second.id: "林夕"}


async def test_a_renamed_customer_is_announced(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    heard: list[Event] = []
    database.listeners.append(lambda events: heard.extend(_customers(events)))
    async with database.tenant(tenant.enterprise_id) as tx:
        customer = await service.create(tx)

    async with database.tenant(tenant.enterprise_id) as tx:
        change = ChangeCustomer(name="  林\u202e夕\n ", version=1)
        renamed = await service.change(tx, tenant.admin.actor, customer_id=customer.id, change=change)

    assert (renamed.name, renamed.named, renamed.version) == ("林夕", True, 2)
    assert heard == [CustomerChanged(enterprise_id=tenant.enterprise_id, customer_id=customer.id, name="林夕", vip=False, version=2)]


async def test_a_rename_that_is_refused_changes_nothing(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    admin = tenant.admin.actor
    powerless = replace(admin, points=admin.points - {"customers.edit"})
    async with database.tenant(tenant.enterprise_id) as tx:
        customer = await service.create(tx)

    async with database.tenant(tenant.enterprise_id) as tx:
        with pytest.raises(VersionConflict):
            await service.change(tx, admin, customer_id=customer.id, change=ChangeCustomer(name="林夕", version=2))
        with pytest.raises(NotAllowed):
            await service.change(tx, powerless, customer_id=customer.id, change=ChangeCustomer(name="林夕", version=1))
        for name in ("", " \u200b", "长" * 61, "a\x00", "\ud800"):
            with pytest.raises(InvalidInput):
                await service.change(tx, admin, customer_id=customer.id, change=_renaming(name))

    async with database.tenant(tenant.enterprise_id) as tx:
        assert await service.get(tx, customer.id) == customer


async def test_being_seen_is_noted_to_the_minute(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    async with database.tenant(tenant.enterprise_id) as tx:
        customer = await service.create(tx)

    clock.advance(seconds=60)
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.seen(tx, customer.id)
    async with database.tenant(tenant.enterprise_id) as tx:
        assert (await service.get(tx, customer.id)).last_seen_at == customer.last_seen_at

    clock.advance(seconds=1)
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.seen(tx, customer.id)
    async with database.tenant(tenant.enterprise_id) as tx:
        assert (await service.get(tx, customer.id)).last_seen_at == clock.now()


def _renaming(name: str) -> ChangeCustomer:
    """As it would arrive; a lone surrogate is text for nobody but us."""
    return ChangeCustomer.model_construct(name=name, vip=True, tag_ids=None, fields=None, version=1)


def _customers(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, CustomerChanged)]
