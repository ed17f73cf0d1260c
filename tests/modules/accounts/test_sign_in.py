"""Signing in: who gets in, what everybody else learns (nothing), and how often they may try."""

from __future__ import annotations

from dataclasses import replace
from http.cookies import SimpleCookie
from typing import Any

import pytest
from argon2 import PasswordHasher

from qiatan.entrypoints.app import build_app
from qiatan.infra.db import Database
from qiatan.infra.http.guards import SESSION_COOKIE
from qiatan.infra.resources import Resources
from qiatan.modules.accounts.service import hashing
from tests.modules.accounts.reading import agent_row, session_ids, sessions
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Tenant


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
    assert signed_in.json() == (await browser.get("/me")).json()
    assert cookie.value not in signed_in.text
    newest = next(row for row in await sessions(database, tenant.admin.id) if row.user_agent == "Browser 1")
    assert newest.address == "198.51.100.4"
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


async def test_five_wrong_passwords_make_an_address_wait_for_that_account_only(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    attacker = doors.stranger(address="203.0.113.1")
    for _ in range(5):
        assert (await attacker.post("/session", json=credentials(tenant.admin.email, "a wrong one"))).status_code == 401

    blocked = await attacker.post("/session", json=credentials(tenant.admin.email))

    assert blocked.status_code == 429
    assert blocked.json()["error"]["code"] == "too_many"
    assert 1 <= int(blocked.headers["Retry-After"]) <= 31
    colleague = await factories.agent(tenant.enterprise_id)
    assert (await attacker.post("/session", json=credentials(colleague.email))).status_code == 200
    assert (await doors.stranger(address="203.0.113.2").post("/session", json=credentials(tenant.admin.email))).status_code == 200


async def test_writing_the_account_differently_does_not_count_as_another_one(doors: Doors, tenant: Tenant) -> None:
    attacker = doors.stranger(address="203.0.113.3")
    email = tenant.admin.email
    for variant in (email, email.upper(), f" {email}", f"{email} ", email.title()):
        assert (await attacker.post("/session", json=credentials(variant, "a wrong one"))).status_code == 401
    assert (await attacker.post("/session", json=credentials(email))).status_code == 429


async def test_unknown_accounts_are_throttled_like_known_ones(doors: Doors) -> None:
    attacker = doors.stranger(address="203.0.113.4")
    codes = [(await attacker.post("/session", json=credentials("nobody2@example.com"))).status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]


async def test_one_account_tried_from_many_addresses_is_closed_for_a_while(
    doors: Doors, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wrong(_hash: str | None, _password: str) -> bool:
        return False

    monkeypatch.setattr("qiatan.modules.accounts.service.sessions.verify", wrong)
    codes = []
    for number in range(51):
        attacker = doors.stranger(address=f"198.18.{number}.1")
        codes.append((await attacker.post("/session", json=credentials(tenant.admin.email, "a wrong one"))).status_code)
    assert codes == [401] * 50 + [429]


async def test_a_forwarded_address_is_not_believed_without_a_configured_proxy(doors: Doors, tenant: Tenant) -> None:
    codes = []
    for number in range(6):
        attacker = doors.stranger(address="203.0.113.5", headers={"X-Forwarded-For": f"198.51.100.{number}"})
        codes.append((await attacker.post("/session", json=credentials(tenant.admin.email, "a wrong one"))).status_code)
    assert codes == [401] * 5 + [429]


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


async def test_broken_json_is_a_bad_request(doors: Doors) -> None:
    refused = await doors.stranger().post("/session", content=b'{"email": ', headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "bad_request")
