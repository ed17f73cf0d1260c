"""Seeing and changing accounts."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from tests.modules.accounts.reading import agent_row, session_ids
from tests.support.doors import Doors
from tests.support.factories import Factories, Member, Tenant


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


async def change(doors: Doors, by: Member, whom: Member, **changed: Any) -> Any:
    return await doors.agent(by).patch(f"/agents/{whom.id}", json={"version": 1, **changed})


async def test_the_list_comes_in_pages_without_gap_or_double(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    made = [tenant.admin.id] + [(await factories.agent(tenant.enterprise_id)).id for _ in range(4)]
    browser = doors.agent(tenant.admin)
    seen: list[str] = []
    after: str | None = ""

    for _ in range(3):
        page = (await browser.get("/agents", params={"limit": 2} | ({"after": after} if after else {}))).json()
        seen += [agent["id"] for agent in page["items"]]
        after = page["next"]

    assert after is None
    assert seen == [str(agent_id) for agent_id in sorted(made)]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "after=nonsense", "after=WyJ4IiwieSJd", "limit=x"])
async def test_a_page_that_cannot_be_is_refused(doors: Doors, tenant: Tenant, query: str) -> None:
    assert (await doors.agent(tenant.admin).get(f"/agents?{query}")).status_code == 422


async def test_scope_decides_who_is_seen(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    group = await factories.group(tenant.enterprise_id)
    inside = await factories.agent(tenant.enterprise_id, group_ids=(group,))
    outside = await factories.agent(tenant.enterprise_id)
    lead = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.GROUPS, frozenset({group})))
    alone = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.SELF))

    async def seen_by(member: Member) -> set[str]:
        return {agent["id"] for agent in (await doors.agent(member).get("/agents")).json()["items"]}

    assert await seen_by(lead) == {str(inside.id), str(lead.id)}
    assert await seen_by(alone) == {str(alone.id)}
    assert (await doors.agent(lead).get(f"/agents/{inside.id}")).status_code == 200
    assert (await doors.agent(lead).get(f"/agents/{outside.id}")).status_code == 404
    refused = await change(doors, lead, outside, name="改名")
    assert refused.status_code == 404


async def test_another_enterprises_agent_does_not_exist(doors: Doors, factories: Factories, tenant: Tenant, database: Database) -> None:
    other = await factories.tenant()
    before = await agent_row(database, other.admin.id)
    assert (await doors.agent(tenant.admin).get(f"/agents/{other.admin.id}")).status_code == 404
    assert (await change(doors, tenant.admin, other.admin, name="改名")).status_code == 404
    assert (await doors.agent(tenant.admin).post(f"/agents/{other.admin.id}/invitation")).status_code == 404
    assert await agent_row(database, other.admin.id) == before


async def test_ordinary_agents_neither_see_nor_change_accounts(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    member = await factories.agent(tenant.enterprise_id)
    before = await agent_row(database, member.id)
    answers = [
        await doors.agent(member).get("/agents"),
        await doors.agent(member).get(f"/agents/{member.id}"),
        await change(doors, member, member, role="admin"),
        await doors.agent(member).get("/groups"),
    ]
    assert [answer.json()["error"]["code"] for answer in answers] == ["not_allowed"] * 4
    assert await agent_row(database, member.id) == before


async def test_names_maximum_and_groups_are_changed_together(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    group = await factories.group(tenant.enterprise_id)
    member = await factories.agent(tenant.enterprise_id)

    changed = await change(doors, tenant.admin, member, name="顾 言", public_name="小言", max_conversations=0, group_ids=[str(group)])

    assert changed.status_code == 200
    agent = changed.json()
    assert (agent["name"], agent["public_name"], agent["max_conversations"], agent["group_ids"], agent["version"]) == (
        "顾 言", "小言", 0, [str(group)], 2,
    )  # fmt: skip
    assert (await doors.agent(tenant.admin).get(f"/agents/{member.id}")).json() == agent
    groups = (await doors.agent(tenant.admin).get("/groups")).json()["items"]
    assert [(one["member_ids"], one["version"]) for one in groups] == [([str(member.id)], 2)]


async def test_of_two_who_change_the_same_the_second_is_told(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    member = await factories.agent(tenant.enterprise_id)
    assert (await change(doors, tenant.admin, member, name="先")).status_code == 200
    refused = await change(doors, tenant.admin, member, name="后")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "version_conflict")
    assert (await agent_row(database, member.id))["name"] == "先"


async def test_a_role_brings_its_scope_unless_one_is_given(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    first, second = await factories.agent(tenant.enterprise_id), await factories.agent(tenant.enterprise_id)
    group = await factories.group(tenant.enterprise_id)
    promoted = await change(doors, tenant.admin, first, role="admin")
    lead = await change(doors, tenant.admin, second, role="admin", scope={"kind": "groups", "group_ids": [str(group)]})
    assert promoted.json()["scope"] == {"kind": "all", "group_ids": []}
    assert lead.json()["scope"] == {"kind": "groups", "group_ids": [str(group)]}


async def test_a_scope_of_no_groups_is_refused(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    member = await factories.agent(tenant.enterprise_id)
    refused = await change(doors, tenant.admin, member, scope={"kind": "groups", "group_ids": []})
    assert refused.json()["error"]["fields"][0]["field"] == "scope.group_ids"


async def test_disabling_signs_out_everywhere_and_enabling_lets_in_again(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    member = await factories.agent(tenant.enterprise_id)
    socket = await doors.agent_socket(member)

    disabled = await change(doors, tenant.admin, member, enabled=False)

    assert disabled.json()["enabled"] is False
    assert await socket.until_closed() == 4401
    assert await session_ids(database, member.id) == set()
    assert (await doors.agent(member).get("/me")).status_code == 401
    body = {"email": member.email, "password": member.password}
    assert (await doors.stranger().post("/session", json=body)).status_code == 401
    assert (await change(doors, tenant.admin, member, enabled=True, version=2)).status_code == 200
    assert (await doors.stranger().post("/session", json=body)).status_code == 200


async def test_changed_rights_count_at_once_and_sockets_open_anew(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    member = await factories.agent(tenant.enterprise_id)
    socket = await doors.agent_socket(member)
    assert (await doors.agent(member).get("/agents")).status_code == 403

    await change(doors, tenant.admin, member, role="admin")

    assert await socket.until_closed() == 1012
    assert [frame["code"] for frame in socket.frames if frame["type"] == "bye"] == ["replaced"]
    assert (await doors.agent(member).get("/agents")).status_code == 200


async def test_a_changed_name_leaves_sockets_open_and_tells_them(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    member = await factories.agent(tenant.enterprise_id)
    own, admins = await doors.agent_socket(member), await doors.agent_socket(tenant.admin)

    await change(doors, tenant.admin, member, name="顾 言")

    assert await own.next("changed") == {"type": "changed", "object": "me", "id": str(member.id), "version": 2}
    assert await admins.next("changed") == {"type": "changed", "object": "agent", "id": str(member.id), "version": 2}
    assert [frame for frame in await own.settle() if frame["type"] in ("changed", "bye")] == []


async def test_the_last_administrator_stays(doors: Doors, factories: Factories, tenant: Tenant, database: Database) -> None:
    await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL), enabled=False)
    await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL), pending=True)
    before = await agent_row(database, tenant.admin.id)
    for changed in ({"enabled": False}, {"role": "agent"}):
        refused = await change(doors, tenant.admin, tenant.admin, **changed)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "last_admin")
    assert await agent_row(database, tenant.admin.id) == before
    assert len(await session_ids(database, tenant.admin.id)) == 1


async def test_two_administrators_who_disable_each_other_at_once_leave_one(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    other = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL))
    answers = await asyncio.gather(change(doors, tenant.admin, other, enabled=False), change(doors, other, tenant.admin, role="agent"))
    assert sorted(answer.status_code for answer in answers) in ([200, 409], [200, 401], [200, 403])


@pytest.mark.parametrize("changed", [{"role": "agent"}, {"scope": {"kind": "self"}}, {"enabled": False}])
async def test_nobody_changes_their_own_rights(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database, changed: dict[str, Any]
) -> None:
    other = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL))
    before = await agent_row(database, other.id)
    refused = await change(doors, other, other, **changed)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    assert await agent_row(database, other.id) == before


async def test_the_own_name_and_maximum_may_be_changed_here_too(doors: Doors, tenant: Tenant) -> None:
    changed = await change(doors, tenant.admin, tenant.admin, name="沈夏", max_conversations=3)
    assert (changed.status_code, changed.json()["max_conversations"]) == (200, 3)


@pytest.mark.parametrize("changed", [{"role": "admin", "scope": {"kind": "all"}}, {"scope": {"kind": "all"}}, {"role": "admin"}])
async def test_nobody_grants_more_than_they_hold(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database, changed: dict[str, Any]
) -> None:
    group = await factories.group(tenant.enterprise_id)
    lead = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.GROUPS, frozenset({group})))
    member = await factories.agent(tenant.enterprise_id, group_ids=(group,))
    before = await agent_row(database, member.id)
    refused = await change(doors, lead, member, **changed)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    assert await agent_row(database, member.id) == before


async def test_nobody_takes_from_those_who_hold_more(doors: Doors, factories: Factories, tenant: Tenant, database: Database) -> None:
    group = await factories.group(tenant.enterprise_id)
    lead = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.GROUPS, frozenset({group})))
    above = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL), group_ids=(group,))
    before = await agent_row(database, above.id)
    assert (await change(doors, lead, above, enabled=False)).status_code == 403
    assert await agent_row(database, above.id) == before


async def test_groups_outside_the_scope_are_neither_given_nor_taken(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    north, south = await factories.group(tenant.enterprise_id), await factories.group(tenant.enterprise_id)
    lead = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.GROUPS, frozenset({north})))
    member = await factories.agent(tenant.enterprise_id, group_ids=(north, south))
    taken = await change(doors, lead, member, group_ids=[str(north)])
    unknown = await change(doors, tenant.admin, member, group_ids=[str(north), str(uuid4())])
    assert [taken.status_code, unknown.status_code] == [422, 422]
    assert (await change(doors, lead, member, group_ids=[str(south)])).status_code == 200
