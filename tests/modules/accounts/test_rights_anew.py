"""Sockets whose agents' rights changed without an event that reached this node: the command line, or what the bus lost."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from qiatan.entrypoints.gateway import Gateway
from qiatan.infra.db import Database
from qiatan.infra.realtime import returning
from qiatan.kit.access import Scope, ScopeKind
from tests.support.access import points_of
from tests.support.doors import Doors
from tests.support.factories import Factories, Member, Tenant
from tests.support.sockets import SocketClient


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


@pytest.fixture
async def leader(factories: Factories, tenant: Tenant) -> Member:
    return await factories.agent(tenant.enterprise_id, role="department_head", scope=Scope(ScopeKind.ALL))


@pytest.fixture
def gateway(doors: Doors) -> Gateway:
    found: Gateway = doors.app.state.gateway
    return found


async def _sql(database: Database, statement: str, **values: Any) -> None:
    async with database.system() as tx:
        await tx.session.execute(text(statement), values)


async def _closed(socket: SocketClient) -> tuple[int, str]:
    code = await socket.until_closed()
    return code, socket.frames[-1]["code"]


@pytest.mark.parametrize(
    "loss",
    [
        "UPDATE agents SET scope_kind = 'self' WHERE id = :agent",
        "UPDATE roles SET points = points[2:] WHERE id = (SELECT role_id FROM agents WHERE id = :agent)",
        "UPDATE roles SET requires_two_factor = true WHERE id = (SELECT role_id FROM agents WHERE id = :agent)",
    ],
    ids=["scope", "points", "second factor"],
)
async def test_rights_that_were_taken_unheard_end_the_sockets_that_had_them(
    doors: Doors, database: Database, gateway: Gateway, factories: Factories, tenant: Tenant, loss: str
) -> None:
    agent = await factories.agent(
        tenant.enterprise_id, points=frozenset({"conversations.serve", "customers.edit"}), scope=Scope(ScopeKind.ALL)
    )
    socket, other = await doors.agent_socket(agent), await doors.agent_socket(tenant.admin)
    await gateway.sweeper.recheck(None)
    await socket.settle()
    assert socket.close_code is None  # nothing changed, so nobody goes

    await _sql(database, loss, agent=agent.id)
    await gateway.sweeper.recheck(None)

    assert await _closed(socket) == (1012, "replaced")
    await other.settle()
    assert other.close_code is None


async def test_they_are_looked_up_at_once_when_the_bus_may_have_lost_something(
    doors: Doors, database: Database, gateway: Gateway, leader: Member, factories: Factories
) -> None:
    other = await factories.tenant()
    socket, stranger = await doors.agent_socket(leader), await doors.agent_socket(other.admin)
    await _sql(database, "UPDATE agents SET scope_kind = 'self' WHERE id = :agent", agent=leader.id)

    for lost in gateway.resources.relay.on_lost:
        lost(leader.enterprise_id)

    assert await _closed(socket) == (1012, "replaced")
    await stranger.settle()
    assert stranger.close_code is None


async def test_who_looks_as_a_colleague_hears_of_the_colleagues_rights_and_of_the_end(
    doors: Doors, database: Database, gateway: Gateway, tenant: Tenant, leader: Member
) -> None:
    granted = await doors.agent(tenant.admin).post(f"/agents/{leader.id}/view-as")
    hello = {"view_as": granted.json()["token"]}
    looking = await doors.socket(cookie=tenant.admin.session_token, hello=hello)
    await gateway.sweeper.recheck(None)
    await looking.settle()
    assert looking.close_code is None

    await _sql(database, "UPDATE agents SET scope_kind = 'self' WHERE id = :agent", agent=leader.id)
    await gateway.sweeper.recheck(None)
    assert await _closed(looking) == (1012, "replaced")

    again = await doors.socket(cookie=tenant.admin.session_token, hello=hello)
    await _sql(database, "UPDATE agents SET enabled = false WHERE id = :agent", agent=leader.id)
    await gateway.sweeper.recheck(None)
    assert await _closed(again) == (4401, "view_ended")


async def test_many_whose_rights_changed_are_asked_to_spread_their_return(
    doors: Doors, database: Database, gateway: Gateway, factories: Factories, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a role of three agents, when it changes, all are told over how long to come back; who is signed out is told nothing of it."""
    monkeypatch.setattr(returning, "RETURNS_A_SECOND", 1)
    members = [await factories.agent(tenant.enterprise_id) for _ in range(4)]
    sockets = [await doors.agent_socket(member) for member in members]
    await _sql(database, "UPDATE agents SET scope_kind = 'all' WHERE id = ANY(:ids)", ids=[member.id for member in members[:3]])
    await _sql(database, "DELETE FROM sessions WHERE agent_id = :agent", agent=members[3].id)

    await gateway.sweeper.recheck(None)

    for socket in sockets:
        await socket.until_closed()
    byes = [socket.frames[-1] for socket in sockets]
    assert [(bye["code"], bye.get("within")) for bye in byes] == [*[("replaced", 3.0)] * 3, ("signed_out", None)]


async def test_many_whose_role_was_changed_are_asked_to_spread_their_return(
    doors: Doors, factories: Factories, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(returning, "RETURNS_A_SECOND", 1)
    members = [await factories.agent(tenant.enterprise_id, role="group_leader") for _ in range(3)]
    sockets = [await doors.agent_socket(member) for member in members]
    role_id = await factories.role_id(tenant.enterprise_id, "group_leader")
    points = sorted(points_of("group_leader") - {"conversations.view_colleagues"})

    changed = await doors.agent(tenant.admin).patch(f"/roles/{role_id}", json={"points": points, "version": 1})

    assert changed.status_code == 200
    for socket in sockets:
        await socket.until_closed()
    assert [(socket.frames[-1]["code"], socket.frames[-1].get("within")) for socket in sockets] == [("replaced", 3.0)] * 3


async def test_one_alone_comes_back_at_once(
    doors: Doors, database: Database, gateway: Gateway, factories: Factories, tenant: Tenant
) -> None:
    agent = await factories.agent(tenant.enterprise_id)
    socket = await doors.agent_socket(agent)
    await _sql(database, "UPDATE agents SET scope_kind = 'all' WHERE id = :agent", agent=agent.id)

    await gateway.sweeper.recheck(None)

    await socket.until_closed()
    assert (socket.frames[-1]["code"], "within" in socket.frames[-1]) == ("replaced", False)
