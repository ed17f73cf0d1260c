"""What a draft of the login restriction would do, an address that is tried, and the regions to choose from."""

from __future__ import annotations

from typing import Any

import pytest

from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from tests.modules.accounts.restricting import (
    AMERICA,
    CHENGDU,
    CHINA_V6,
    GUANGZHOU,
    NOWHERE,
    POLICY,
    SHENZHEN,
    restrict,
    role_of,
    rules_of,
    stored_policy,
)
from tests.modules.accounts.test_login_policy import SECURITY, agent, tenant
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Member, Tenant

__all__ = ["agent", "tenant"]


async def test_a_draft_can_be_looked_at_before_it_is_saved(
    doors: Doors, factories: Factories, tenant: Tenant, agent: Member, database: Database
) -> None:
    for name, address in (("程思远", AMERICA), ("韩述", SHENZHEN), ("叶知秋", NOWHERE)):
        await _seen_at(doors, factories, tenant, name, address)
    role = await role_of(database, agent)

    answer = await doors.agent(tenant.admin, address=CHENGDU).post(f"{POLICY}/preview", json=rules_of(role, regions=["CN"]))

    preview = answer.json()
    assert preview["own"] == {
        "address": CHENGDU,
        "region": {"code": "CN/四川省/成都市", "names": ["中国", "四川省", "成都市"]},
        "allowed": True,
        "reason": "admin_free",
    }
    assert {person["name"] for person in preview["signed_out"]} == {"程思远", "叶知秋", "魏小满"}
    assert preview["signed_out_count"] == 3
    assert await stored_policy(database, tenant.enterprise_id) is None


