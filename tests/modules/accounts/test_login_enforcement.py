"""Whoever may not be signed in where they are is signed out: at requests, at hello, and while a socket stays open."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from qiatan.entrypoints import sweeping
from qiatan.infra.db import Database
from qiatan.infra.http.guards import SESSION_COOKIE
from qiatan.infra.settings import Settings
from qiatan.modules.accounts.models import AgentRow, LoginPolicyRoleRow, LoginPolicyRow
from tests.modules.accounts.reading import agent_row, session_ids, sessions
from tests.modules.accounts.restricting import (
    AMERICA,
    CHENGDU,
    CHINA_V6,
    GUANGZHOU,
    NOWHERE,
    SHENZHEN,
    audited,
    logins,
    restrict,
    role_of,
    trusted,
)
from tests.support.clock import NOON, FakeClock
from tests.support.doors import BASE, PUBLIC_URL, Doors
from tests.support.factories import PASSWORD, Factories, Member, Tenant

PROXY = "10.255.0.1"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation behind proxies of one network."""
    return Settings(data_dir=tmp_path, public_url=PUBLIC_URL, trusted_proxies=(ip_network("10.255.0.0/24"),))


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


@pytest.fixture
async def agent(factories: Factories, tenant: Tenant) -> Member:
    return await factories.agent(tenant.enterprise_id, name="韩述")


@pytest.fixture
async def role(database: Database, agent: Member) -> UUID:
    return await role_of(database, agent)


async def test_a_session_ends_at_the_first_request_from_where_it_may_not_be_used(
    doors: Doors, factories: Factories, tenant: Tenant, agent: Member, role: UUID, database: Database
) -> None:
    elsewhere = await factories.session(agent)
    await restrict(doors, tenant, role, regions=["CN/广东省"])
    before = await agent_row(database, agent.id)
    browser = doors.agent(agent, address=CHENGDU)

    refused = [await browser.get("/me"), await browser.patch("/me", json={"name": "改了", "version": before["version"]})]

    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in refused] == [(401, "not_signed_in")] * 2
    assert await session_ids(database, agent.id) == {elsewhere.actor.session_id}
    assert await agent_row(database, agent.id) == before
    assert await logins(database, tenant.enterprise_id) == [
        (agent.id, CHENGDU, "CN/四川省/成都市", "session", False, "region_denied"),
    ]
    (entry,) = await audited(database, tenant.enterprise_id, "session.ended")
    assert (entry.actor_kind, entry.subject_id, entry.subject_name, entry.address) == ("system", agent.id, "韩述", CHENGDU)
    assert entry.details == {"reason": "region_denied", "region": "CN/四川省/成都市"}


async def test_many_requests_at_once_write_one_entry(doors: Doors, tenant: Tenant, agent: Member, role: UUID, database: Database) -> None:
    await restrict(doors, tenant, role, regions=["CN/广东省"])
    browsers = [doors.agent(agent, address=AMERICA) for _ in range(8)]

    answers = await asyncio.gather(*(browser.get("/me") for browser in browsers))

    assert {answer.status_code for answer in answers} == {401}
    assert await session_ids(database, agent.id) == set()
    assert len(await logins(database, tenant.enterprise_id)) == 1
    assert len(await audited(database, tenant.enterprise_id, "session.ended")) == 1


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        (SHENZHEN, True),
        (GUANGZHOU, True),
        (f"::ffff:{SHENZHEN}", True),
        ("203.0.113.9", True),
        ("::ffff:203.0.113.9", True),
        ("2001:db8::ff", True),
        ("2001:db8::100", False),
        (CHENGDU, False),
        (AMERICA, False),
        (CHINA_V6, False),
        (NOWHERE, False),
        ("10.0.0.1", False),
    ],
)
async def test_real_addresses_are_let_in_or_not(
    doors: Doors, tenant: Tenant, agent: Member, role: UUID, address: str, allowed: bool
) -> None:
    ranges = [{"first": "203.0.113.0/24"}, {"first": "2001:db8::1", "last": "2001:db8::ff"}]
    await restrict(doors, tenant, role, regions=["CN/广东省"], trusted=ranges)
    answer = await doors.agent(agent, address=address).get("/me")
    assert answer.status_code == (200 if allowed else 401)


async def test_administrators_other_roles_and_other_enterprises_are_free(
    doors: Doors, factories: Factories, tenant: Tenant, role: UUID, database: Database
) -> None:
    other = await factories.tenant("别家")
    free = [
        tenant.admin,
        await factories.agent(tenant.enterprise_id, role="specialist"),
        other.admin,
        await factories.agent(other.enterprise_id),
    ]
    await restrict(doors, tenant, role, regions=["CN/广东省"])

    assert [(await doors.agent(member, address=AMERICA).get("/me")).status_code for member in free] == [200] * 4
    assert await logins(database, tenant.enterprise_id) == []
    assert await logins(database, other.enterprise_id) == []


