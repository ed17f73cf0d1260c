"""Links to join and to choose a password end with the rights they were handed out for, and with those they were handed out by."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from qiatan.entrypoints.registry import CATALOGUE
from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from tests.modules.accounts.changing import Change
from tests.modules.accounts.reading import agent_row, links, token_of
from tests.support.access import points_of
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Member, Tenant

ALL = Scope(ScopeKind.ALL)
JOIN = {"name": "顾言", "password": "tea leaves unfold"}


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


@pytest.fixture
async def group(factories: Factories, tenant: Tenant) -> UUID:
    return await factories.group(tenant.enterprise_id)


@pytest.fixture
async def head(factories: Factories, tenant: Tenant, group: UUID) -> Member:
    """Somebody of some rights, over one group."""
    return await factories.agent(tenant.enterprise_id, role="department_head", scope=Scope(ScopeKind.GROUPS, frozenset({group})))


async def _invite(doors: Doors, by: Member, group: UUID, **more: Any) -> tuple[str, UUID]:
    body = {"email": f"{uuid4().hex}@example.com", "name": "小顾", "group_ids": [str(group)], **more}
    made = await doors.agent(by).post("/agents/invitations", json=body)
    assert made.status_code == 201, made.text
    return token_of(made.json()["link"]), UUID(made.json()["agent"]["id"])


async def _is_over(doors: Doors, call: str, token: str, **body: str) -> bool:
    answers = [await doors.stranger().post(f"/{call}/lookup", json={"token": token})]
    answers.append(await doors.stranger().post(f"/{call}/{'accept' if call == 'invitations' else 'finish'}", json={"token": token, **body}))
    return [(answer.status_code, answer.json()["error"]["code"]) for answer in answers] == [(410, "link_expired")] * 2


async def test_who_kept_an_invitation_does_not_join_as_what_the_account_became(
    doors: Doors, factories: Factories, tenant: Tenant, group: UUID, head: Member, database: Database
) -> None:
    # given a supervisor who keeps the link of a colleague whom an administrator then promotes
    token, invited = await _invite(doors, head, group)
    admin = doors.agent(tenant.admin)
    role = str(await factories.role_id(tenant.enterprise_id, "admin"))
    assert (await admin.patch(f"/agents/{invited}", json={"role_id": role, "version": 1})).status_code == 200
    before = await agent_row(database, invited)

    # then the link is worth nothing
    assert await _is_over(doors, "invitations", token, **JOIN)
    assert await agent_row(database, invited) == before
    # and who may hand out such rights invites again
    again = await admin.post(f"/agents/{invited}/invitation")
    joined = await doors.stranger().post("/invitations/accept", json={"token": token_of(again.json()["link"]), **JOIN})
    assert (joined.status_code, joined.json()["agent"]["role"]["builtin"]) == (200, "admin")


async def test_who_kept_a_reset_link_does_not_take_over_what_the_account_became(
    doors: Doors, factories: Factories, tenant: Tenant, group: UUID, head: Member, database: Database, change: Change
) -> None:
    member = await factories.agent(tenant.enterprise_id, group_ids=(group,))
    token = token_of((await doors.agent(head).post(f"/agents/{member.id}/password-reset")).json()["link"])
    assert (await change(tenant.admin, member, role="admin")).status_code == 200
    before = await agent_row(database, member.id)

    assert await _is_over(doors, "password-reset", token, password="tea leaves unfold")
    assert await agent_row(database, member.id) == before
    assert (await doors.stranger().post("/session", json={"email": member.email, "password": PASSWORD})).status_code == 200


@pytest.mark.parametrize("changed", [{"scope": {"kind": "all"}}, {"visitor_regions": {"mode": "only", "regions": ["CN"]}}])
async def test_a_link_ends_with_the_scope_it_was_made_for(
    doors: Doors, tenant: Tenant, group: UUID, head: Member, database: Database, changed: dict[str, Any]
) -> None:
    token, invited = await _invite(doors, head, group)
    assert (await doors.agent(tenant.admin).patch(f"/agents/{invited}", json={**changed, "version": 1})).status_code == 200
    assert await _is_over(doors, "invitations", token, **JOIN)
    assert await links(database, invited) == []


async def test_a_link_outlives_what_changes_no_rights(
    doors: Doors, factories: Factories, tenant: Tenant, group: UUID, head: Member
) -> None:
    token, invited = await _invite(doors, head, group)
    other = await factories.group(tenant.enterprise_id)
    changed = {"name": "改名", "staff_number": "A-7", "group_ids": [str(group), str(other)], "version": 1}
    assert (await doors.agent(tenant.admin).patch(f"/agents/{invited}", json=changed)).status_code == 200
    assert (await doors.stranger().post("/invitations/accept", json={"token": token, **JOIN})).status_code == 200


async def test_links_end_when_their_role_learns_something_new(
    doors: Doors, factories: Factories, tenant: Tenant, group: UUID, head: Member, database: Database
) -> None:
    # given links for two members of a role that grows, and one for somebody of another role
    role = await factories.role(tenant.enterprise_id, frozenset({"conversations.serve"}))
    token, invited = await _invite(doors, head, group, role_id=str(role))
    elsewhere, _ = await _invite(doors, head, group)
    admin = doors.agent(tenant.admin)

    fewer = await admin.patch(f"/roles/{role}", json={"points": [], "name": "少", "version": 1})
    kept = await links(database, invited)
    more = await admin.patch(f"/roles/{role}", json={"points": ["security.edit"], "version": 2})

    assert (fewer.status_code, more.status_code, len(kept)) == (200, 200, 1)
    assert await _is_over(doors, "invitations", token, **JOIN)
    assert (await agent_row(database, invited))["password_hash"] is None
    assert (await doors.stranger().post("/invitations/accept", json={"token": elsewhere, **JOIN})).status_code == 200


# -- whoever handed it out


@pytest.fixture
async def boss_role(factories: Factories, tenant: Tenant) -> UUID:
    return await factories.role(tenant.enterprise_id, points_of("department_head") | {"security.view"}, name="主管")


@pytest.fixture
async def boss(factories: Factories, tenant: Tenant, group: UUID, boss_role: UUID, doors: Doors) -> Member:
    """Somebody of some rights, over one group, by a role of the enterprise's own."""
    made = await factories.agent(tenant.enterprise_id, scope=Scope(ScopeKind.GROUPS, frozenset({group})))
    given = await doors.agent(tenant.admin).patch(f"/agents/{made.id}", json={"role_id": str(boss_role), "version": 1})
    assert given.status_code == 200, given.text
    return made


