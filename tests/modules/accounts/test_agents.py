"""Seeing and changing accounts."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from qiatan.infra.db import Database
from tests.modules.accounts.changing import Change, leader
from tests.modules.accounts.reading import agent_row, session_ids
from tests.support.access import points_of
from tests.support.doors import Doors
from tests.support.factories import Factories, Member, Tenant


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


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


async def test_scope_decides_who_is_seen(doors: Doors, factories: Factories, tenant: Tenant, change: Change) -> None:
    group = await factories.group(tenant.enterprise_id)
    inside = await factories.agent(tenant.enterprise_id, group_ids=(group,))
    outside = await factories.agent(tenant.enterprise_id)
    lead = await leader(factories, tenant, group)
    alone = await factories.agent(tenant.enterprise_id, points=points_of("admin"))

    async def seen_by(member: Member) -> set[str]:
        return {agent["id"] for agent in (await doors.agent(member).get("/agents")).json()["items"]}

    assert await seen_by(lead) == {str(inside.id), str(lead.id)}
    assert await seen_by(alone) == {str(alone.id)}
    assert (await doors.agent(lead).get(f"/agents/{inside.id}")).status_code == 200
    assert (await doors.agent(lead).get(f"/agents/{outside.id}")).status_code == 404
    refused = await change(lead, outside, name="改名")
    assert refused.status_code == 404


async def test_another_enterprises_agent_does_not_exist(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database, change: Change
) -> None:
    other = await factories.tenant()
    before = await agent_row(database, other.admin.id)
    assert (await doors.agent(tenant.admin).get(f"/agents/{other.admin.id}")).status_code == 404
    assert (await change(tenant.admin, other.admin, name="改名")).status_code == 404
    assert (await doors.agent(tenant.admin).post(f"/agents/{other.admin.id}/invitation")).status_code == 404
    assert await agent_row(database, other.admin.id) == before


async def test_ordinary_agents_neither_see_nor_change_accounts(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database, change: Change
) -> None:
    member = await factories.agent(tenant.enterprise_id)
    before = await agent_row(database, member.id)
    answers = [
        await doors.agent(member).get("/agents"),
        await doors.agent(member).get(f"/agents/{member.id}"),
        await change(member, member, role="admin"),
        await doors.agent(member).get("/groups"),
    ]
    assert [answer.json()["error"]["code"] for answer in answers] == ["not_allowed"] * 4
    assert await agent_row(database, member.id) == before


async def test_names_maximum_and_groups_are_changed_together(doors: Doors, factories: Factories, tenant: Tenant, change: Change) -> None:
    group = await factories.group(tenant.enterprise_id)
    member = await factories.agent(tenant.enterprise_id)

    changed = await change(tenant.admin, member, name="顾 言", public_name="小言", max_conversations=0, group_ids=[str(group)])

    assert changed.status_code == 200
    agent = changed.json()
    assert (agent["name"], agent["public_name"], agent["max_conversations"], agent["group_ids"], agent["version"]) == (
        "顾 言", "小言", 0, [str(group)], 2,
    )  # fmt: skip
    assert (await doors.agent(tenant.admin).get(f"/agents/{member.id}")).json() == agent
    groups = (await doors.agent(tenant.admin).get("/groups")).json()["items"]
    assert [(one["member_ids"], one["version"]) for one in groups] == [([str(member.id)], 2)]


async def test_of_two_who_change_the_same_the_second_is_told(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database, change: Change
) -> None:
    member = await factories.agent(tenant.enterprise_id)
    assert (await change(tenant.admin, member, name="先")).status_code == 200
    refused = await change(tenant.admin, member, name="后")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "version_conflict")
    assert (await agent_row(database, member.id))["name"] == "先"


async def test_disabling_signs_out_everywhere_and_enabling_lets_in_again(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database, change: Change
) -> None:
    member = await factories.agent(tenant.enterprise_id)
    socket = await doors.agent_socket(member)

    disabled = await change(tenant.admin, member, enabled=False)

    assert disabled.json()["enabled"] is False
    assert await socket.until_closed() == 4401
    assert await session_ids(database, member.id) == set()
    assert (await doors.agent(member).get("/me")).status_code == 401
    body = {"email": member.email, "password": member.password}
    assert (await doors.stranger().post("/session", json=body)).status_code == 401
    assert (await change(tenant.admin, member, enabled=True, version=2)).status_code == 200
    assert (await doors.stranger().post("/session", json=body)).status_code == 200


async def test_a_changed_name_leaves_sockets_open_and_tells_them(
    doors: Doors, factories: Factories, tenant: Tenant, change: Change
) -> None:
    member = await factories.agent(tenant.enterprise_id)
    own, admins = await doors.agent_socket(member), await doors.agent_socket(tenant.admin)

    await change(tenant.admin, member, name="顾 言")

    assert await own.next("changed") == {"type": "changed", "object": "me", "id": str(member.id), "version": 2}
    assert await admins.next("changed") == {"type": "changed", "object": "agent", "id": str(member.id), "version": 2}
    assert [frame for frame in await own.settle() if frame["type"] in ("changed", "bye")] == []


async def test_the_own_name_and_maximum_may_be_changed_here_too(doors: Doors, tenant: Tenant, change: Change) -> None:
    changed = await change(tenant.admin, tenant.admin, name="沈夏", max_conversations=3)
    assert (changed.status_code, changed.json()["max_conversations"]) == (200, 3)


async def test_the_list_is_narrowed_to_a_role(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    member = await factories.agent(tenant.enterprise_id)
    browser = doors.agent(tenant.admin)

    async def with_role(role_id: UUID) -> list[str]:
        return [agent["id"] for agent in (await browser.get("/agents", params={"role_id": str(role_id)})).json()["items"]]

    assert await with_role(await factories.role_id(tenant.enterprise_id, "agent")) == [str(member.id)]
    assert await with_role(await factories.role_id(tenant.enterprise_id, "admin")) == [str(tenant.admin.id)]
    assert await with_role(uuid4()) == []
    assert (await browser.get("/agents?role_id=agent")).status_code == 422
