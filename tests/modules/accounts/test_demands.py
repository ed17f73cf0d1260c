"""What a role demands of its members (a second factor, a place) is not got around by changing or making roles."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from tests.modules.accounts.factors import add_app, said
from tests.modules.accounts.reading import audit_entries
from tests.modules.accounts.restricting import SHENZHEN, restrict, role_of
from tests.modules.accounts.test_roles import stored
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Member, Tenant

ALL = Scope(ScopeKind.ALL)
HELD = ["agents.create", "agents.view", "roles.edit"]


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


@pytest.fixture
async def editor(factories: Factories, tenant: Tenant) -> Member:
    """Somebody who may change roles; no administrator."""
    return await factories.agent(tenant.enterprise_id, points=frozenset(HELD), scope=ALL)


async def guarded(doors: Doors, tenant: Tenant, role: UUID, member: Member, clock: FakeClock) -> Any:
    """The member's browser, once the role demands a second factor and they have one."""
    demanded = await doors.agent(tenant.admin).patch(f"/roles/{role}", json={"requires_two_factor": True, "version": 1})
    assert demanded.status_code == 200
    browser = doors.agent(member, address=SHENZHEN)
    await add_app(browser, clock)
    return browser


async def test_nobody_frees_their_own_role_from_the_second_factor(
    doors: Doors, tenant: Tenant, editor: Member, database: Database, clock: FakeClock
) -> None:
    role = await role_of(database, editor)
    browser = await guarded(doors, tenant, role, editor, clock)
    before = await stored(database, tenant.enterprise_id)
    entries = len(await audit_entries(database, tenant.enterprise_id))

    refused = await browser.patch(f"/roles/{role}", json={"requires_two_factor": False, "version": 2})

    assert said(refused) == (422, "invalid_input")
    assert [problem["field"] for problem in refused.json()["error"]["fields"]] == ["requires_two_factor"]
    assert await stored(database, tenant.enterprise_id) == before
    assert len(await audit_entries(database, tenant.enterprise_id)) == entries
    assert (await browser.patch(f"/roles/{role}", json={"name": "改名", "version": 2})).status_code == 200
    by_admin = await doors.agent(tenant.admin).patch(f"/roles/{role}", json={"requires_two_factor": False, "version": 3})
    assert (by_admin.status_code, by_admin.json()["requires_two_factor"]) == (200, False)


async def test_an_administrator_frees_the_administrators(doors: Doors, factories: Factories, tenant: Tenant, clock: FakeClock) -> None:
    role = await factories.role_id(tenant.enterprise_id, "admin")
    browser = await guarded(doors, tenant, role, tenant.admin, clock)
    changed = await browser.patch(f"/roles/{role}", json={"requires_two_factor": False, "version": 2})
    assert (changed.status_code, changed.json()["requires_two_factor"]) == (200, False)


async def test_points_do_not_move_to_where_no_second_factor_is_demanded(
    doors: Doors, factories: Factories, tenant: Tenant, editor: Member, database: Database, clock: FakeClock
) -> None:
    browser = await guarded(doors, tenant, await role_of(database, editor), editor, clock)
    other = await factories.role(tenant.enterprise_id, frozenset({"agents.view"}))
    before = await stored(database, tenant.enterprise_id)

    refused = await browser.patch(f"/roles/{other}", json={"points": HELD, "version": 1})

    assert said(refused) == (422, "invalid_input")
    assert await stored(database, tenant.enterprise_id) == before
    made = await browser.post("/roles", json={"name": "副本", "points": HELD, "requires_two_factor": False})
    assert made.json()["requires_two_factor"] is True
    assert (await audit_entries(database, tenant.enterprise_id))[-1].details["requires_two_factor"] is True
    fewer = await browser.patch(f"/roles/{other}", json={"points": [], "version": 1})
    both = await browser.patch(f"/roles/{other}", json={"points": HELD, "requires_two_factor": True, "version": 2})
    assert [made.status_code, fewer.status_code, both.status_code] == [201, 200, 200]


async def test_a_program_frees_its_maker_from_nothing_either(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database, clock: FakeClock
) -> None:
    maker = await factories.agent(tenant.enterprise_id, points=frozenset({*HELD, "api_keys.manage"}), scope=ALL)
    browser = await guarded(doors, tenant, role := await role_of(database, maker), maker, clock)
    secret = (await browser.post("/api-keys", json={"name": "k", "points": HELD, "password": PASSWORD})).json()["secret"]
    other = await factories.role(tenant.enterprise_id, frozenset({"agents.view"}))
    before = await stored(database, tenant.enterprise_id)

    program = doors.visitor(secret)
    answers = [
        await program.patch(f"/roles/{other}", json={"points": HELD, "version": 1}),
        await program.patch(f"/roles/{role}", json={"requires_two_factor": False, "version": 2}),
    ]

    # `api_keys.manage` is a person's only, so the key lacks it, and with it a say about its maker's role.
    assert [said(answer) for answer in answers] == [(422, "invalid_input"), (403, "not_allowed")]
    assert await stored(database, tenant.enterprise_id) == before
    made = await program.post("/roles", json={"name": "副本", "points": HELD})
    assert (made.status_code, made.json()["requires_two_factor"]) == (201, True)


async def test_points_do_not_move_to_where_the_login_restriction_does_not_hold(
    doors: Doors, factories: Factories, tenant: Tenant, editor: Member, database: Database
) -> None:
    # given a restriction that holds for the editor's role and another one
    own = await role_of(database, editor)
    restricted, free = [await factories.role(tenant.enterprise_id, frozenset({"agents.view"})) for _ in range(2)]
    saved = await restrict(doors, tenant, own, restricted, regions=["CN/广东省"])
    browser = doors.agent(editor, address=SHENZHEN)
    before = await stored(database, tenant.enterprise_id)

    # when they make a copy of their role, or give their points to a role that is free
    answers = [
        await browser.post("/roles", json={"name": "副本", "points": HELD}),
        await browser.patch(f"/roles/{free}", json={"points": HELD, "version": 1}),
    ]

    # then it is refused, while what shares the restriction, or gives nothing, is not
    assert [said(answer) for answer in answers] == [(403, "not_allowed")] * 2
    assert await stored(database, tenant.enterprise_id) == before
    assert (await browser.patch(f"/roles/{restricted}", json={"points": HELD, "version": 1})).status_code == 200
    assert (await browser.patch(f"/roles/{free}", json={"points": [], "version": 1})).status_code == 200
    # and without the restriction roles are made as ever
    await restrict(doors, tenant, own, regions=["CN/广东省"], enabled=False, version=saved["version"])
    assert (await browser.post("/roles", json={"name": "副本", "points": HELD})).status_code == 201