async def _reset_link(doors: Doors, by: Member, member: Member) -> str:
    answer = await doors.agent(by).post(f"/agents/{member.id}/password-reset")
    assert answer.status_code == 200, answer.text
    return token_of(answer.json()["link"])


@pytest.mark.parametrize(
    "lost",
    [
        {"enabled": False},
        {"role": "agent"},
        {"scope": {"kind": "self"}},
        {"visitor_regions": {"mode": "only", "regions": ["CN"]}},
    ],
)
async def test_links_end_when_who_made_them_could_not_any_more(
    doors: Doors, factories: Factories, tenant: Tenant, group: UUID, boss: Member, database: Database, lost: dict[str, Any]
) -> None:
    # given links for somebody who sees the group, made by a supervisor and by an administrator
    reach = {"scope": {"kind": "groups", "group_ids": [str(group)]}}
    token, invited = await _invite(doors, boss, group, **reach)
    member = await factories.agent(tenant.enterprise_id, group_ids=(group,), scope=Scope(ScopeKind.GROUPS, frozenset({group})))
    reset = await _reset_link(doors, boss, member)
    other, _ = await _invite(doors, tenant.admin, group, **reach)
    before = [await agent_row(database, agent_id) for agent_id in (invited, member.id)]

    changed = {"role_id": str(await factories.role_id(tenant.enterprise_id, lost["role"]))} if "role" in lost else lost
    answer = await doors.agent(tenant.admin).patch(f"/agents/{boss.id}", json={**changed, "version": 2})
    assert answer.status_code == 200, answer.text

    assert await _is_over(doors, "invitations", token, **JOIN)
    assert await _is_over(doors, "password-reset", reset, password="tea leaves unfold")
    assert [await agent_row(database, agent_id) for agent_id in (invited, member.id)] == before
    assert (await doors.stranger().post("/invitations/accept", json={"token": other, **JOIN})).status_code == 200


async def test_links_outlive_changes_that_leave_their_maker_the_right(
    doors: Doors, tenant: Tenant, group: UUID, boss: Member, boss_role: UUID
) -> None:
    token, _ = await _invite(doors, boss, group)
    admin = doors.agent(tenant.admin)
    fewer = sorted(points_of("department_head"))
    assert (await admin.patch(f"/agents/{boss.id}", json={"scope": {"kind": "all"}, "version": 2})).status_code == 200
    assert (await admin.patch(f"/roles/{boss_role}", json={"points": fewer, "version": 1})).status_code == 200
    assert (await doors.stranger().post("/invitations/accept", json={"token": token, **JOIN})).status_code == 200


@pytest.mark.parametrize("gone", ["agents.create", "conversations.serve"])
async def test_links_end_when_the_role_of_who_made_them_loses_what_it_took(
    doors: Doors, tenant: Tenant, group: UUID, boss: Member, boss_role: UUID, gone: str
) -> None:
    """The right to invite, or one that the invited would have."""
    token, _ = await _invite(doors, boss, group)
    fewer = sorted(points_of("department_head") - {gone})
    assert (await doors.agent(tenant.admin).patch(f"/roles/{boss_role}", json={"points": fewer, "version": 1})).status_code == 200
    assert await _is_over(doors, "invitations", token, **JOIN)


@pytest.mark.parametrize("ending", ["key revoked", "maker disabled"])
async def test_a_programs_links_end_with_its_key_and_with_who_made_that(
    doors: Doors, factories: Factories, tenant: Tenant, group: UUID, ending: str
) -> None:
    maker = await factories.agent(tenant.enterprise_id, role="admin", scope=ALL)
    points = sorted(point.name for point in CATALOGUE if not point.personal)
    key = (await doors.agent(maker).post("/api-keys", json={"name": "人事", "points": points, "password": PASSWORD})).json()
    # What only a person may hold, a program may not give: the built-in role has such points.
    role = await factories.role(tenant.enterprise_id, frozenset({"enterprise.view"}))
    body = {"email": f"{uuid4().hex}@example.com", "name": "小顾", "group_ids": [str(group)], "role_id": str(role)}
    made = await doors.visitor(key["secret"]).post("/agents/invitations", json=body)
    assert made.status_code == 201, made.text

    admin = doors.agent(tenant.admin)
    if ending == "key revoked":
        assert (await admin.delete(f"/api-keys/{key['api_key']['id']}")).status_code == 204
    else:
        assert (await admin.patch(f"/agents/{maker.id}", json={"enabled": False, "version": 1})).status_code == 200

    assert await _is_over(doors, "invitations", token_of(made.json()["link"]), **JOIN)
