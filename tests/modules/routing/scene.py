"""What the tests of routing's doors begin with: agents who are there, settings, conversations that are served."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from qiatan.entrypoints.gateway import Gateway
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.conversations import service as conversations
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts import PresenceStatus
from qiatan.modules.routing.contracts.decisions import Decision
from qiatan.modules.routing.contracts.settings import QueueSettings, SaveQueueing, SaveTransfers, TransferSettings
from tests.support import talk
from tests.support.access import points_of
from tests.support.doors import Doors
from tests.support.factories import Factories, Member, Tenant

LEADER = points_of("admin")
EVERYTHING = Scope(ScopeKind.ALL)
NODE = new_id()
"""Holds the pages of agents who are `present`."""


async def present(database: Database, *members: Member, status: PresenceStatus = PresenceStatus.ONLINE) -> None:
    """Put pages of these agents before the screen."""
    for member in members:
        async with database.tenant(member.enterprise_id) as tx:
            await service.set_presence(tx, member.actor, status)
            await service.connected(tx, member.id, NODE)


async def transfers(database: Database, tenant: Tenant, **settings: Any) -> None:
    """Save settings of transfers."""
    async with database.tenant(tenant.enterprise_id) as tx:
        version = (await service.see_transfers(tx, tenant.admin.actor)).version
        await service.save_transfers(tx, tenant.admin.actor, SaveTransfers(settings=TransferSettings(**settings), version=version))


async def queueing(database: Database, tenant: Tenant, **settings: Any) -> None:
    async with database.tenant(tenant.enterprise_id) as tx:
        version = (await service.see_queue_settings(tx, tenant.admin.actor)).version
        await service.save_queue_settings(tx, tenant.admin.actor, SaveQueueing(settings=QueueSettings(**settings), version=version))


async def served(database: Database, factories: Factories, member: Member, count: int = 1) -> list[UUID]:
    """Conversations of new visitors that an agent serves."""
    channel = await factories.channel(member.enterprise_id)
    return [await talk.served(database, await factories.visitor(channel), member) for _ in range(count)]


async def waiting(database: Database, factories: Factories, enterprise_id: UUID, count: int = 1) -> list[UUID]:
    """Conversations of new visitors that nobody serves."""
    channel = await factories.channel(enterprise_id)
    return [(await talk.write(database, await factories.visitor(channel))).conversation_id for _ in range(count)]


async def loads(database: Database, tenant: Tenant) -> dict[UUID, int]:
    async with database.tenant(tenant.enterprise_id) as tx:
        return await conversations.active_counts(tx)


async def holder(database: Database, tenant: Tenant, conversation_id: UUID) -> UUID | None:
    async with database.tenant(tenant.enterprise_id) as tx:
        found = await conversations.routed(tx, conversation_id)
    assert found is not None
    return found.assignee_id


async def why(database: Database, tenant: Tenant, conversation_id: UUID) -> list[Decision]:
    async with database.tenant(tenant.enterprise_id) as tx:
        return (await service.decisions(tx, tenant.admin.actor, conversation_id)).items


async def audited(database: Database, enterprise_id: UUID, action: str) -> list[dict[str, Any]]:
    """The details of an action's entries in the audit log, oldest first."""
    query = text("SELECT details FROM audit_log WHERE enterprise_id = :id AND action = :action ORDER BY seq")
    async with database.system() as tx:
        return list((await tx.session.execute(query, {"id": enterprise_id, "action": action})).scalars())


async def settled(doors: Doors) -> None:
    """Wait until routing has done what followed from everything so far: nothing changes by itself any more."""
    gateway: Gateway = doors.app.state.gateway
    await gateway.settled()
