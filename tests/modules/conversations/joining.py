"""A conversation that somebody serves, and who leads them: the scene of joining."""

from __future__ import annotations

from uuid import UUID

import pytest

from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.conversations import service
from tests.support import talk
from tests.support.factories import Factories, Guest, Member, Tenant


class Scene:
    """A conversation that `agent` serves, and `leader`, who leads the agent's group."""

    def __init__(self, tenant: Tenant, group: UUID, agent: Member, leader: Member, guest: Guest, conversation_id: UUID) -> None:
        self.tenant, self.group, self.agent, self.leader, self.guest, self.id = tenant, group, agent, leader, guest, conversation_id


@pytest.fixture
async def scene(database: Database, factories: Factories) -> Scene:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id, name="顾言")
    group = await factories.group(tenant.enterprise_id, agent.id)
    leader = await leader_of(factories, tenant, group)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    return Scene(tenant, group, agent, leader, guest, await talk.served(database, guest, agent))


async def leader_of(factories: Factories, tenant: Tenant, group: UUID) -> Member:
    return await factories.agent(
        tenant.enterprise_id, role="group_leader", scope=Scope(ScopeKind.GROUPS, frozenset({group})), name="沈主管"
    )


async def leave(database: Database, member: Member, conversation_id: UUID) -> list[UUID]:
    async with database.tenant(member.enterprise_id) as tx:
        return (await service.leave(tx, member.actor, conversation_id)).joined_ids
