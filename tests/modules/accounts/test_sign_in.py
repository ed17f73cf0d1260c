"""Signing in: who gets in, what everybody else learns (nothing), and how often they may try."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from http.cookies import SimpleCookie
from typing import Any

import pytest
from argon2 import PasswordHasher

from qiatan.entrypoints.app import build_app
from qiatan.infra.db import Database
from qiatan.infra.http.guards import SESSION_COOKIE
from qiatan.infra.resources import Resources
from qiatan.modules.accounts import service
from qiatan.modules.accounts.service import hashing
from tests.modules.accounts.factors import add_app, first_step, login_log, said, second_step
from tests.modules.accounts.reading import agent_row, audit_entries, session_ids, sessions, token_of
from tests.modules.accounts.restricting import CHENGDU, SHENZHEN, restrict, role_of
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Member, Tenant

# The package's name of this module is its function.
SIGN_IN = sys.modules[service.sign_in.__module__]


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


def credentials(email: str, password: str = PASSWORD) -> dict[str, str]:
    return {"email": email, "password": password}


async def test_the_right_password_signs_in_by_a_cookie_scripts_cannot_read(doors: Doors, tenant: Tenant, database: Database) -> None:
    browser = doors.stranger(address="198.51.100.4", headers={"User-Agent": "Browser 1"})

    signed_in = await browser.post("/session", json=credentials(tenant.admin.email))

    assert signed_in.status_code == 200
    cookie = SimpleCookie(signed_in.headers["set-cookie"])[SESSION_COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"]) == (True, "lax", "/", "")
    assert len(cookie.value) == 43
    assert signed_in.json() == {"me": (await browser.get("/me")).json(), "second_factor": None}
    assert cookie.value not in signed_in.text
    newest = next(row for row in await sessions(database, tenant.admin.id) if row.user_agent == "Browser 1")
    assert (newest.address, newest.region, newest.method) == ("198.51.100.4", "", "password")
    assert newest.token_hash != cookie.value.encode()


async def test_the_cookie_is_secure_where_the_product_is_served_by_https(resources: Resources, tenant: Tenant) -> None:
    secure = replace(resources, settings=replace(resources.settings, public_url="https://qiatan.test"))
    async with Doors(build_app(secure)) as doors:
        signed_in = await doors.stranger().post("/session", json=credentials(tenant.admin.email))
    assert SimpleCookie(signed_in.headers["set-cookie"])[SESSION_COOKIE]["secure"] is True


async def test_the_address_may_be_written_in_any_case_and_with_spaces_around(doors: Doors, tenant: Tenant) -> None:
    email = f"  {tenant.admin.email.upper()} "
    assert (await doors.stranger().post("/session", json=credentials(email))).status_code == 200


async def test_everybody_who_does_not_get_in_gets_the_same_answer(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    disabled = await factories.agent(tenant.enterprise_id, enabled=False)
    pending = await factories.agent(tenant.enterprise_id, pending=True)
    tries = [
        credentials(tenant.admin.email, "not this password"),
        credentials("nobody@example.com"),
        credentials(disabled.email),
        credentials(pending.email),
        credentials("not an address"),
        credentials("", ""),
    ]

    answers = [await doors.stranger().post("/session", json=one) for one in tries]

    bodies = []
    for answer in answers:
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
        error = answer.json()["error"]
        error.pop("request_id")
        bodies.append(error)
    assert bodies == [bodies[0]] * len(bodies)
    assert bodies[0]["code"] == "wrong_credentials"


async def test_unknown_accounts_cost_the_same_work(
    doors: Doors, factories: Factories, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    disabled = await factories.agent(tenant.enterprise_id, enabled=False)
    checked: list[str] = []

    class Counting:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def verify(self, password_hash: str, password: str) -> bool:
            checked.append(password)
            return bool(self._inner.verify(password_hash, password))

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

    monkeypatch.setattr(hashing, "_HASHER", Counting(hashing._HASHER))
    for email in (tenant.admin.email, "nobody@example.com", disabled.email):
        await doors.stranger().post("/session", json=credentials(email, "wrong password"))

    assert checked == ["wrong password"] * 3


async def test_a_hash_with_old_parameters_is_renewed(
    doors: Doors, tenant: Tenant, database: Database, monkeypatch: pytest.MonkeyPatch, quick_hashing: PasswordHasher
) -> None:
    monkeypatch.setattr(hashing, "_HASHER", quick_hashing)
    hashing._of_nobody.cache_clear()
    before = (await agent_row(database, tenant.admin.id))["password_hash"]
    assert "m=64,t=1,p=1" in before

    assert (await doors.stranger().post("/session", json=credentials(tenant.admin.email))).status_code == 200

    after = (await agent_row(database, tenant.admin.id))["password_hash"]
    assert "m=65536,t=3,p=4" in after
    assert (await doors.stranger().post("/session", json=credentials(tenant.admin.email))).status_code == 200
    assert (await agent_row(database, tenant.admin.id))["password_hash"] == after


async def test_a_token_from_before_signing_in_is_worth_nothing_afterwards(doors: Doors, tenant: Tenant, database: Database) -> None:
    browser = doors.agent(tenant.admin)
    planted = tenant.admin.session_token

    signed_in = await browser.post("/session", json=credentials(tenant.admin.email))

    assert SimpleCookie(signed_in.headers["set-cookie"])[SESSION_COOKIE].value != planted
    assert tenant.admin.actor.session_id not in await session_ids(database, tenant.admin.id)
    assert (await doors.agent(tenant.admin).get("/me")).status_code == 401


async def test_a_chosen_token_is_never_taken_over(doors: Doors, tenant: Tenant) -> None:
    browser = doors.stranger()
    browser.cookies.set(SESSION_COOKIE, "chosen-by-somebody", domain="qiatan.test")

    signed_in = await browser.post("/session", json=credentials(tenant.admin.email))

    assert SimpleCookie(signed_in.headers["set-cookie"])[SESSION_COOKIE].value != "chosen-by-somebody"


@pytest.mark.parametrize(
    "body",
    [
        {"email": "a\x00@example.com", "password": PASSWORD},
        {"email": "a@example.com", "password": "x" * 201},
        {"email": ["a@example.com"], "password": PASSWORD},
        {"email": "a@example.com", "password": {"$ne": ""}},
        {"email": "a@example.com", "password": PASSWORD, "role": "admin"},
        {"email": None, "password": None},
        [],
    ],
)
async def test_what_is_no_sign_in_is_refused_by_its_form(doors: Doors, body: object) -> None:
    refused = await doors.stranger().post("/session", json=body)
    assert refused.status_code == 422
    assert refused.json()["error"]["code"] == "invalid_input"


async def test_half_a_character_is_refused(doors: Doors) -> None:
    content = b'{"email": "\\ud800", "password": "correct horse battery"}'
    refused = await doors.stranger().post("/session", content=content, headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_input")


async def test_half_a_character_in_the_password_is_refused(doors: Doors, tenant: Tenant) -> None:
    content = b'{"email": "%s", "password": "correct \\ud800 battery"}' % tenant.admin.email.encode()
    refused = await doors.stranger().post("/session", content=content, headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.json()["error"]["fields"][0]["field"]) == (422, "password")
    assert "battery" not in refused.text


async def test_broken_json_is_a_bad_request(doors: Doors) -> None:
    refused = await doors.stranger().post("/session", content=b'{"email": ', headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "bad_request")


# -- what is written down


async def test_a_sign_in_is_in_the_login_log_and_the_audit_log(doors: Doors, tenant: Tenant, database: Database) -> None:
    await doors.stranger(address=SHENZHEN).post("/session", json=credentials(tenant.admin.email))

    assert await login_log(database, tenant.admin.id) == [("password", True, "not_restricted")]
    (entry,) = await audit_entries(database, tenant.enterprise_id)
    assert (entry.action, entry.actor_kind, entry.actor_id, entry.address) == ("session.signed_in", "agent", tenant.admin.id, SHENZHEN)
    assert entry.details == {"method": "password", "region": "CN/广东省/深圳市"}
    newest = (await sessions(database, tenant.admin.id))[-1]
    assert (newest.address, newest.region) == (SHENZHEN, "CN/广东省/深圳市")


async def test_wrong_passwords_of_known_accounts_are_in_the_login_log(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    disabled = await factories.agent(tenant.enterprise_id, enabled=False)
    pending = await factories.agent(tenant.enterprise_id, pending=True)
    for email in (tenant.admin.email, disabled.email, pending.email, "nobody3@example.com"):
        assert said(await doors.stranger().post("/session", json=credentials(email, "a wrong one"))) == (401, "wrong_credentials")

    for agent in (tenant.admin, disabled, pending):
        assert await login_log(database, agent.id) == [("password", False, "wrong_password")]
    assert await audit_entries(database, tenant.enterprise_id) == []


async def test_a_known_address_takes_no_transaction_more_than_an_unknown_one_before_a_wrong_password_is_answered(
    doors: Doors, tenant: Tenant, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(SIGN_IN, "_AFTER_THE_ANSWER", 0.3)
    real = type(database).system

    asking = asyncio.current_task()

    def counting(self: Database) -> Any:
        if asyncio.current_task() is asking:  # timers and sweeps of the application work beside it
            opened.append("system")
        return real(self)

    monkeypatch.setattr(type(database), "system", counting)
    counts = []
    for email in (tenant.admin.email, "nobody4@example.com"):
        opened.clear()
        await doors.stranger().post("/session", json=credentials(email, "a wrong one"))
        counts.append(len(opened))
    assert counts == [2, 2]  # the tries are counted, the account is looked for
    await service.settled()


# -- where it is not allowed


@pytest.fixture
async def restricted(doors: Doors, factories: Factories, tenant: Tenant, database: Database) -> Member:
    """Somebody who may sign in from Guangdong only."""
    agent = await factories.agent(tenant.enterprise_id)
    await restrict(doors, tenant, await role_of(database, agent), regions=["CN/广东省"])
    return agent


async def test_whoever_knows_the_password_learns_that_the_place_is_not_allowed(
    doors: Doors, restricted: Member, database: Database
) -> None:
    before = await session_ids(database, restricted.id)
    browser = doors.stranger(address=CHENGDU)

    denied = await browser.post("/session", json=credentials(restricted.email))

    assert said(denied) == (403, "login_denied")
    assert CHENGDU in denied.json()["error"]["message"]
    assert "set-cookie" not in denied.headers
    assert await session_ids(database, restricted.id) == before
    assert await login_log(database, restricted.id) == [("password", False, "region_denied")]
    entry = (await audit_entries(database, restricted.enterprise_id))[-1]
    assert (entry.action, entry.details) == (
        "session.denied",
        {"method": "password", "reason": "region_denied", "region": "CN/四川省/成都市"},
    )
    assert (await doors.stranger(address=SHENZHEN).post("/session", json=credentials(restricted.email))).status_code == 200


async def test_without_the_password_the_place_is_not_spoken_of(doors: Doors, restricted: Member) -> None:
    refused = await doors.stranger(address=CHENGDU).post("/session", json=credentials(restricted.email, "a wrong one"))
    assert said(refused) == (401, "wrong_credentials")
    assert CHENGDU not in refused.text


async def test_a_link_does_not_get_past_the_restriction(doors: Doors, restricted: Member, database: Database) -> None:
    before = await session_ids(database, restricted.id)
    async with database.tenant(restricted.enterprise_id) as tx:
        path = await service.create_sign_in_link(tx, restricted.enterprise_id, restricted.id)
    denied = await doors.stranger(address=CHENGDU).post("/session/link", json={"token": token_of(path)})
    assert said(denied) == (403, "login_denied")
    assert await session_ids(database, restricted.id) == before
    assert await login_log(database, restricted.id) == [("link", False, "region_denied")]


async def test_the_place_is_looked_at_again_at_the_second_step(
    doors: Doors, restricted: Member, clock: FakeClock, database: Database
) -> None:
    app, codes = await add_app(doors.agent(restricted, address=SHENZHEN), clock)
    clock.advance(minutes=1)
    asked = await first_step(doors.stranger(address=SHENZHEN), restricted)
    before = await session_ids(database, restricted.id)

    denied = await second_step(doors.stranger(address=CHENGDU), asked, recovery_code=codes[0])

    assert said(denied) == (403, "login_denied")
    assert await session_ids(database, restricted.id) == before
    assert await login_log(database, restricted.id) == [("password", False, "region_denied")]
    assert (await second_step(doors.stranger(address=SHENZHEN), asked, recovery_code=codes[0])).status_code == 200
    assert app.secret


async def test_fifty_sessions_is_the_most_also_when_many_sign_in_at_once(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    for _ in range(48):
        await factories.session(tenant.admin)

    answers = await asyncio.gather(
        *(doors.stranger(address=f"198.18.0.{number}").post("/session", json=credentials(tenant.admin.email)) for number in range(8))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert len(await session_ids(database, tenant.admin.id)) == 50
