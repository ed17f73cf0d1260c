"""How long sessions live, and what ends them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from qiatan.entrypoints.registry import CATALOGUE
from qiatan.infra.db import Database
from qiatan.infra.geo import UNKNOWN, Region
from qiatan.infra.resources import Resources
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.accounts import jobs, service
from tests.modules.accounts.reading import links, session_ids, sessions
from tests.support.clock import NOON, FakeClock
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Tenant


def nowhere(_address: str) -> Region:
    return UNKNOWN


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


async def test_who_is_signed_in_is_found_in_one_query_with_rights_and_groups(
    factories: Factories, tenant: Tenant, database: Database
) -> None:
    north = await factories.group(tenant.enterprise_id)
    south = await factories.group(tenant.enterprise_id)
    scope = Scope(ScopeKind.GROUPS, frozenset({north, south}))
    member = await factories.agent(tenant.enterprise_id, scope=scope, group_ids=(north,))
    statements: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engine = database._system.sync_engine
    event.listen(engine, "before_cursor_execute", count)
    try:
        async with database.system() as tx:
            found = await service.resolve_session(tx, member.session_token, CATALOGUE, address="192.0.2.9", region=UNKNOWN)
    finally:
        event.remove(engine, "before_cursor_execute", count)

    assert found == member.actor
    assert len(statements) == 1


@pytest.mark.parametrize("token", ["", "x", "x" * 201, "\x00", "' OR 1=1 --"])
async def test_a_token_that_is_none_belongs_to_nobody(database: Database, token: str) -> None:
    async with database.system() as tx:
        assert await service.resolve_session(tx, token, CATALOGUE, address="192.0.2.9", region=UNKNOWN) is None


async def test_a_session_ends_after_thirty_days_of_silence(doors: Doors, tenant: Tenant, clock: FakeClock) -> None:
    browser = doors.agent(tenant.admin)
    clock.advance(days=29, hours=23)
    assert (await browser.get("/me")).status_code == 200
    clock.advance(days=30)
    assert (await browser.get("/me")).status_code == 401


async def test_a_session_in_daily_use_ends_after_ninety_days(doors: Doors, tenant: Tenant, clock: FakeClock) -> None:
    browser = doors.agent(tenant.admin)
    for _ in range(4):
        clock.advance(days=22)
        assert (await browser.get("/me")).status_code == 200
    clock.advance(days=1, hours=23)
    assert (await browser.get("/me")).status_code == 200
    clock.advance(hours=1)
    assert (await browser.get("/me")).status_code == 401


async def test_being_seen_is_written_at_most_every_five_minutes(doors: Doors, tenant: Tenant, clock: FakeClock, database: Database) -> None:
    browser = doors.agent(tenant.admin)
    clock.advance(minutes=4, seconds=59)
    await browser.get("/me")
    assert (await sessions(database, tenant.admin.id))[0].last_seen_at == NOON

    clock.advance(seconds=1)
    await browser.get("/me")

    row = (await sessions(database, tenant.admin.id))[0]
    assert (row.last_seen_at, row.expires_at) == (NOON + timedelta(minutes=5), NOON + timedelta(days=30, minutes=5))


async def test_signing_out_ends_this_session_only(doors: Doors, factories: Factories, tenant: Tenant, database: Database) -> None:
    elsewhere = await factories.session(tenant.admin)
    browser = doors.agent(tenant.admin)

    signed_out = await browser.delete("/session")

    assert signed_out.status_code == 204
    assert 'qiatan_session=""' in signed_out.headers["set-cookie"]
    assert "Max-Age=0" in signed_out.headers["set-cookie"]
    assert await session_ids(database, tenant.admin.id) == {elsewhere.actor.session_id}
    assert (await doors.agent(tenant.admin).get("/me")).status_code == 401
    assert (await doors.agent(elsewhere).get("/me")).status_code == 200


async def test_a_disabled_agents_session_is_worth_nothing(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    disabled = await factories.agent(tenant.enterprise_id, enabled=False)
    refused = await doors.agent(disabled).get("/me")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "not_signed_in")


async def test_nobody_gathers_sessions_without_end(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database, clock: FakeClock
) -> None:
    for _ in range(49):
        clock.advance(seconds=1)
        await factories.session(tenant.admin)
    oldest = tenant.admin.actor.session_id
    assert len(await session_ids(database, tenant.admin.id)) == 50
    clock.advance(seconds=1)

    await doors.stranger().post("/session", json={"email": tenant.admin.email, "password": PASSWORD})

    left = await session_ids(database, tenant.admin.id)
    assert len(left) == 50
    assert oldest not in left


async def test_expired_sessions_and_links_are_forgotten(
    factories: Factories, tenant: Tenant, resources: Resources, database: Database, clock: FakeClock
) -> None:
    async with database.system() as tx:
        await service.create_sign_in_link(tx, tenant.enterprise_id, tenant.admin.id)
    clock.advance(days=29)
    fresh = await factories.session(tenant.admin)
    clock.advance(days=1)

    await jobs.purge_expired.run(resources)

    assert await session_ids(database, tenant.admin.id) == {fresh.actor.session_id}
    assert await links(database, tenant.admin.id) == []


async def test_a_one_time_link_signs_in_once_within_a_quarter_of_an_hour(
    doors: Doors, tenant: Tenant, database: Database, clock: FakeClock
) -> None:
    async with database.system() as tx:
        path = await service.create_sign_in_link(tx, tenant.enterprise_id, tenant.admin.id)
    token = path.removeprefix("/app/link#token=")
    browser = doors.stranger()
    clock.advance(minutes=14, seconds=59)

    signed_in = await browser.post("/session/link", json={"token": token})

    assert signed_in.status_code == 200
    assert signed_in.json()["me"]["agent"]["id"] == str(tenant.admin.id)
    assert (await browser.get("/me")).status_code == 200
    again = await doors.stranger().post("/session/link", json={"token": token})
    assert (again.status_code, again.json()["error"]["code"]) == (410, "link_expired")


async def test_a_one_time_link_expires_and_a_new_one_ends_it(doors: Doors, tenant: Tenant, database: Database, clock: FakeClock) -> None:
    async with database.system() as tx:
        first = await service.create_sign_in_link(tx, tenant.enterprise_id, tenant.admin.id)
    async with database.system() as tx:
        second = await service.create_sign_in_link(tx, tenant.enterprise_id, tenant.admin.id)
    replaced = await doors.stranger().post("/session/link", json={"token": first.partition("=")[2]})
    clock.advance(minutes=15)
    late = await doors.stranger().post("/session/link", json={"token": second.partition("=")[2]})
    assert [replaced.status_code, late.status_code] == [410, 410]
    assert len(await session_ids(database, tenant.admin.id)) == 1


@pytest.mark.parametrize("token", ["", "x", "0", "null", "x" * 200])
async def test_no_guess_opens_a_link(doors: Doors, token: str) -> None:
    refused = await doors.stranger().post("/session/link", json={"token": token})
    assert (refused.status_code, refused.json()["error"]["code"]) == (410, "link_expired")


async def test_an_invitation_does_not_serve_as_a_sign_in_link(doors: Doors, tenant: Tenant) -> None:
    invited = await doors.agent(tenant.admin).post(
        "/agents/invitations", json={"email": f"{tenant.enterprise_id.hex}@guest.example", "name": "许清"}
    )
    token = invited.json()["link"].partition("#token=")[2]
    refused = await doors.stranger().post("/session/link", json={"token": token})
    assert refused.status_code == 410


async def test_sockets_can_be_checked_against_their_sessions(
    factories: Factories, tenant: Tenant, database: Database, clock: FakeClock
) -> None:
    other = await factories.tenant()
    disabled = await factories.agent(tenant.enterprise_id, enabled=False)
    clock.advance(days=20)
    fresh = await factories.session(tenant.admin)
    clock.advance(days=10)
    asked = {
        service.OpenSocket(member.actor.enterprise_id, member.actor.session_id, "192.0.2.9")
        for member in (tenant.admin, other.admin, disabled, fresh)
    }
    async with database.system() as tx:
        assert await service.living_sessions(tx, asked, nowhere, CATALOGUE) == {fresh.actor.session_id: fresh.actor}
        assert await service.living_sessions(tx, set(), nowhere, CATALOGUE) == {}
