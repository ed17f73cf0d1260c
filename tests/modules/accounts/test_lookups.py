"""What other modules ask."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from qiatan.infra.db import Database
from qiatan.kit.errors import NotFound
from qiatan.modules.accounts import service
from qiatan.modules.accounts.contracts import AgentBrief, ServingAgent
from qiatan.modules.conversations.permissions import SERVE
from tests.support.doors import Doors
from tests.support.factories import Factories


async def test_visitors_see_the_public_name_or_else_the_name(factories: Factories, doors: Doors, database: Database) -> None:
    tenant, other = await factories.tenant(), await factories.tenant()
    shown = await factories.agent(tenant.enterprise_id, name="顾言")
    await doors.agent(shown).patch("/me", json={"public_name": "小言", "version": 1})

    async with database.tenant(tenant.enterprise_id) as tx:
        briefs = await service.briefs(tx, {shown.id, tenant.admin.id, other.admin.id, uuid4()})
        none = await service.briefs(tx, [])

    assert briefs == {
        shown.id: AgentBrief(id=shown.id, name="小言", avatar_url=None),
        tenant.admin.id: AgentBrief(id=tenant.admin.id, name="沈知夏", avatar_url=None),
    }
    assert none == {}


async def test_those_serve_who_are_enabled_and_have_joined_and_whose_role_says_so(factories: Factories, database: Database) -> None:
    tenant = await factories.tenant()
    group = await factories.group(tenant.enterprise_id)
    serving = await factories.agent(tenant.enterprise_id, max_conversations=3, group_ids=(group,))
    await factories.agent(tenant.enterprise_id, enabled=False)
    await factories.agent(tenant.enterprise_id, pending=True)
    await factories.agent(tenant.enterprise_id, role="analyst")
    specialist = await factories.agent(tenant.enterprise_id, role="specialist")
    async with database.tenant(tenant.enterprise_id) as tx:
        found = await service.serving_agents(tx, SERVE)
        names = {agent_id: (await service.get_agent(tx, agent_id)).name for agent_id in (tenant.admin.id, serving.id, specialist.id)}
    assert found == [
        ServingAgent(id=tenant.admin.id, name=names[tenant.admin.id], max_conversations=10, group_ids=[]),
        ServingAgent(id=serving.id, name=names[serving.id], max_conversations=3, group_ids=[group]),
        ServingAgent(id=specialist.id, name=names[specialist.id], max_conversations=10, group_ids=[]),
    ]


async def test_a_team_is_read_again_when_anything_differs_and_only_then(factories: Factories, doors: Doors, database: Database) -> None:
    tenant = await factories.tenant()
    group = await factories.group(tenant.enterprise_id)
    agent = await factories.agent(tenant.enterprise_id, role="specialist")
    admin = doors.agent(tenant.admin)

    async def read() -> Sequence[ServingAgent]:
        async with database.tenant(tenant.enterprise_id) as tx:
            return await service.serving_agents(tx, SERVE)

    async def change(path: str, **fields: object) -> None:
        version = (await admin.get(path)).json()["version"]
        answer = await admin.patch(path, json={**fields, "version": version})
        assert answer.status_code == 200, answer.text

    seen = await read()
    assert await read() is seen

    path = f"/agents/{agent.id}"
    role_id = (await admin.get(path)).json()["role"]["id"]
    points = (await admin.get(f"/roles/{role_id}")).json()["points"]
    steps: list[tuple[str, dict[str, object], dict[UUID, tuple[int, list[UUID]]]]] = [
        (path, {"max_conversations": 4}, {agent.id: (4, [])}),
        (path, {"group_ids": [str(group)]}, {agent.id: (4, [group])}),
        (path, {"enabled": False}, {}),
        (path, {"enabled": True}, {agent.id: (4, [group])}),
        (f"/roles/{role_id}", {"points": [point for point in points if point != SERVE.name]}, {}),
        (f"/roles/{role_id}", {"points": points}, {agent.id: (4, [group])}),
    ]
    for where, fields, expected in steps:
        await change(where, **fields)
        team = await read()
        assert {one.id: (one.max_conversations, one.group_ids) for one in team if one.id != tenant.admin.id} == expected
        assert await read() is team


async def test_members_of_groups(factories: Factories, database: Database) -> None:
    tenant = await factories.tenant()
    first, second = await factories.agent(tenant.enterprise_id), await factories.agent(tenant.enterprise_id)
    north = await factories.group(tenant.enterprise_id, first.id)
    south = await factories.group(tenant.enterprise_id, first.id, second.id)
    async with database.tenant(tenant.enterprise_id) as tx:
        assert await service.member_ids(tx, {north}) == {first.id}
        assert await service.member_ids(tx, {north, south}) == {first.id, second.id}
        assert await service.member_ids(tx, set()) == frozenset()


async def test_one_agent_and_the_enterprise(factories: Factories, database: Database) -> None:
    tenant, other = await factories.tenant(), await factories.tenant()
    async with database.tenant(tenant.enterprise_id) as tx:
        assert (await service.get_agent(tx, tenant.admin.id)).email == tenant.admin.email
        assert (await service.get_enterprise(tx)).name == tenant.name
        with pytest.raises(NotFound):
            await service.get_agent(tx, other.admin.id)


async def test_all_enterprises_are_listed_for_the_program_itself(factories: Factories, database: Database) -> None:
    tenants = [(await factories.tenant()).enterprise_id for _ in range(2)]
    async with database.system() as tx:
        assert set(tenants) <= set(await service.enterprise_ids(tx))