async def test_switched_off_nobody_is_restricted(doors: Doors, tenant: Tenant, agent: Member, role: UUID) -> None:
    await restrict(doors, tenant, role, regions=["CN/广东省"], enabled=False)
    assert (await doors.agent(agent, address=AMERICA).get("/me")).status_code == 200


async def test_a_role_counts_from_the_next_request_on(
    doors: Doors, factories: Factories, tenant: Tenant, role: UUID, agent: Member, database: Database
) -> None:
    moved = await factories.agent(tenant.enterprise_id, role="specialist")
    await restrict(doors, tenant, role, regions=["CN/广东省"])
    async with database.tenant(tenant.enterprise_id) as tx:
        row = await tx.session.get_one(AgentRow, (tenant.enterprise_id, moved.id))
        row.role_id = role
    assert (await doors.agent(moved, address=AMERICA).get("/me")).status_code == 401


async def test_a_denied_sign_in_names_the_address_and_changes_nothing_else(
    doors: Doors, tenant: Tenant, agent: Member, role: UUID, database: Database
) -> None:
    await restrict(doors, tenant, role, regions=["CN/广东省"])
    row, held = await agent_row(database, agent.id), await session_ids(database, agent.id)

    refused = await doors.stranger(address=AMERICA).post("/session", json={"email": agent.email, "password": PASSWORD})

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "login_denied")
    assert AMERICA in refused.json()["error"]["message"]
    assert "set-cookie" not in refused.headers
    assert (await agent_row(database, agent.id), await session_ids(database, agent.id)) == (row, held)
    assert await logins(database, tenant.enterprise_id) == [(agent.id, AMERICA, "US", "password", False, "region_denied")]
    assert len(await audited(database, tenant.enterprise_id, "session.denied")) == 1


async def test_a_sign_in_from_a_trusted_address_notes_its_use(
    doors: Doors, tenant: Tenant, agent: Member, role: UUID, database: Database
) -> None:
    await restrict(doors, tenant, role, trusted=[{"first": "203.0.113.0/24", "note": "总部"}])

    answer = await doors.stranger(address="203.0.113.9").post("/session", json={"email": agent.email, "password": PASSWORD})

    assert answer.status_code == 200
    assert [entry.last_used_at for entry in await trusted(database, tenant.enterprise_id)] == [NOON]
    assert await logins(database, tenant.enterprise_id) == [(agent.id, "203.0.113.9", "", "password", True, "trusted_address")]
    assert (await doors.agent(tenant.admin).get("/security/login-policy")).json()["trusted"][0]["last_used_at"] == "2026-03-02T04:00:00Z"


async def test_a_header_that_no_proxy_wrote_changes_nothing(
    doors: Doors, factories: Factories, tenant: Tenant, agent: Member, role: UUID
) -> None:
    await restrict(doors, tenant, role, regions=["CN/广东省"])
    spoofed = {"X-Forwarded-For": SHENZHEN}
    assert (await doors.agent(agent, address=AMERICA, headers=spoofed).get("/me")).status_code == 401
    again = await factories.session(agent)
    assert (await doors.agent(again, address=SHENZHEN, headers={"X-Forwarded-For": AMERICA}).get("/me")).status_code == 200


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [(SHENZHEN, 200), (AMERICA, 401), (f"{SHENZHEN}, {AMERICA}", 401), (f"{AMERICA}, {SHENZHEN}", 200), (f"{SHENZHEN}, 10.255.0.7", 200)],
)
async def test_a_trusted_proxys_header_is_believed_from_its_right_end(
    doors: Doors, tenant: Tenant, agent: Member, role: UUID, database: Database, forwarded: str, status: int
) -> None:
    await restrict(doors, tenant, role, regions=["CN/广东省"])
    browser = doors.agent(agent, address=PROXY, headers={"X-Forwarded-For": forwarded})
    assert (await browser.get("/me")).status_code == status
    assert {entry[1] for entry in await logins(database, tenant.enterprise_id)} == (set() if status == 200 else {AMERICA})


async def test_a_caller_without_an_address_is_in_an_unknown_region(
    doors: Doors, tenant: Tenant, agent: Member, role: UUID, database: Database
) -> None:
    await restrict(doors, tenant, role, regions=["CN"], trusted=[{"first": "0.0.0.0/0"}, {"first": "::/0"}])

    async def over_unix_socket(scope: Any, receive: Any, send: Any) -> None:
        await doors.app({**scope, "client": None}, receive, send)

    transport = httpx.ASGITransport(app=over_unix_socket)
    async with httpx.AsyncClient(transport=transport, base_url=BASE, cookies={SESSION_COOKIE: agent.session_token}) as browser:
        assert (await browser.get("/me")).status_code == 401
    assert await logins(database, tenant.enterprise_id) == [(agent.id, "unknown", "", "session", False, "region_unknown")]


