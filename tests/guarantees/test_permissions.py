"""Every route against every kind of caller who may not: refused, and nothing is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from qiatan.infra.db import Database
from qiatan.infra.http.guards import Public, Requires, SignedIn, Visitor
from tests.guarantees.world import World, call, checksum, make_world
from tests.support.access import points_of
from tests.support.doors import Doors
from tests.support.factories import Factories
from tests.support.routes import Route, every_route

ROUTES = [route for route in every_route() if route.path is not None]
OF_AGENTS = [route for route in ROUTES if isinstance(route.guards[0], SignedIn)]
OF_VISITORS = [route for route in ROUTES if isinstance(route.guards[0], Visitor)]
PUBLIC_CHANGES = [route for route in ROUTES if isinstance(route.guards[0], Public) and route.method != "GET"]


@pytest.fixture
async def world(doors: Doors, database: Database, factories: Factories) -> World:
    return await make_world(doors, database, factories)


@pytest.fixture(autouse=True)
async def _nothing_is_changed(world: World, database: Database) -> AsyncIterator[None]:
    before = await checksum(database, world.tenant.enterprise_id)
    yield
    assert await checksum(database, world.tenant.enterprise_id) == before


async def test_the_matrix_is_about_all_routes() -> None:
    assert len(OF_AGENTS) > 30
    assert len(OF_VISITORS) > 8
    assert sorted(route.name for route in ROUTES if route not in OF_AGENTS + OF_VISITORS) == sorted(
        route.name for route in ROUTES if isinstance(route.guards[0], Public)
    )


async def test_strangers_are_asked_to_sign_in(doors: Doors, world: World) -> None:
    answers = {route.name: await call(doors.stranger(), route, world.path(route)) for route in OF_AGENTS + OF_VISITORS}

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 401)
    assert {answer.json()["error"]["code"] for answer in answers.values()} == {"not_signed_in"}


async def test_visitors_are_no_agents(doors: Doors, world: World) -> None:
    http = doors.visitor(world.guest.token)
    answers = {route.name: (await call(http, route, world.path(route))).status_code for route in OF_AGENTS}

    assert answers == dict.fromkeys(answers, 401)


async def test_agents_are_no_visitors(doors: Doors, world: World) -> None:
    http = doors.agent(world.tenant.admin)
    answers = {route.name: (await call(http, route, world.path(route))).status_code for route in OF_VISITORS}

    assert answers == dict.fromkeys(answers, 401)


@pytest.mark.parametrize(("enabled", "pending"), [(False, False), (True, True)], ids=["disabled", "pending"])
async def test_accounts_that_are_off(doors: Doors, factories: Factories, enabled: bool, pending: bool) -> None:
    tenant = await factories.tenant()
    http = doors.agent(await factories.agent(tenant.enterprise_id, role="admin", enabled=enabled, pending=pending))
    other = await make_world(doors, doors.app.state.resources.database, factories)
    before = await checksum(doors.app.state.resources.database, tenant.enterprise_id)

    answers = {route.name: (await call(http, route, other.path(route))).status_code for route in OF_AGENTS}

    assert answers == dict.fromkeys(answers, 401)
    assert await checksum(doors.app.state.resources.database, tenant.enterprise_id) == before


async def test_pages_of_others_cannot_use_an_agents_cookie(doors: Doors, world: World) -> None:
    changes = [route for route in OF_AGENTS if route.method not in ("GET", "HEAD")]
    no_header = doors.agent(world.tenant.admin)
    no_header.headers["X-Qiatan-Csrf"] = "0" * 32
    foreign = doors.agent(world.tenant.admin, headers={"Origin": "http://qiatan.test.evil.example"})

    without = {route.name: (await call(no_header, route, world.path(route))).json()["error"]["code"] for route in changes}
    elsewhere = {route.name: (await call(foreign, route, world.path(route))).json()["error"]["code"] for route in changes}

    assert without == dict.fromkeys(without, "csrf_failed")
    assert elsewhere == dict.fromkeys(elsewhere, "origin_refused")


async def test_public_changes_want_our_page(doors: Doors, world: World) -> None:
    bare = doors.stranger(csrf=None)
    answers = {
        route.name: (await bare.request(str(route.method), world.path(route), json={})).status_code
        for route in PUBLIC_CHANGES
        if not getattr(route.guards[0], "_any_origin")  # noqa: B009 -- the guard keeps it to itself
    }

    assert answers == dict.fromkeys(answers, 403)
    assert len(answers) >= 5


def _without_point(route: Route) -> bool:
    return isinstance(route.guards[0], Requires) and route.guards[0].point.name not in points_of("agent")


async def test_ordinary_agents_lack_what_is_not_everyday(doors: Doors, world: World) -> None:
    http = doors.agent(world.server)
    refused = [route for route in OF_AGENTS if _without_point(route)]

    answers = {route.name: await call(http, route, world.path(route)) for route in refused}

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 403)
    assert {answer.json()["error"]["code"] for answer in answers.values()} == {"not_allowed"}
    assert {"list_agents", "invite_agent", "change_enterprise", "create_channel", "create_group"} <= answers.keys()
    listed = await http.get("/conversations?view=colleagues")
    assert (listed.status_code, listed.json()["error"]["code"]) == (403, "not_allowed")


async def test_a_colleagues_conversation_lies_outside_an_ordinary_scope(doors: Doors, world: World) -> None:
    routes = [route for route in OF_AGENTS if "{conversation_id}" in (route.path or "")]

    for member in (world.colleague, world.narrow):
        http = doors.agent(member)
        answers = {route.name: (await call(http, route, world.path(route))).status_code for route in routes}
        lacks = {route.name for route in routes if member is world.colleague and _without_point(route)}
        assert answers == {name: 403 if name in lacks else 404 for name in answers}

    assert len(routes) >= 9


async def test_another_enterprises_things_do_not_exist(doors: Doors, world: World, factories: Factories) -> None:
    """With all rights in the own enterprise, on every route that names something."""
    other = await factories.tenant()
    other_guest = await factories.visitor(await factories.channel(other.enterprise_id))
    routes = [route for route in OF_AGENTS + OF_VISITORS if "{" in (route.path or "")]

    found = {}
    for route in routes:
        http = doors.agent(other.admin) if route in OF_AGENTS else doors.visitor(other_guest.token)
        answer = await call(http, route, world.path(route))
        found[route.name] = (answer.status_code, answer.json()["error"]["code"])

    assert found == dict.fromkeys(found, (404, "not_found")) | dict.fromkeys(("get_own_file", "get_own_file_link"), (404, "file_not_found"))
    assert len(found) >= 18


async def test_another_enterprises_ids_cannot_be_put_into_ones_own(doors: Doors, world: World, factories: Factories) -> None:
    other = await factories.tenant()
    http = doors.agent(other.admin)
    before = await checksum(doors.app.state.resources.database, other.enterprise_id)
    group, agent, file = str(world.ids["group_id"]), str(world.ids["agent_id"]), world.ids["file_id"]

    answers = [
        await http.post("/agents/invitations", json={"email": "x@example.com", "name": "新人", "group_ids": [group]}),
        await http.post("/groups", json={"name": "新组", "member_ids": [agent]}),
        await http.patch(f"/agents/{other.admin.id}", json={"group_ids": [group], "version": 1}),
        await http.patch(f"/agents/{other.admin.id}", json={"scope": {"kind": "groups", "group_ids": [group]}, "version": 1}),
        await http.post("/agents/invitations", json={"email": "x@example.com", "name": "新人", "role_id": str(world.ids["role_id"])}),
        await http.put("/security/login-policy", json={"enabled": True, "role_ids": [str(world.ids["role_id"])], "version": 0}),
        await http.put("/routing/assignment", json={"settings": {"order": [agent]}, "version": 0}),
        await http.put("/routing/transfers", json={"settings": {"steps": [{"seconds": 30, "group_id": group}]}, "version": 0}),
        await http.put("/routing/hours", json={"settings": {"groups": [{"group_id": group, "week": [[]] * 7}]}, "version": 0}),
        await http.post("/security/login-policy/trial", json={"address": "192.0.2.1", "role_id": str(world.ids["role_id"])}),
    ]

    assert {answer.status_code for answer in answers} <= {403, 422}
    assert await checksum(doors.app.state.resources.database, other.enterprise_id) == before
    guest = await factories.visitor(await factories.channel(other.enterprise_id))
    picture = {"client_message_id": "0190a1d0-0000-7000-8000-000000000001", "kind": "picture", "file_id": file}
    assert (await doors.visitor(guest.token).post("/widget/messages", json=picture)).json()["error"]["code"] == "file_not_found"
