"""What somebody's role and scope let them see, as their superiors are told."""

from __future__ import annotations

from uuid import UUID

import pytest

from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.accounts.service import sight
from tests.support.access import points_of
from tests.support.doors import Doors
from tests.support.factories import Factories, Tenant


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


def scope_of(*groups: UUID) -> Scope:
    return Scope(ScopeKind.GROUPS, frozenset(groups))


async def test_points_scope_and_the_colleagues_in_it_are_told(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    north, south = await factories.group(tenant.enterprise_id), await factories.group(tenant.enterprise_id)
    lead = await factories.agent(tenant.enterprise_id, role="group_leader", scope=scope_of(north), group_ids=(north,))
    first = await factories.agent(tenant.enterprise_id, group_ids=(north, south))
    second = await factories.agent(tenant.enterprise_id, group_ids=(north,), enabled=False)
    await factories.agent(tenant.enterprise_id, group_ids=(south,))

    told = await doors.agent(tenant.admin).get(f"/agents/{lead.id}/sight")

    assert told.json() == {
        "points": sorted(points_of("group_leader")),
        "scope": {"kind": "groups", "group_ids": [str(north)]},
        "colleague_ids": [str(first.id), str(second.id)],
        "colleague_count": 2,
    }
    listed = {agent["id"] for agent in (await doors.agent(lead).get("/agents")).json()["items"]}
    assert listed == {str(lead.id), str(first.id), str(second.id)}


@pytest.mark.parametrize(("kind", "count"), [(ScopeKind.SELF, 0), (ScopeKind.ALL, 3)])
async def test_oneself_is_no_colleague(doors: Doors, factories: Factories, tenant: Tenant, kind: ScopeKind, count: int) -> None:
    member = await factories.agent(tenant.enterprise_id, scope=Scope(kind))
    others = [tenant.admin.id] + [(await factories.agent(tenant.enterprise_id)).id for _ in range(2)]
    await factories.tenant()
    told = (await doors.agent(tenant.admin).get(f"/agents/{member.id}/sight")).json()
    assert told["colleague_ids"] == ([str(agent_id) for agent_id in others] if count else [])
    assert told["colleague_count"] == count


async def test_at_most_so_many_are_named(doors: Doors, factories: Factories, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sight, "_NAMED", 2)
    for _ in range(3):
        await factories.agent(tenant.enterprise_id)
    told = (await doors.agent(tenant.admin).get(f"/agents/{tenant.admin.id}/sight")).json()
    assert (len(told["colleague_ids"]), told["colleague_count"]) == (2, 3)


async def test_colleagues_beyond_the_askers_scope_are_counted_and_not_named(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    north, south = await factories.group(tenant.enterprise_id), await factories.group(tenant.enterprise_id)
    lead = await factories.agent(tenant.enterprise_id, role="group_leader", scope=scope_of(north))
    target = await factories.agent(tenant.enterprise_id, scope=scope_of(north, south), group_ids=(north,))
    near = await factories.agent(tenant.enterprise_id, group_ids=(north,))
    await factories.agent(tenant.enterprise_id, group_ids=(south,))

    told = (await doors.agent(lead).get(f"/agents/{target.id}/sight")).json()

    assert (told["colleague_ids"], told["colleague_count"]) == ([str(near.id)], 2)


async def test_whoever_is_not_visible_does_not_exist(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    other = await factories.tenant()
    lead = await factories.agent(tenant.enterprise_id, role="group_leader", scope=scope_of(await factories.group(tenant.enterprise_id)))
    member = await factories.agent(tenant.enterprise_id)
    assert (await doors.agent(tenant.admin).get(f"/agents/{other.admin.id}/sight")).status_code == 404
    assert (await doors.agent(lead).get(f"/agents/{member.id}/sight")).status_code == 404
    assert (await doors.agent(member).get(f"/agents/{member.id}/sight")).status_code == 403
