"""Roles, scope and second factors of accounts: who decides about whom."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.accounts.models import UNUSABLE, AgentRow, OidcProviderRow, PasskeyRow
from tests.modules.accounts.changing import Change, leader
from tests.modules.accounts.reading import agent_row, audit_entries, count_factors, give_factors, session_ids
from tests.support.access import points_of
from tests.support.doors import Doors
from tests.support.factories import Factories, Tenant


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


async def test_a_role_brings_its_scope_unless_one_is_given(doors: Doors, factories: Factories, tenant: Tenant, change: Change) -> None:
    first, second = await factories.agent(tenant.enterprise_id), await factories.agent(tenant.enterprise_id)
    group = await factories.group(tenant.enterprise_id)
    promoted = await change(tenant.admin, first, role="admin")
    lead = await change(tenant.admin, second, role="group_leader", scope={"kind": "groups", "group_ids": [str(group)]})
    again = await change(tenant.admin, second, role="specialist", version=2)
    demoted = await change(tenant.admin, first, role="agent", version=2)
    assert promoted.json()["scope"] == {"kind": "all", "group_ids": []}
    assert promoted.json()["role"] == {
        "id": str(await factories.role_id(tenant.enterprise_id, "admin")), "name": "管理员", "builtin": "admin",
    }  # fmt: skip
    assert lead.json()["scope"] == again.json()["scope"] == {"kind": "groups", "group_ids": [str(group)]}
    assert again.json()["role"]["name"] == "specialist"
    assert demoted.json()["scope"] == {"kind": "self", "group_ids": []}


async def test_a_scope_of_no_groups_is_refused(doors: Doors, factories: Factories, tenant: Tenant, change: Change) -> None:
    member = await factories.agent(tenant.enterprise_id)
    refused = await change(tenant.admin, member, scope={"kind": "groups", "group_ids": []})
    assert refused.json()["error"]["fields"][0]["field"] == "scope.group_ids"


async def test_changed_rights_count_at_once_and_sockets_open_anew(
    doors: Doors, factories: Factories, tenant: Tenant, change: Change
) -> None:
    member = await factories.agent(tenant.enterprise_id)
    socket = await doors.agent_socket(member)
    assert (await doors.agent(member).get("/agents")).status_code == 403

    await change(tenant.admin, member, role="admin")

    assert await socket.until_closed() == 1012
    assert [frame["code"] for frame in socket.frames if frame["type"] == "bye"] == ["replaced"]
    assert (await doors.agent(member).get("/agents")).status_code == 200


async def test_the_last_administrator_stays(doors: Doors, factories: Factories, tenant: Tenant, database: Database, change: Change) -> None:
    await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL), enabled=False)
    await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL), pending=True)
    before = await agent_row(database, tenant.admin.id)
    for changed in ({"enabled": False}, {"role": "agent"}):
        refused = await change(tenant.admin, tenant.admin, **changed)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "last_admin")
    assert await agent_row(database, tenant.admin.id) == before
    assert len(await session_ids(database, tenant.admin.id)) == 1


@pytest.mark.parametrize(("way", "leaves"), [("none", 409), ("provider off", 409), ("provider", 200), ("passkey", 200)])
async def test_administrators_who_cannot_sign_in_are_not_counted(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database, change: Change, way: str, leaves: int
) -> None:
    """Who has no password comes in by the provider, where there is one that is switched on, or by a passkey."""
    other = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL))
    own: dict[str, Any] = {"enterprise_id": tenant.enterprise_id}
    async with database.system() as tx:
        await tx.session.execute(update(AgentRow).where(AgentRow.id == other.id).values(password_hash=UNUSABLE))
        if way.startswith("provider"):
            own |= {"label": "账号", "issuer": "https://id.example.com", "client_id": "x", "client_secret": b"x", "created_at": tx.now}
            tx.session.add(OidcProviderRow(**own, enabled=way == "provider"))
        if way == "passkey":
            own |= {"credential_id": other.id.bytes, "public_key": b"x", "name": "钥匙", "created_at": tx.now}
            tx.session.add(PasskeyRow(**own, id=other.id, agent_id=other.id))
    before = await agent_row(database, tenant.admin.id)

    answer = await change(other, tenant.admin, enabled=False)

    assert answer.status_code == leaves, answer.text
    if leaves == 409:
        assert answer.json()["error"]["code"] == "last_admin"
        assert await agent_row(database, tenant.admin.id) == before


async def test_two_administrators_who_disable_each_other_at_once_leave_one(
    doors: Doors, factories: Factories, tenant: Tenant, change: Change
) -> None:
    other = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL))
    answers = await asyncio.gather(change(tenant.admin, other, enabled=False), change(other, tenant.admin, role="agent"))
    assert sorted(answer.status_code for answer in answers) in ([200, 409], [200, 401], [200, 403])


@pytest.mark.parametrize("changed", [{"role": "agent"}, {"scope": {"kind": "self"}}, {"enabled": False}])
async def test_nobody_changes_their_own_rights(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database, changed: dict[str, Any], change: Change
) -> None:
    other = await factories.agent(tenant.enterprise_id, points=points_of("admin"), scope=Scope(ScopeKind.ALL))
    before = await agent_row(database, other.id)
    refused = await change(other, other, **changed)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    assert await agent_row(database, other.id) == before


@pytest.mark.parametrize("changed", [{"role": "admin", "scope": {"kind": "all"}}, {"scope": {"kind": "all"}}, {"role": "admin"}])
async def test_nobody_grants_more_than_they_hold(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database, changed: dict[str, Any], change: Change
) -> None:
    group = await factories.group(tenant.enterprise_id)
    lead = await leader(factories, tenant, group)
    member = await factories.agent(tenant.enterprise_id, group_ids=(group,))
    before = await agent_row(database, member.id)
    refused = await change(lead, member, **changed)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    assert await agent_row(database, member.id) == before


async def test_nobody_takes_from_those_who_hold_more(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database, change: Change
) -> None:
    group = await factories.group(tenant.enterprise_id)
    lead = await leader(factories, tenant, group)
    above = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL), group_ids=(group,))
    before = await agent_row(database, above.id)
    assert (await change(lead, above, enabled=False)).status_code == 403
    assert await agent_row(database, above.id) == before


async def test_groups_outside_the_scope_are_neither_given_nor_taken(
    doors: Doors, factories: Factories, tenant: Tenant, change: Change
) -> None:
    north, south = await factories.group(tenant.enterprise_id), await factories.group(tenant.enterprise_id)
    lead = await leader(factories, tenant, north)
    member = await factories.agent(tenant.enterprise_id, group_ids=(north, south))
    taken = await change(lead, member, group_ids=[str(north)])
    unknown = await change(tenant.admin, member, group_ids=[str(north), str(uuid4())])
    assert [taken.status_code, unknown.status_code] == [422, 422]
    assert (await change(lead, member, group_ids=[str(south)])).status_code == 200


async def test_of_two_who_decide_about_each_other_the_second_decides_with_what_they_have_left(
    factories: Factories, tenant: Tenant, change: Change, database: Database
) -> None:
    # given three administrators, so that the last one is not the question
    other = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL))

    # when two of them disable each other at the same moment
    await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL))
    answers = await asyncio.gather(change(tenant.admin, other, enabled=False), change(other, tenant.admin, enabled=False))

    # then only the faster one is obeyed
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    enabled = [(await agent_row(database, member.id))["enabled"] for member in (tenant.admin, other)]
    assert sorted(enabled) == [False, True]


@pytest.mark.parametrize(
    ("lacking", "changed"),
    [
        ("agents.role", {"role": "specialist"}),
        ("agents.scope", {"scope": {"kind": "groups"}}),
        ("agents.scope", {"visitor_regions": {"mode": "only", "regions": ["CN/广东省"]}}),
    ],
)
async def test_role_and_scope_need_their_own_points(
    factories: Factories, tenant: Tenant, database: Database, change: Change, lacking: str, changed: dict[str, Any]
) -> None:
    group = await factories.group(tenant.enterprise_id)
    lead = await leader(factories, tenant, group, points=points_of("admin") - {lacking})
    member = await factories.agent(tenant.enterprise_id, points=frozenset({"conversations.serve"}), group_ids=(group,))
    if "scope" in changed:
        changed = {"scope": {"kind": "groups", "group_ids": [str(group)]}}
    before = await agent_row(database, member.id)

    refused = await change(lead, member, **changed)

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    assert await agent_row(database, member.id) == before
    assert (await change(lead, member, staff_number="A-07")).json()["staff_number"] == "A-07"


async def test_a_role_of_points_one_lacks_is_not_given(factories: Factories, tenant: Tenant, database: Database, change: Change) -> None:
    head = await factories.agent(tenant.enterprise_id, role="department_head", scope=Scope(ScopeKind.ALL))
    member = await factories.agent(tenant.enterprise_id)
    strong = await factories.role(tenant.enterprise_id, frozenset({"security.edit"}))
    before = await agent_row(database, member.id)

    refused = await change(head, member, role_id=str(strong))

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    assert await agent_row(database, member.id) == before
    assert (await change(head, member, role="group_leader")).json()["role"]["name"] == "group_leader"


@pytest.mark.parametrize("whose", ["nobody", "another enterprise"])
async def test_a_role_and_a_group_from_elsewhere_do_not_exist(
    factories: Factories, tenant: Tenant, database: Database, change: Change, whose: str
) -> None:
    other = await factories.tenant()
    member = await factories.agent(tenant.enterprise_id)
    role_id = uuid4() if whose == "nobody" else await factories.role_id(other.enterprise_id, "agent")
    group_id = uuid4() if whose == "nobody" else await factories.group(other.enterprise_id)
    before = await agent_row(database, member.id)

    refused = [
        await change(tenant.admin, member, role_id=str(role_id)),
        await change(tenant.admin, member, scope={"kind": "groups", "group_ids": [str(group_id)]}),
        await change(tenant.admin, member, group_ids=[str(group_id)]),
    ]

    assert [(answer.status_code, answer.json()["error"]["fields"][0]["field"]) for answer in refused] == [
        (422, "role_id"), (422, "scope.group_ids"), (422, "group_ids"),
    ]  # fmt: skip
    assert await agent_row(database, member.id) == before


async def test_administrators_see_everything_and_every_visitor(
    factories: Factories, tenant: Tenant, database: Database, change: Change
) -> None:
    group = await factories.group(tenant.enterprise_id)
    other = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL))
    before = await agent_row(database, other.id)
    narrowed = await change(tenant.admin, other, scope={"kind": "groups", "group_ids": [str(group)]})
    limited = await change(tenant.admin, other, visitor_regions={"mode": "only", "regions": ["CN"]})
    assert [answer.json()["error"]["fields"][0]["field"] for answer in (narrowed, limited)] == ["scope.kind", "visitor_regions.mode"]
    assert await agent_row(database, other.id) == before

    # a limit from before ends with the promotion
    member = await factories.agent(tenant.enterprise_id)
    await change(tenant.admin, member, visitor_regions={"mode": "only", "regions": ["CN"]})
    promoted = await change(tenant.admin, member, role="admin", version=2)
    assert promoted.json()["visitor_regions"] == {"mode": "all", "regions": []}


async def test_which_visitors_an_account_sees_is_kept(factories: Factories, tenant: Tenant, change: Change) -> None:
    member = await factories.agent(tenant.enterprise_id)
    some = await change(tenant.admin, member, visitor_regions={"mode": "only", "regions": ["CN/广东省/深圳市", "CN/福建省", "CN/福建省"]})
    others = await change(tenant.admin, member, visitor_regions={"mode": "except", "regions": ["JP"]}, version=2)
    everybody = await change(tenant.admin, member, visitor_regions={"mode": "all", "regions": ["JP"]}, version=3)
    assert some.json()["visitor_regions"] == {"mode": "only", "regions": ["CN/广东省/深圳市", "CN/福建省"]}
    assert others.json()["visitor_regions"] == {"mode": "except", "regions": ["JP"]}
    assert everybody.json()["visitor_regions"] == {"mode": "all", "regions": []}


@pytest.mark.parametrize(
    "regions", [[], ["广东省"], ["CN/"], ["CN//深圳市"], ["CN/广东省/深圳市/南山区"], ["cn"], ["CN/火星省"], ["CN", "XX"], ["CN/\x00"]]
)
async def test_regions_that_cannot_be_are_refused(
    factories: Factories, tenant: Tenant, database: Database, change: Change, regions: list[str]
) -> None:
    member = await factories.agent(tenant.enterprise_id)
    before = await agent_row(database, member.id)
    refused = await change(tenant.admin, member, visitor_regions={"mode": "only", "regions": regions})
    assert refused.status_code == 422
    assert refused.json()["error"]["fields"][0]["field"].startswith("visitor_regions.regions")
    assert await agent_row(database, member.id) == before


async def test_what_was_changed_is_in_the_audit_log(factories: Factories, tenant: Tenant, database: Database, change: Change) -> None:
    group = await factories.group(tenant.enterprise_id, name="售后组")
    member = await factories.agent(tenant.enterprise_id)
    asked = {"name": "顾 言", "scope": {"kind": "groups", "group_ids": [str(group)]}, "group_ids": [str(group)]}
    assert (await change(tenant.admin, member, role="group_leader", **asked)).status_code == 200
    assert (await change(tenant.admin, member, name="顾 言", version=2)).status_code == 200
    assert (await change(tenant.admin, member, name="改名", version=1)).status_code == 409

    (entry,) = await audit_entries(database, tenant.enterprise_id)

    assert (entry.action, entry.actor_id, entry.subject_kind, entry.subject_id, entry.subject_name) == (
        "agent.changed", tenant.admin.id, "agent", member.id, "顾 言",
    )  # fmt: skip
    assert entry.details == {
        "name": ["顾言", "顾 言"],
        "role": ["普通客服", "group_leader"],
        "scope": [{"kind": "self", "groups": []}, {"kind": "groups", "groups": ["售后组"]}],
        "groups": [[], ["售后组"]],
    }


async def test_lost_second_factors_are_reset_by_a_colleague(doors: Doors, factories: Factories, tenant: Tenant, database: Database) -> None:
    member, other = await factories.agent(tenant.enterprise_id), await factories.agent(tenant.enterprise_id)
    for whose in (member, other):
        await give_factors(database, whose)
    socket = await doors.agent_socket(member)
    assert (await doors.agent(tenant.admin).get(f"/agents/{member.id}")).json()["two_factor"] is True

    answer = await doors.agent(tenant.admin).delete(f"/agents/{member.id}/two-factor")

    assert (answer.status_code, answer.json()["two_factor"], answer.json()["version"]) == (200, False, 2)
    assert await count_factors(database, member.id) == 0
    assert await socket.until_closed() == 4401
    assert await session_ids(database, member.id) == set()
    assert await count_factors(database, other.id) == 3
    (entry,) = await audit_entries(database, tenant.enterprise_id)
    assert (entry.action, entry.subject_id, entry.details) == ("agent.two_factor_reset", member.id, {})


async def test_second_factors_stay_where_the_actor_has_no_say(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    head = await factories.agent(tenant.enterprise_id, role="department_head", scope=Scope(ScopeKind.ALL))
    lead = await leader(factories, tenant, await factories.group(tenant.enterprise_id))
    member = await factories.agent(tenant.enterprise_id)
    for whose in (head, tenant.admin, member):
        await give_factors(database, whose)

    answers = [
        await doors.agent(head).delete(f"/agents/{head.id}/two-factor"),
        await doors.agent(head).delete(f"/agents/{tenant.admin.id}/two-factor"),
        await doors.agent(lead).delete(f"/agents/{member.id}/two-factor"),
        await doors.agent(member).delete(f"/agents/{member.id}/two-factor"),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 404, 403]
    assert [await count_factors(database, whose.id) for whose in (head, tenant.admin, member)] == [3, 3, 3]
    assert await audit_entries(database, tenant.enterprise_id) == []


async def test_whoever_gets_a_role_that_does_not_serve_gives_back_their_conversations(
    doors: Doors, factories: Factories, tenant: Tenant, change: Change
) -> None:
    # given a visitor who is served, while somebody who only analyses is online too
    analyst = await factories.agent(tenant.enterprise_id, role="analyst", scope=Scope(ScopeKind.ALL))
    member = await factories.agent(tenant.enterprise_id)
    await doors.agent_socket(analyst)
    await doors.agent_socket(member)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    visitor = await doors.visitor_socket(guest.token)
    await visitor.send(type="subscribe", topic="mine")
    await visitor.send(type="send", client_message_id=guest.customer_id, text="你好")
    while (await visitor.next("conversation"))["conversation"]["assignee_id"] != str(member.id):
        pass

    # when whoever serves becomes an analyst too
    assert (await change(tenant.admin, member, role="analyst")).status_code == 200

    # then the visitor waits for somebody who may serve
    released = (await visitor.next("conversation"))["conversation"]
    assert (released["status"], released["assignee_id"]) == ("waiting", None)
    await doors.agent_socket(tenant.admin)
    assert (await visitor.next("conversation"))["conversation"]["assignee_id"] == str(tenant.admin.id)