async def test_where_a_session_is_used_is_kept_to_five_minutes(doors: Doors, agent: Member, database: Database, clock: FakeClock) -> None:
    browser = doors.agent(agent, address=f"::ffff:{SHENZHEN}")
    clock.advance(minutes=4, seconds=59)
    await browser.get("/me")
    row = (await sessions(database, agent.id))[0]
    assert (row.address, row.region) == ("192.0.2.1", "")

    clock.advance(seconds=1)
    await browser.get("/me")

    row = (await sessions(database, agent.id))[0]
    assert (row.address, row.region) == (SHENZHEN, "CN/广东省/深圳市")


async def test_the_use_of_a_trusted_address_is_kept_to_five_minutes(
    doors: Doors, factories: Factories, tenant: Tenant, agent: Member, role: UUID, database: Database, clock: FakeClock
) -> None:
    await restrict(doors, tenant, role, trusted=[{"first": "198.51.100.0/24"}, {"first": "203.0.113.0/24"}])
    colleague = await factories.agent(tenant.enterprise_id)

    async def used() -> list[object]:
        return [entry.last_used_at for entry in await trusted(database, tenant.enterprise_id)]

    await doors.agent(agent, address="203.0.113.9").get("/me")
    assert await used() == [None, None]
    clock.advance(minutes=5)
    await doors.agent(agent, address="203.0.113.9").get("/me")
    assert await used() == [None, NOON + timedelta(minutes=5)]
    clock.advance(minutes=2)
    await doors.agent(colleague, address="203.0.113.10").get("/me")
    assert await used() == [None, NOON + timedelta(minutes=5)]
    clock.advance(minutes=3)
    await doors.agent(agent, address="203.0.113.9").get("/me")
    assert await used() == [None, NOON + timedelta(minutes=10)]


async def test_a_hello_from_where_the_session_may_not_be_used_ends_it(
    doors: Doors, tenant: Tenant, agent: Member, role: UUID, database: Database
) -> None:
    await restrict(doors, tenant, role, regions=["CN/广东省"])
    socket = await doors.socket(cookie=agent.session_token, address=AMERICA)

    await socket.send(type="hello", protocol=1)

    assert await socket.until_closed() == 4401
    assert socket.frames[-1]["code"] == "signed_out"
    assert await session_ids(database, agent.id) == set()
    assert len(await logins(database, tenant.enterprise_id)) == 1


async def test_a_change_of_the_rules_closes_the_sockets_it_shuts_out_at_once(
    doors: Doors, factories: Factories, tenant: Tenant, agent: Member, role: UUID, database: Database
) -> None:
    colleague = await factories.agent(tenant.enterprise_id)
    other = await factories.agent((await factories.tenant()).enterprise_id)
    ends = await doors.socket(cookie=agent.session_token, address=AMERICA, hello={})
    stays = await doors.socket(cookie=colleague.session_token, address=SHENZHEN, hello={})
    admin = await doors.socket(cookie=tenant.admin.session_token, address=AMERICA, hello={})
    foreign = await doors.socket(cookie=other.session_token, address=AMERICA, hello={})

    await restrict(doors, tenant, role, regions=["CN/广东省"])

    assert await ends.until_closed() == 4401
    assert ends.frames[-1]["code"] == "signed_out"
    for socket in (stays, admin, foreign):
        await socket.settle()
        assert socket.close_code is None
    assert await session_ids(database, agent.id) == set()
    assert await session_ids(database, colleague.id) == {colleague.actor.session_id}
    assert await logins(database, tenant.enterprise_id) == [(agent.id, AMERICA, "US", "session", False, "region_denied")]


async def test_one_denied_socket_ends_the_session_and_its_other_sockets_with_one_entry(
    doors: Doors, tenant: Tenant, agent: Member, role: UUID, database: Database
) -> None:
    sockets = [await doors.socket(cookie=agent.session_token, address=address, hello={}) for address in (AMERICA, SHENZHEN, AMERICA)]
    await restrict(doors, tenant, role, regions=["CN/广东省"])
    assert [await socket.until_closed() for socket in sockets] == [4401] * 3
    assert len(await logins(database, tenant.enterprise_id)) == 1


async def test_what_no_event_told_is_found_by_looking_again(
    doors: Doors, tenant: Tenant, agent: Member, role: UUID, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = await doors.socket(cookie=agent.session_token, address=AMERICA, hello={})
    stays = await doors.socket(cookie=tenant.admin.session_token, address=AMERICA, hello={})
    async with database.tenant(tenant.enterprise_id) as tx:
        tx.session.add(LoginPolicyRow(enterprise_id=tenant.enterprise_id, enabled=True, regions=["CN"], version=1))
        tx.session.add(LoginPolicyRoleRow(enterprise_id=tenant.enterprise_id, role_id=role))
    monkeypatch.setattr(sweeping, "RECHECK_SECONDS", 0)
    monkeypatch.setattr(sweeping, "SWEEP_SECONDS", 0.01)
    running = doors.app.state.gateway.sweeper
    running.stop()
    running.start()

    assert await ends.until_closed() == 4401
    await stays.settle()
    assert stays.close_code is None
    assert await session_ids(database, agent.id) == set()