async def test_a_preview_names_twenty_people_once_each_and_only_those_in_scope(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    head = await factories.agent(tenant.enterprise_id, points=SECURITY, scope=Scope(ScopeKind.ALL))
    near = await factories.agent(tenant.enterprise_id, points=SECURITY)
    people = [await factories.agent(tenant.enterprise_id) for _ in range(22)]
    await factories.session(people[0])
    draft = rules_of(await role_of(database, people[0]), regions=["CN"])

    whole = (await doors.agent(head).post(f"{POLICY}/preview", json=draft)).json()
    part = (await doors.agent(near).post(f"{POLICY}/preview", json=draft)).json()

    assert (len(whole["signed_out"]), whole["signed_out_count"]) == (20, 22)
    assert len({person["id"] for person in whole["signed_out"]}) == 20
    assert (part["signed_out"], part["signed_out_count"]) == ([], 22)


async def test_a_preview_tells_the_author_that_they_would_go(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    head = await factories.agent(tenant.enterprise_id, points=SECURITY)
    draft = rules_of(await role_of(database, head), regions=["CN/广东省"])
    preview = (await doors.agent(head, address=CHENGDU).post(f"{POLICY}/preview", json=draft)).json()
    assert (preview["own"]["allowed"], preview["own"]["reason"]) == (False, "region_denied")
    assert (preview["signed_out"], preview["signed_out_count"]) == ([], 0)


@pytest.mark.parametrize(
    ("address", "region", "allowed", "reason"),
    [
        (SHENZHEN, "CN/广东省/深圳市", True, "allowed_region"),
        (GUANGZHOU, "CN/广东省/广州市", True, "allowed_region"),
        (f"::ffff:{SHENZHEN}", "CN/广东省/深圳市", True, "allowed_region"),
        (CHENGDU, "CN/四川省/成都市", False, "region_denied"),
        (AMERICA, "US", False, "region_denied"),
        (CHINA_V6, "CN", False, "region_denied"),
        (NOWHERE, "", False, "region_unknown"),
        ("203.0.113.200", "", True, "trusted_address"),
        ("2001:db8::7", "", True, "trusted_address"),
    ],
)
async def test_an_address_can_be_tried(
    doors: Doors, tenant: Tenant, agent: Member, database: Database, address: str, region: str, allowed: bool, reason: str
) -> None:
    role = await role_of(database, agent)
    draft = rules_of(role, regions=["CN/广东省"], trusted=[{"first": "203.0.113.0/24"}, {"first": "2001:db8::/64"}])
    asked = {"address": address, "role_id": str(role)}
    browser = doors.agent(tenant.admin)

    drafted = (await browser.post(f"{POLICY}/trial", json=asked | {"draft": draft})).json()
    before = (await browser.post(f"{POLICY}/trial", json=asked)).json()
    await browser.put(POLICY, json=draft | {"version": 0})
    saved = (await browser.post(f"{POLICY}/trial", json=asked)).json()

    assert (drafted["region"]["code"], drafted["allowed"], drafted["reason"]) == (region, allowed, reason)
    assert (before["allowed"], before["reason"]) == (True, "not_restricted")
    assert saved == drafted


async def test_trying_tells_free_roles_and_refuses_what_is_no_address(
    doors: Doors, factories: Factories, tenant: Tenant, agent: Member, database: Database
) -> None:
    role, admin = await role_of(database, agent), await role_of(database, tenant.admin)
    free = await factories.role(tenant.enterprise_id, frozenset())
    foreign = await role_of(database, (await factories.tenant()).admin)
    await restrict(doors, tenant, role, regions=["CN"])
    browser = doors.agent(tenant.admin)

    async def tried(address: str, role_id: object, **more: object) -> Any:
        return (await browser.post(f"{POLICY}/trial", json={"address": address, "role_id": str(role_id), **more})).json()

    assert (await tried(AMERICA, free))["reason"] == "role_free"
    assert (await tried(AMERICA, admin))["reason"] == "admin_free"
    assert (await tried("here", role))["error"]["fields"][0]["field"] == "address"
    assert (await tried(AMERICA, foreign))["error"]["fields"][0]["field"] == "role_id"
    bad = rules_of(role, trusted=[{"first": "10.0.0.1/8"}])
    assert (await tried(AMERICA, role, draft=bad))["error"]["fields"][0]["field"] == "draft.trusted.0.first"


async def test_regions_can_be_walked_from_the_country_down(doors: Doors, agent: Member) -> None:
    browser = doors.agent(agent)
    countries = (await browser.get("/regions")).json()["items"]
    provinces = (await browser.get("/regions", params={"parent": "CN"})).json()["items"]
    cities = (await browser.get("/regions", params={"parent": "CN/广东省"})).json()["items"]

    assert (countries[0]["code"], countries[0]["name"], countries[0]["children"]) == ("CN", "中国", len(provinces))
    assert {"SG", "US", "DE"} <= {country["code"] for country in countries}
    guangdong = next(province for province in provinces if province["code"] == "CN/广东省")
    assert guangdong == {"code": "CN/广东省", "name": "广东省", "children": len(cities)}
    assert {"code": "CN/广东省/深圳市", "name": "深圳市", "children": 0} in cities
    assert (await browser.get("/regions", params={"parent": "CN/广东省/深圳市"})).json() == {"items": []}


@pytest.mark.parametrize("parent", ["ZZ", "CN/广东", "广东省", "", "CN/广东省/", "CN/广东省/伦敦", "\x00"])
async def test_a_region_that_is_none_is_not_found(doors: Doors, agent: Member, parent: str) -> None:
    assert (await doors.agent(agent).get("/regions", params={"parent": parent})).status_code == 404


async def test_regions_are_for_those_who_are_signed_in(doors: Doors) -> None:
    assert (await doors.stranger().get("/regions")).status_code == 401


async def _seen_at(doors: Doors, factories: Factories, tenant: Tenant, name: str, address: str) -> Member:
    """A signed-in agent whose session was last used at an address."""
    member = await factories.agent(tenant.enterprise_id, name=name)
    clock = factories._resources.clock
    assert isinstance(clock, FakeClock)
    clock.advance(minutes=6)
    assert (await doors.agent(member, address=address).get("/me")).status_code == 200
    return member
