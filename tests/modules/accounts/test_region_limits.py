"""Whose visitors somebody sees (F22) bounds what they hand out and decide about, as their scope does."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from tests.modules.accounts.changing import Change
from tests.modules.accounts.reading import agent_row, audit_entries
from tests.support.access import points_of
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Member, Tenant

GUANGDONG = {"mode": "only", "regions": ["CN/广东省"]}
SHENZHEN = {"mode": "only", "regions": ["CN/广东省/深圳市"]}
EVERYBODY = {"mode": "all", "regions": []}


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


@pytest.fixture
async def group(factories: Factories, tenant: Tenant) -> UUID:
    return await factories.group(tenant.enterprise_id)


@pytest.fixture
async def limited(factories: Factories, tenant: Tenant, group: UUID, change: Change) -> Member:
    """A supervisor of one group who sees Guangdong's visitors only."""
    scope = Scope(ScopeKind.GROUPS, frozenset({group}))
    member = await factories.agent(tenant.enterprise_id, points=points_of("admin"), scope=scope)
    assert (await change(tenant.admin, member, visitor_regions=GUANGDONG)).status_code == 200
    return member


@pytest.fixture
async def colleague(factories: Factories, tenant: Tenant, group: UUID, change: Change) -> Member:
    """A member of the group with the same limit."""
    member = await factories.agent(tenant.enterprise_id, group_ids=(group,))
    assert (await change(tenant.admin, member, visitor_regions=GUANGDONG)).status_code == 200
    return member


@pytest.mark.parametrize("wider", [EVERYBODY, {"mode": "except", "regions": ["US"]}, {"mode": "only", "regions": ["CN"]}])
async def test_nobody_lets_a_colleague_see_visitors_they_do_not_see(
    database: Database, limited: Member, colleague: Member, change: Change, wider: dict[str, Any]
) -> None:
    before = await agent_row(database, colleague.id)
    refused = await change(limited, colleague, visitor_regions=wider, version=2)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    assert await agent_row(database, colleague.id) == before
    narrowed = await change(limited, colleague, visitor_regions=SHENZHEN, version=2)
    assert (narrowed.status_code, narrowed.json()["visitor_regions"]) == (200, SHENZHEN)


async def test_accounts_that_see_more_are_neither_decided_about_nor_looked_through(
    doors: Doors, factories: Factories, tenant: Tenant, group: UUID, database: Database, limited: Member, colleague: Member, change: Change
) -> None:
    unlimited = await factories.agent(tenant.enterprise_id, group_ids=(group,))
    before = await agent_row(database, unlimited.id)
    browser = doors.agent(limited)

    answers = [
        await change(limited, unlimited, name="改名"),
        await browser.post(f"/agents/{unlimited.id}/password-reset"),
        await browser.post(f"/agents/{unlimited.id}/view-as"),
        await browser.patch(f"/groups/{group}", json={"member_ids": [str(colleague.id)], "version": 1}),
    ]

    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in answers] == [(403, "not_allowed")] * 4
    assert await agent_row(database, unlimited.id) == before
    assert (await browser.post(f"/agents/{colleague.id}/view-as")).status_code == 200


async def test_a_view_ends_when_the_colleague_may_see_more(
    doors: Doors, tenant: Tenant, limited: Member, colleague: Member, change: Change
) -> None:
    token = (await doors.agent(limited).post(f"/agents/{colleague.id}/view-as")).json()["token"]
    looking = doors.agent(limited, headers={"X-Qiatan-View-As": token})
    assert (await looking.get("/me")).status_code == 200
    await change(tenant.admin, colleague, visitor_regions=EVERYBODY, version=2)
    assert (await looking.get("/me")).json()["error"]["code"] == "view_ended"


async def test_whom_a_limited_supervisor_invites_has_the_same_limit(
    doors: Doors, factories: Factories, tenant: Tenant, group: UUID, limited: Member, database: Database
) -> None:
    def body(**more: Any) -> dict[str, Any]:
        return {"email": f"{uuid4().hex}@example.com", "name": "小顾", "group_ids": [str(group)], **more}

    made = await doors.agent(limited).post("/agents/invitations", json=body())
    by_admin = await doors.agent(tenant.admin).post("/agents/invitations", json=body())

    assert [answer.json()["agent"]["visitor_regions"] for answer in (made, by_admin)] == [GUANGDONG, EVERYBODY]
    assert (await audit_entries(database, tenant.enterprise_id))[-2].details["visitor_regions"] == GUANGDONG


async def test_a_limited_colleague_makes_no_administrator(
    doors: Doors, factories: Factories, tenant: Tenant, change: Change, database: Database
) -> None:
    equal = await factories.agent(tenant.enterprise_id, points=points_of("admin"), scope=Scope(ScopeKind.ALL))
    await change(tenant.admin, equal, visitor_regions=GUANGDONG)
    body = {"email": f"{uuid4().hex}@example.com", "name": "x", "role_id": str(await factories.role_id(tenant.enterprise_id, "admin"))}
    refused = await doors.agent(equal).post("/agents/invitations", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    assert len((await doors.agent(tenant.admin).get("/agents")).json()["items"]) == 2


async def test_a_key_reaches_no_further_than_whoever_made_it(
    doors: Doors, factories: Factories, tenant: Tenant, change: Change, database: Database
) -> None:
    maker = await factories.agent(tenant.enterprise_id, points=points_of("admin"), scope=Scope(ScopeKind.ALL))
    # A role without points that only persons hold, so that nothing but the limit stands in the key's way.
    other = await factories.agent(tenant.enterprise_id, points=frozenset({"agents.view"}))
    for member in (maker, other):
        await change(tenant.admin, member, visitor_regions=GUANGDONG)
    points = ["agents.view", "agents.edit", "agents.scope"]
    asked = await doors.agent(maker).post("/api-keys", json={"name": "k", "points": points, "password": PASSWORD})
    program = doors.visitor(asked.json()["secret"])
    before = await agent_row(database, other.id)
    refused = await program.patch(f"/agents/{other.id}", json={"visitor_regions": EVERYBODY, "version": 2})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    assert await agent_row(database, other.id) == before
    narrowed = await program.patch(f"/agents/{other.id}", json={"visitor_regions": SHENZHEN, "version": 2})
    assert (narrowed.status_code, narrowed.json()["visitor_regions"]) == (200, SHENZHEN)
