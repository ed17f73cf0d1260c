"""Roles: who may make, change and delete them, and that what changes counts at once."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.accounts import rules
from qiatan.modules.accounts.models import RoleRow
from tests.modules.accounts.reading import audit_entries
from tests.support.access import points_of
from tests.support.doors import Doors
from tests.support.factories import Factories, Member, Tenant

ALL = Scope(ScopeKind.ALL)
SERVE, TAKE, COLLEAGUES = "conversations.serve", "conversations.take", "conversations.view_colleagues"


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


async def stored(database: Database, enterprise_id: UUID) -> list[tuple[Any, ...]]:
    """Every column of every role."""
    async with database.system() as tx:
        query = select(RoleRow).where(RoleRow.enterprise_id == enterprise_id).order_by(RoleRow.id)
        rows = (await tx.session.execute(query)).scalars()
        return [tuple(str(getattr(row, column.key)) for column in RoleRow.__table__.columns) for row in rows]


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def problems(answer: Any) -> list[tuple[str, str]]:
    return [(problem["field"], problem["code"]) for problem in answer.json()["error"]["fields"]]


async def test_the_catalogue_says_what_the_asker_may_give(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    head = await factories.agent(tenant.enterprise_id, role="department_head", scope=ALL)

    groups = (await doors.agent(head).get("/permissions")).json()["groups"]

    shown = {point["name"]: point for group in groups for point in group["points"]}
    assert set(shown) == points_of("admin")
    assert {name for name, point in shown.items() if point["grantable"]} == points_of("department_head")
    assert all(point["name"].startswith(f"{group['name']}.") and point["explanation"] for group in groups for point in group["points"])
    assert len({group["name"] for group in groups}) == len(groups)
    assert (shown[SERVE]["everyday"], shown[SERVE]["personal"]) == (True, True)


async def test_templates_are_offered_with_the_points_they_bring(doors: Doors, tenant: Tenant) -> None:
    items = (await doors.agent(tenant.admin).get("/roles/templates")).json()["items"]
    assert {item["key"]: frozenset(item["points"]) for item in items} == {
        key: points_of(key) for key in ("specialist", "group_leader", "analyst", "department_head")
    }


async def test_a_role_is_made_copied_changed_and_deleted(doors: Doors, factories: Factories, tenant: Tenant, database: Database) -> None:
    admin = doors.agent(tenant.admin)

    made = await admin.post("/roles", json={"name": " 夜班 ", "points": [TAKE, SERVE, SERVE], "requires_two_factor": True})
    assert made.status_code == 201
    role = made.json()
    assert (role["name"], role["builtin"], role["points"], role["requires_two_factor"], role["member_count"], role["version"]) == (
        "夜班", None, [SERVE, TAKE], True, 0, 1,
    )  # fmt: skip
    assert (await admin.get(f"/roles/{role['id']}")).json() == role

    changed = await admin.patch(f"/roles/{role['id']}", json={"name": "夜班组", "points": [SERVE], "version": 1})
    assert changed.json() == {**role, "name": "夜班组", "points": [SERVE], "version": 2}
    assert (await admin.delete(f"/roles/{role['id']}")).status_code == 204
    assert (await admin.get(f"/roles/{role['id']}")).status_code == 404
    assert (await admin.delete(f"/roles/{role['id']}")).status_code == 404

    entries = await audit_entries(database, tenant.enterprise_id)
    assert [(entry.action, entry.subject_kind, str(entry.subject_id), entry.subject_name, entry.details) for entry in entries] == [
        ("role.created", "role", role["id"], "夜班", {"name": "夜班", "points": [SERVE, TAKE], "requires_two_factor": True}),
        ("role.changed", "role", role["id"], "夜班组", {"name": ["夜班", "夜班组"], "points": [[SERVE, TAKE], [SERVE]]}),
        ("role.deleted", "role", role["id"], "夜班组", {"points": [SERVE]}),
    ]
    assert {(entry.actor_kind, entry.actor_id) for entry in entries} == {("agent", tenant.admin.id)}


async def test_the_list_tells_who_has_what_page_by_page(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    lead = await factories.agent(tenant.enterprise_id, role="group_leader")
    await factories.agent(tenant.enterprise_id)
    other = await factories.tenant()
    await factories.role(other.enterprise_id, frozenset({SERVE}), name="别家")
    browser = doors.agent(lead)

    first = (await browser.get("/roles", params={"limit": 2})).json()
    second = (await browser.get("/roles", params={"limit": 2, "after": first["next"]})).json()

    roles = first["items"] + second["items"]
    assert (len(first["items"]), second["next"]) == (2, None)
    assert {role["name"]: (role["builtin"], frozenset(role["points"]), role["member_count"]) for role in roles} == {
        "管理员": ("admin", points_of("admin"), 1),
        "普通客服": ("agent", points_of("agent"), 1),
        "group_leader": (None, points_of("group_leader"), 1),
    }


@pytest.mark.parametrize("path", ["/permissions", "/roles", "/roles/templates"])
async def test_ordinary_agents_see_no_roles(doors: Doors, factories: Factories, tenant: Tenant, path: str) -> None:
    member = await factories.agent(tenant.enterprise_id)
    assert code(await doors.agent(member).get(path)) == (403, "not_allowed")


async def test_unknown_points_are_refused_by_name(doors: Doors, factories: Factories, tenant: Tenant, database: Database) -> None:
    role_id = await factories.role(tenant.enterprise_id, frozenset({SERVE}))
    before = await stored(database, tenant.enterprise_id)
    admin = doors.agent(tenant.admin)
    for answer in (
        await admin.post("/roles", json={"name": "新", "points": [SERVE, "tea.brew", "admin"]}),
        await admin.patch(f"/roles/{role_id}", json={"points": [SERVE, "tea.brew", "admin"], "version": 1}),
    ):
        assert answer.status_code == 422
        assert problems(answer) == [("points", "unknown")]
        assert "admin, tea.brew" in answer.json()["error"]["fields"][0]["message"]
    assert await stored(database, tenant.enterprise_id) == before


async def test_a_stored_point_that_no_module_declares_any_more_stands_in_nobodys_way(
    doors: Doors, factories: Factories, tenant: Tenant
) -> None:
    role_id = await factories.role(tenant.enterprise_id, frozenset({SERVE, "fax.send"}))
    admin = doors.agent(tenant.admin)
    assert (await admin.get(f"/roles/{role_id}")).json()["points"] == [SERVE]
    changed = await admin.patch(f"/roles/{role_id}", json={"points": [SERVE, TAKE], "version": 1})
    assert (changed.status_code, changed.json()["points"]) == (200, [SERVE, TAKE])


async def editor(factories: Factories, tenant: Tenant, *points: str, scope: Scope = ALL) -> Member:
    return await factories.agent(tenant.enterprise_id, points=frozenset({"agents.view", "roles.edit", *points}), scope=scope)


async def test_nobody_puts_into_a_role_what_they_lack_nor_takes_it_out(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    role_id = await factories.role(tenant.enterprise_id, frozenset({SERVE, "channels.edit"}), name="网页管理")
    guarded = await factories.role(tenant.enterprise_id, frozenset({"channels.edit"}), requires_two_factor=True)
    browser = doors.agent(await editor(factories, tenant, SERVE, TAKE))
    before = await stored(database, tenant.enterprise_id)

    answers = [
        await browser.post("/roles", json={"name": "新", "points": [SERVE, COLLEAGUES]}),
        await browser.patch(f"/roles/{role_id}", json={"points": [SERVE, "channels.edit", COLLEAGUES], "version": 1}),
        await browser.patch(f"/roles/{role_id}", json={"points": [SERVE], "version": 1}),
        await browser.patch(f"/roles/{guarded}", json={"requires_two_factor": False, "version": 1}),
        await browser.delete(f"/roles/{role_id}"),
    ]

    assert [code(answer) for answer in answers] == [(403, "not_allowed")] * 5
    assert await stored(database, tenant.enterprise_id) == before
    assert await audit_entries(database, tenant.enterprise_id) == []
    own = await browser.patch(f"/roles/{role_id}", json={"points": [TAKE, "channels.edit"], "version": 1})
    assert (own.status_code, own.json()["points"]) == (200, ["channels.edit", TAKE])


@pytest.mark.parametrize("kind", [ScopeKind.GROUPS, ScopeKind.SELF])
async def test_whose_scope_is_narrower_changes_no_roles(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database, kind: ScopeKind
) -> None:
    group = await factories.group(tenant.enterprise_id)
    scope = Scope(kind, frozenset({group} if kind is ScopeKind.GROUPS else ()))
    leader = await factories.agent(tenant.enterprise_id, points=points_of("admin"), scope=scope)
    role_id = await factories.role(tenant.enterprise_id, frozenset({SERVE}))
    before = await stored(database, tenant.enterprise_id)
    browser = doors.agent(leader)

    answers = [
        await browser.post("/roles", json={"name": "新", "points": [SERVE]}),
        await browser.patch(f"/roles/{role_id}", json={"name": "改名", "version": 1}),
        await browser.delete(f"/roles/{role_id}"),
    ]

    assert [code(answer) for answer in answers] == [(403, "not_allowed")] * 3
    assert await stored(database, tenant.enterprise_id) == before
    assert (await browser.get(f"/roles/{role_id}")).status_code == 200


@pytest.mark.parametrize("builtin", ["admin", "agent"])
async def test_built_in_roles_keep_name_and_points_but_may_demand_a_second_factor(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database, builtin: str
) -> None:
    role_id = await factories.role_id(tenant.enterprise_id, builtin)
    before = await stored(database, tenant.enterprise_id)
    admin = doors.agent(tenant.admin)

    answers = [
        await admin.patch(f"/roles/{role_id}", json={"name": "老板", "version": 1}),
        await admin.patch(f"/roles/{role_id}", json={"points": [SERVE], "version": 1}),
        await admin.delete(f"/roles/{role_id}"),
    ]

    assert [code(answer) for answer in answers] == [(409, "role_built_in")] * 3
    assert await stored(database, tenant.enterprise_id) == before
    role = (await admin.get(f"/roles/{role_id}")).json()
    same = {"name": role["name"], "points": role["points"], "requires_two_factor": True, "version": 1}
    changed = await admin.patch(f"/roles/{role_id}", json=same)
    assert (changed.status_code, changed.json()["requires_two_factor"], frozenset(changed.json()["points"])) == (
        200,
        True,
        points_of(builtin),
    )


async def test_the_second_factor_of_administrators_is_not_for_lesser_ones_to_decide(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    browser = doors.agent(await editor(factories, tenant, *points_of("agent")))
    admin_role, agent_role = [await factories.role_id(tenant.enterprise_id, name) for name in ("admin", "agent")]
    refused = await browser.patch(f"/roles/{admin_role}", json={"requires_two_factor": True, "version": 1})
    allowed = await browser.patch(f"/roles/{agent_role}", json={"requires_two_factor": True, "version": 1})
    assert code(refused) == (403, "not_allowed")
    assert allowed.status_code == 200


async def test_names_are_unique_whatever_the_case_in_one_enterprise_only(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    other = await factories.tenant()
    admin = doors.agent(tenant.admin)
    assert (await admin.post("/roles", json={"name": "Night"})).status_code == 201
    second = (await admin.post("/roles", json={"name": "Day"})).json()

    for refused in (
        await admin.post("/roles", json={"name": "NIGHT"}),
        await admin.post("/roles", json={"name": "管理员"}),
        await admin.patch(f"/roles/{second['id']}", json={"name": "night", "version": 1}),
    ):
        assert (refused.status_code, problems(refused)) == (422, [("name", "taken")])
    assert (await doors.agent(other.admin).post("/roles", json={"name": "Night"})).status_code == 201
    assert (await admin.patch(f"/roles/{second['id']}", json={"name": "DAY", "version": 1})).status_code == 200
    names = {role["name"] for role in (await admin.get("/roles")).json()["items"]}
    assert names == {"管理员", "普通客服", "Night", "DAY"}


@pytest.mark.parametrize("body", [{"name": ""}, {"name": "x" * 61}, {"name": "x", "points": "all"}, {"name": "x", "builtin": "admin"}, {}])
async def test_bodies_that_do_not_fit_are_refused(doors: Doors, tenant: Tenant, database: Database, body: dict[str, Any]) -> None:
    before = await stored(database, tenant.enterprise_id)
    assert (await doors.agent(tenant.admin).post("/roles", json=body)).status_code == 422
    assert await stored(database, tenant.enterprise_id) == before


async def test_a_role_in_use_is_not_deleted(doors: Doors, factories: Factories, tenant: Tenant, database: Database) -> None:
    role_id = await factories.role_id(tenant.enterprise_id, "specialist")
    await factories.agent(tenant.enterprise_id, role="specialist")
    await factories.agent(tenant.enterprise_id, role="specialist", enabled=False)
    before = await stored(database, tenant.enterprise_id)

    refused = await doors.agent(tenant.admin).delete(f"/roles/{role_id}")

    assert code(refused) == (409, "role_in_use")
    assert ": 2." in refused.json()["error"]["message"]
    assert await stored(database, tenant.enterprise_id) == before


async def test_there_is_a_most_of_roles(doors: Doors, tenant: Tenant, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_ROLES", 3)
    admin = doors.agent(tenant.admin)
    assert (await admin.post("/roles", json={"name": "三"})).status_code == 201
    before = await stored(database, tenant.enterprise_id)
    assert code(await admin.post("/roles", json={"name": "四"})) == (409, "limit_reached")
    assert await stored(database, tenant.enterprise_id) == before


async def test_another_enterprises_role_does_not_exist(doors: Doors, factories: Factories, tenant: Tenant, database: Database) -> None:
    other = await factories.tenant()
    foreign = await factories.role(other.enterprise_id, frozenset({SERVE}))
    before = await stored(database, other.enterprise_id)
    admin = doors.agent(tenant.admin)
    for role_id in (foreign, uuid4()):
        assert (await admin.get(f"/roles/{role_id}")).status_code == 404
        assert (await admin.patch(f"/roles/{role_id}", json={"name": "x", "version": 1})).status_code == 404
        assert (await admin.delete(f"/roles/{role_id}")).status_code == 404
    assert await stored(database, other.enterprise_id) == before


async def test_of_two_who_change_the_same_role_the_second_is_told(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    role_id = await factories.role(tenant.enterprise_id, frozenset({SERVE}))
    admin = doors.agent(tenant.admin)
    answers = await asyncio.gather(
        *(admin.patch(f"/roles/{role_id}", json={"points": points, "version": 1}) for points in ([TAKE], [SERVE, TAKE]))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await audit_entries(database, tenant.enterprise_id)) == 1


async def test_a_point_taken_from_a_role_is_gone_with_the_next_frame_and_the_next_request(
    doors: Doors, factories: Factories, tenant: Tenant
) -> None:
    # given a member who listens to what a point shows, and a colleague of another role
    role_id = await factories.role_id(tenant.enterprise_id, "group_leader")
    member = await factories.agent(tenant.enterprise_id, role="group_leader", scope=ALL)
    colleague = await factories.agent(tenant.enterprise_id)
    socket, stays, admins = [await doors.agent_socket(one) for one in (member, colleague, tenant.admin)]
    await socket.send(type="subscribe", topic="colleagues")
    await socket.next("subscribed")
    assert (await doors.agent(member).get("/conversations?view=colleagues")).status_code == 200

    # when the point is taken out of the role
    points = sorted(points_of("group_leader") - {COLLEAGUES})
    changed = await doors.agent(tenant.admin).patch(f"/roles/{role_id}", json={"points": points, "version": 1})

    # then the socket ends with a word why, and comes back without it
    assert changed.status_code == 200
    assert await socket.until_closed() == 1012
    assert socket.frames[-1]["code"] == "replaced"
    assert code(await doors.agent(member).get("/conversations?view=colleagues")) == (403, "not_allowed")
    again = await doors.agent_socket(member)
    await again.send(type="subscribe", topic="colleagues")
    assert (await again.next("error"))["code"] == "not_allowed"
    # and who may see roles hears of it, while the others' sockets stay
    assert await admins.next("changed") == {"type": "changed", "object": "role", "id": str(role_id), "version": 2}
    assert [frame for frame in await stays.settle() if frame["type"] in ("changed", "bye")] == []
    assert (stays.close_code, admins.close_code) == (None, None)


async def test_a_new_name_leaves_the_members_sockets_open(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    role_id = await factories.role_id(tenant.enterprise_id, "group_leader")
    member = await factories.agent(tenant.enterprise_id, role="group_leader")
    socket = await doors.agent_socket(member)
    await doors.agent(tenant.admin).patch(f"/roles/{role_id}", json={"name": "组长", "version": 1})
    assert await socket.next("changed") == {"type": "changed", "object": "role", "id": str(role_id), "version": 2}
    await socket.settle()
    assert socket.close_code is None


async def test_demanding_a_second_factor_stops_members_without_one(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    role_id = await factories.role_id(tenant.enterprise_id, "group_leader")
    member = await factories.agent(tenant.enterprise_id, role="group_leader")
    socket = await doors.agent_socket(member)
    assert (await doors.agent(member).get("/agents")).status_code == 200

    await doors.agent(tenant.admin).patch(f"/roles/{role_id}", json={"requires_two_factor": True, "version": 1})

    assert await socket.until_closed() == 1012
    assert code(await doors.agent(member).get("/agents")) == (403, "two_factor_required")


async def test_whose_role_may_no_longer_serve_gives_back_their_conversations(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    # given a visitor who is served by somebody of a role
    role_id = await factories.role_id(tenant.enterprise_id, "specialist")
    member = await factories.agent(tenant.enterprise_id, role="specialist")
    await doors.agent_socket(member)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    visitor = await doors.visitor_socket(guest.token)
    await visitor.send(type="subscribe", topic="mine")
    await visitor.send(type="send", client_message_id=guest.customer_id, text="你好")
    while (await visitor.next("conversation"))["conversation"]["assignee_id"] != str(member.id):
        pass

    # when the role loses that
    points = sorted(points_of("specialist") - {SERVE})
    assert (await doors.agent(tenant.admin).patch(f"/roles/{role_id}", json={"points": points, "version": 1})).status_code == 200

    # then the visitor waits again, and is not given to them a second time
    released = (await visitor.next("conversation"))["conversation"]
    assert (released["status"], released["assignee_id"]) == ("waiting", None)
    await doors.agent_socket(member)
    await doors.agent_socket(tenant.admin)
    assert (await visitor.next("conversation"))["conversation"]["assignee_id"] == str(tenant.admin.id)
