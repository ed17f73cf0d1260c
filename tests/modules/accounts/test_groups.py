"""Groups."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from tests.modules.accounts.changing import leader
from tests.modules.accounts.reading import agent_row, audit_entries
from tests.support.access import points_of
from tests.support.doors import Doors
from tests.support.factories import Factories, Member, Tenant


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


async def groups_of(doors: Doors, tenant: Tenant) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await doors.agent(tenant.admin).get("/groups")).json()["items"]
    return items


async def test_a_group_is_made_changed_and_deleted(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    first, second = await factories.agent(tenant.enterprise_id), await factories.agent(tenant.enterprise_id)
    admin = doors.agent(tenant.admin)

    made = await admin.post("/groups", json={"name": " 售前 ", "member_ids": [str(first.id)]})
    assert made.status_code == 201
    group = made.json()
    assert (group["name"], group["member_ids"], group["version"]) == ("售前", [str(first.id)], 1)

    changed = await admin.patch(f"/groups/{group['id']}", json={"name": "售后", "member_ids": [str(second.id)], "version": 1})
    assert changed.json() == {"id": group["id"], "name": "售后", "member_ids": [str(second.id)], "version": 2}
    assert await groups_of(doors, tenant) == [changed.json()]
    agents = {agent["id"]: agent for agent in (await admin.get("/agents")).json()["items"]}
    assert (agents[str(first.id)]["group_ids"], agents[str(first.id)]["version"]) == ([], 3)
    assert (agents[str(second.id)]["group_ids"], agents[str(second.id)]["version"]) == ([group["id"]], 2)

    assert (await admin.delete(f"/groups/{group['id']}")).status_code == 204
    assert await groups_of(doors, tenant) == []
    assert (await admin.get(f"/agents/{second.id}")).json()["group_ids"] == []
    assert (await admin.delete(f"/groups/{group['id']}")).status_code == 404


async def test_names_are_unique_whatever_the_case_in_one_enterprise_only(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    other = await factories.tenant()
    admin = doors.agent(tenant.admin)
    assert (await admin.post("/groups", json={"name": "Sales"})).status_code == 201
    second = (await admin.post("/groups", json={"name": "Support"})).json()

    again = await admin.post("/groups", json={"name": "SALES"})
    renamed = await admin.patch(f"/groups/{second['id']}", json={"name": "sales", "version": 1})
    elsewhere = await doors.agent(other.admin).post("/groups", json={"name": "Sales"})
    same = await admin.patch(f"/groups/{second['id']}", json={"name": "SUPPORT", "version": 1})

    for refused in (again, renamed):
        assert refused.status_code == 422
        assert [(problem["field"], problem["code"]) for problem in refused.json()["error"]["fields"]] == [("name", "taken")]
    assert (elsewhere.status_code, same.status_code) == (201, 200)
    assert [group["name"] for group in await groups_of(doors, tenant)] == ["Sales", "SUPPORT"]


async def test_members_are_agents_of_the_same_enterprise(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    other = await factories.tenant()
    for stranger in (other.admin.id, uuid4()):
        refused = await doors.agent(tenant.admin).post("/groups", json={"name": "售前", "member_ids": [str(stranger)]})
        assert refused.json()["error"]["fields"][0]["field"] == "member_ids"
    assert await groups_of(doors, tenant) == []


async def test_another_enterprises_group_does_not_exist(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    other = await factories.tenant()
    foreign = await factories.group(other.enterprise_id, name="别家")
    admin = doors.agent(tenant.admin)
    assert (await admin.patch(f"/groups/{foreign}", json={"name": "改名", "version": 1})).status_code == 404
    assert (await admin.delete(f"/groups/{foreign}")).status_code == 404
    assert [group["name"] for group in await groups_of(doors, other)] == ["别家"]


async def test_a_stale_version_changes_nothing(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    group = await factories.group(tenant.enterprise_id, name="售前")
    admin = doors.agent(tenant.admin)
    await admin.patch(f"/groups/{group}", json={"name": "售中", "version": 1})
    refused = await admin.patch(f"/groups/{group}", json={"name": "售后", "version": 1})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "version_conflict")
    assert [one["name"] for one in await groups_of(doors, tenant)] == ["售中"]


async def test_scope_decides_which_groups_are_seen_and_changed(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    north = await factories.group(tenant.enterprise_id, name="北")
    south = await factories.group(tenant.enterprise_id, name="南")
    lead = await leader(factories, tenant, north)
    browser = doors.agent(lead)

    assert [group["name"] for group in (await browser.get("/groups")).json()["items"]] == ["北"]
    assert (await browser.patch(f"/groups/{south}", json={"name": "x", "version": 1})).status_code == 404
    assert (await browser.delete(f"/groups/{south}")).status_code == 404
    assert (await browser.post("/groups", json={"name": "新"})).status_code == 403
    assert (await browser.patch(f"/groups/{north}", json={"name": "北方", "version": 1})).status_code == 200
    assert [group["name"] for group in await groups_of(doors, tenant)] == ["北方", "南"]


async def test_ordinary_agents_make_no_groups(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    member = await factories.agent(tenant.enterprise_id)
    group = await factories.group(tenant.enterprise_id, member.id, name="售前")
    browser = doors.agent(member)
    answers = [
        await browser.post("/groups", json={"name": "x"}),
        await browser.patch(f"/groups/{group}", json={"name": "x", "version": 1}),
        await browser.delete(f"/groups/{group}"),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert [one["name"] for one in await groups_of(doors, tenant)] == ["售前"]


async def test_whose_scope_loses_a_group_connects_anew_without_it(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    group = await factories.group(tenant.enterprise_id)
    colleague = await factories.agent(tenant.enterprise_id, group_ids=(group,))
    lead = await leader(factories, tenant, group)
    socket = await doors.agent_socket(lead)

    assert (await doors.agent(tenant.admin).delete(f"/groups/{group}")).status_code == 204

    assert await socket.until_closed() == 1012
    assert (await doors.agent(lead).get(f"/agents/{colleague.id}")).status_code == 404


async def test_frames_about_groups_and_agents_stop_at_the_scope(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    north = await factories.group(tenant.enterprise_id, name="北")
    south = await factories.group(tenant.enterprise_id, name="南")
    outside = await factories.agent(tenant.enterprise_id, group_ids=(south,))
    lead = await leader(factories, tenant, north)
    hers, all_of_it = await doors.agent_socket(lead), await doors.agent_socket(tenant.admin)
    admin = doors.agent(tenant.admin)

    await admin.patch(f"/groups/{south}", json={"name": "南方", "version": 1})
    await admin.patch(f"/agents/{outside.id}", json={"name": "改名", "version": 1})
    await admin.patch(f"/groups/{north}", json={"name": "北方", "version": 1})

    def changed(frames: list[dict[str, Any]]) -> list[tuple[str, UUID]]:
        return [(frame["object"], UUID(frame["id"])) for frame in frames if frame["type"] == "changed"]

    assert changed(await all_of_it.settle()) == [("group", south), ("agent", outside.id), ("group", north)]
    assert changed(await hers.settle()) == [("group", north)]


async def test_frames_stop_at_the_enterprise(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    other = await factories.tenant()
    socket = await doors.agent_socket(other.admin)
    await doors.agent(tenant.admin).post("/groups", json={"name": "售前"})
    await doors.agent(tenant.admin).patch("/enterprise", json={"name": "改名", "version": 1})
    assert [frame for frame in await socket.settle() if frame["type"] == "changed"] == []


async def test_what_happened_to_groups_is_in_the_audit_log(doors: Doors, factories: Factories, tenant: Tenant, database: Database) -> None:
    first = await factories.agent(tenant.enterprise_id, name="唐砚")
    second = await factories.agent(tenant.enterprise_id, name="程思远")
    admin = doors.agent(tenant.admin)

    group = (await admin.post("/groups", json={"name": "售前", "member_ids": [str(first.id)]})).json()["id"]
    await admin.patch(f"/groups/{group}", json={"name": "售后", "member_ids": [str(second.id)], "version": 1})
    await admin.patch(f"/groups/{group}", json={"name": "售后", "version": 2})
    await admin.patch(f"/groups/{group}", json={"name": "售中", "version": 1})
    await admin.delete(f"/groups/{group}")

    entries = await audit_entries(database, tenant.enterprise_id)
    assert [(entry.action, str(entry.subject_id), entry.subject_name, entry.details) for entry in entries] == [
        ("group.created", group, "售前", {"members": ["唐砚"]}),
        ("group.changed", group, "售后", {"name": ["售前", "售后"], "members_added": ["程思远"], "members_removed": ["唐砚"]}),
        ("group.deleted", group, "售后", {"members": ["程思远"]}),
    ]
    assert {entry.actor_id for entry in entries} == {tenant.admin.id}


async def test_members_beyond_the_scope_are_not_put_into_a_group(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    north = await factories.group(tenant.enterprise_id, name="北")
    lead = await leader(factories, tenant, north)
    outside = await factories.agent(tenant.enterprise_id)
    refused = await doors.agent(lead).patch(f"/groups/{north}", json={"member_ids": [str(outside.id)], "version": 1})
    assert (refused.status_code, refused.json()["error"]["fields"][0]["field"]) == (422, "member_ids")
    assert [group["member_ids"] for group in await groups_of(doors, tenant)] == [[]]
    assert await audit_entries(database, tenant.enterprise_id) == []


@pytest.fixture
async def north(factories: Factories, tenant: Tenant) -> UUID:
    """A group with an administrator in it."""
    return await factories.group(tenant.enterprise_id, tenant.admin.id, name="北")


async def supervisor(factories: Factories, tenant: Tenant, *groups: UUID, role: str = "department_head") -> Member:
    return await factories.agent(tenant.enterprise_id, role=role, scope=Scope(ScopeKind.GROUPS, frozenset(groups)))


async def test_who_holds_more_is_neither_put_into_a_group_nor_taken_out(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database, north: UUID
) -> None:
    # given a supervisor of the group, and one of everybody who holds less than an administrator too
    member = await factories.agent(tenant.enterprise_id, group_ids=(north,))
    lead = doors.agent(await supervisor(factories, tenant, north))
    head = doors.agent(await factories.agent(tenant.enterprise_id, role="department_head", scope=Scope(ScopeKind.ALL)))
    other = await factories.group(tenant.enterprise_id, name="南")
    before, row = await groups_of(doors, tenant), await agent_row(database, tenant.admin.id)

    answers = [
        await lead.patch(f"/groups/{north}", json={"member_ids": [str(member.id)], "version": 1}),
        await lead.delete(f"/groups/{north}"),
        await head.delete(f"/groups/{north}"),
        await head.patch(f"/groups/{other}", json={"member_ids": [str(tenant.admin.id)], "version": 1}),
        await head.post("/groups", json={"name": "东", "member_ids": [str(tenant.admin.id)]}),
    ]

    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in answers] == [(403, "not_allowed")] * 5
    assert (await groups_of(doors, tenant), await agent_row(database, tenant.admin.id)) == (before, row)
    assert await audit_entries(database, tenant.enterprise_id) == []
    stays = await lead.patch(f"/groups/{north}", json={"member_ids": [str(tenant.admin.id)], "version": 1})
    assert (stays.status_code, stays.json()["member_ids"]) == (200, [str(tenant.admin.id)])


async def test_a_group_stays_while_it_is_in_a_scope_that_goes_further(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    group, south = [await factories.group(tenant.enterprise_id) for _ in range(2)]
    further = await supervisor(factories, tenant, group, south)
    lead = doors.agent(await supervisor(factories, tenant, group))
    before = await groups_of(doors, tenant)

    refused = await lead.delete(f"/groups/{group}")

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    assert await groups_of(doors, tenant) == before
    assert (await doors.agent(tenant.admin).get(f"/agents/{further.id}")).json()["scope"]["group_ids"] == sorted(map(str, (group, south)))
    assert (await doors.agent(tenant.admin).delete(f"/groups/{group}")).status_code == 204


async def test_whoever_shrinks_scopes_by_deleting_a_group_may_set_scopes(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    group = await factories.group(tenant.enterprise_id)
    await supervisor(factories, tenant, group, role="specialist")
    points = points_of("department_head")
    refused = await doors.agent(await leader(factories, tenant, group, points=points - {"agents.scope"})).delete(f"/groups/{group}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    assert [one["id"] for one in await groups_of(doors, tenant)] == [str(group)]
    empty = await factories.group(tenant.enterprise_id)
    assert (
        await doors.agent(await leader(factories, tenant, empty, points=frozenset({"groups.edit"}))).delete(f"/groups/{empty}")
    ).status_code == 204
