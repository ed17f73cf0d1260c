"""What the tests of time that passes share: a team that is there, conversations it serves, and what is due being done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from qiatan.infra.db import Database
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts.decisions import Cause, Outcome
from qiatan.modules.routing.contracts.queue import Routing
from tests.modules.routing.scene import NODE, present, waiting, why
from tests.modules.routing.test_layers import drain
from tests.modules.routing.test_queue import fire_due
from tests.support.clock import FakeClock
from tests.support.factories import Factories, Member, Tenant


async def team(database: Database, factories: Factories, count: int) -> tuple[Tenant, list[Member]]:
    tenant = await factories.tenant()
    agents = [await factories.agent(tenant.enterprise_id) for _ in range(count)]
    await present(database, *agents)
    return tenant, agents


async def served(database: Database, factories: Factories, tenant: Tenant) -> UUID:
    """A conversation that was assigned to somebody just now."""
    [conversation_id] = await waiting(database, factories, tenant.enterprise_id)
    await drain(database, tenant.enterprise_id)
    return conversation_id


async def stay(database: Database, *members: Member) -> None:
    """Their pages are still open."""
    async with database.system() as tx:
        await service.renew(tx, [(member.enterprise_id, member.id) for member in members], NODE)


async def later(database: Database, clock: FakeClock, seconds: float, *members: Member) -> None:
    """Time goes on, the members stay, and what is due is done."""
    clock.advance(seconds=seconds)
    await stay(database, *members)
    await fire_due(database)


async def routing(database: Database, tenant: Tenant, conversation_id: UUID) -> Routing:
    async with database.tenant(tenant.enterprise_id) as tx:
        return await service.routing(tx, tenant.admin.actor, conversation_id)


async def delayed(database: Database, tenant: Tenant, conversation_id: UUID) -> list[Outcome]:
    return [one.outcome for one in await why(database, tenant, conversation_id) if one.cause is Cause.DELAYED]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.05)
