"""Protecting the own account: authenticator apps and recovery codes set up and removed, and roles that demand a second factor."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.kit.events import Event
from qiatan.modules.accounts.events import AgentChanged, SessionsEnded
from qiatan.modules.accounts.models import UNUSABLE, AgentRow, RecoveryCodeRow, RoleRow, TotpRow
from tests.modules.accounts.factors import (
    App,
    add_app,
    add_passkey,
    audited,
    said,
    secret_bytes,
    stored_factors,
)
from tests.modules.accounts.reading import session_ids
from tests.support.authenticator import Authenticator
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Member, Tenant


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


@pytest.fixture
async def member(factories: Factories, tenant: Tenant) -> Member:
    return await factories.agent(tenant.enterprise_id)


@pytest.fixture
async def app_and_codes(doors: Doors, member: Member, clock: FakeClock) -> tuple[App, list[str]]:
    made = await add_app(doors.agent(member), clock)
    clock.advance(minutes=1)
    return made


@pytest.fixture
def phone(app_and_codes: tuple[App, list[str]]) -> App:
    return app_and_codes[0]


@pytest.fixture
def codes(app_and_codes: tuple[App, list[str]]) -> list[str]:
    return app_and_codes[1]


async def test_an_app_counts_once_a_code_of_it_was_given(doors: Doors, member: Member, clock: FakeClock, database: Database) -> None:
    browser = doors.agent(member)
    begun = await browser.post("/me/totp", json={"password": PASSWORD})

    setup = begun.json()
    assert begun.status_code == 200
    assert len(setup["secret"]) == 32
    assert setup["uri"].startswith("otpauth://totp/Qiatan:")
    assert setup["secret"] in setup["uri"]
    assert setup["qr"].startswith("data:image/svg+xml")
    assert (await browser.get("/me/security")).json()["totp"] is False
    assert (await doors.stranger().post("/session", json={"email": member.email, "password": PASSWORD})).json()["me"] is not None

    wrong = await browser.put("/me/totp", json={"code": "000000"})
    assert said(wrong) == (401, "wrong_code")
    done = await browser.put("/me/totp", json={"code": App(setup["secret"], clock).code()})

    assert done.status_code == 200
    assert len(set(done.json()["codes"])) == 10
    shown = (await browser.get("/me/security")).json()
    assert (shown["totp"], shown["recovery_codes_left"], shown["password_set"], shown["required"], shown["oidc"]) == (
        True,
        10,
        True,
        False,
        False,
    )
    assert "two_factor.totp_added" in await audited(database, member.enterprise_id)


async def test_the_secret_is_encrypted_and_the_codes_are_hashed(
    doors: Doors, phone: App, codes: list[str], member: Member, database: Database, resources: Resources
) -> None:
    async with database.system() as tx:
        sealed = (await tx.session.execute(select(TotpRow.secret).where(TotpRow.agent_id == member.id))).scalar_one()
        hashes = (await tx.session.execute(select(RecoveryCodeRow.code_hash).where(RecoveryCodeRow.agent_id == member.id))).scalars().all()

    assert phone.secret.encode() not in sealed
    assert secret_bytes(phone) not in sealed
    assert resources.sealer.open(sealed, purpose=f"totp|{member.id}") == phone.secret.encode()
    assert {len(one) for one in hashes} == {32}
    assert not any(code.replace("-", "").encode() in one for code in codes for one in hashes)
    assert all(len(code) == 19 and code.count("-") == 3 for code in codes)


async def test_adding_a_factor_ends_all_other_sessions_and_tells_open_pages(
    doors: Doors, factories: Factories, member: Member, clock: FakeClock, database: Database
) -> None:
    elsewhere = await factories.session(member)
    events: list[Event] = []
    database.listeners.append(events.extend)

    await add_app(doors.agent(member), clock)

    assert await session_ids(database, member.id) == {member.actor.session_id}
    assert (await doors.agent(elsewhere).get("/me")).status_code == 401
    ended = [event for event in events if isinstance(event, SessionsEnded)]
    assert [(event.agent_id, event.besides, event.only) for event in ended] == [(member.id, member.actor.session_id, None)]
    assert [event.version for event in events if isinstance(event, AgentChanged)] == [2]
    assert (await doors.agent(member).get("/me")).json()["agent"]["two_factor"] is True


async def test_the_password_is_asked_for_again(doors: Doors, phone: App, member: Member, database: Database) -> None:
    browser = doors.agent(member)
    before = await stored_factors(database, member.id)
    for method, path in [
        ("POST", "/me/totp"),
        ("DELETE", "/me/totp"),
        ("POST", "/me/passkeys/options"),
        ("POST", "/me/recovery-codes"),
    ]:
        assert said(await browser.request(method, path, json={})) == (422, "invalid_input")
    assert said(await browser.request("DELETE", "/me/totp", json={"password": "not this one"})) == (401, "wrong_credentials")
    assert await stored_factors(database, member.id) == before


async def test_guessing_the_password_in_an_open_browser_is_slowed_down(doors: Doors, member: Member) -> None:
    browser = doors.agent(member)
    for _ in range(5):
        assert said(await browser.post("/me/totp", json={"password": "not this one"})) == (401, "wrong_credentials")
    assert said(await browser.post("/me/totp", json={"password": PASSWORD})) == (429, "too_many")


async def test_accounts_without_a_password_leave_it_out(doors: Doors, member: Member, clock: FakeClock, database: Database) -> None:
    async with database.system() as tx:
        await tx.session.execute(update(AgentRow).where(AgentRow.id == member.id).values(password_hash="!"))

    await add_app(doors.agent(member), clock, password=None)

    assert (await doors.agent(member).get("/me/security")).json()["password_set"] is False
    for password in ("!", PASSWORD):
        refused = await doors.stranger().post("/session", json={"email": member.email, "password": password})
        assert said(refused) == (401, "wrong_credentials")


async def test_there_is_one_app(doors: Doors, phone: App, member: Member) -> None:
    assert said(await doors.agent(member).post("/me/totp", json={"password": PASSWORD})) == (409, "limit_reached")


async def test_setting_up_is_forgotten_after_an_hour(doors: Doors, member: Member, clock: FakeClock) -> None:
    browser = doors.agent(member)
    assert said(await browser.put("/me/totp", json={"code": "123456"})) == (401, "challenge_expired")
    app = App((await browser.post("/me/totp", json={"password": PASSWORD})).json()["secret"], clock)
    clock.advance(hours=1)
    assert said(await browser.put("/me/totp", json={"code": app.code()})) == (401, "challenge_expired")


async def test_removing_the_last_factor_takes_the_recovery_codes_along(
    doors: Doors, factories: Factories, phone: App, member: Member, database: Database
) -> None:
    elsewhere = await factories.session(member)

    gone = await doors.agent(member).request("DELETE", "/me/totp", json={"password": PASSWORD})

    assert gone.status_code == 204
    assert await stored_factors(database, member.id) == (0, 0, 0)
    assert (await doors.agent(elsewhere).get("/me")).status_code == 401
    assert (await doors.stranger().post("/session", json={"email": member.email, "password": PASSWORD})).json()["me"] is not None
    assert "two_factor.totp_removed" in await audited(database, member.enterprise_id)
    assert said(await doors.agent(member).request("DELETE", "/me/totp", json={"password": PASSWORD})) == (404, "not_found")
    assert said(await doors.agent(member).post("/me/recovery-codes", json={"password": PASSWORD})) == (404, "not_found")


async def test_codes_stay_as_long_as_there_is_another_factor(doors: Doors, phone: App, member: Member, database: Database) -> None:
    browser = doors.agent(member)
    assert await add_passkey(browser, Authenticator()) == []
    assert await stored_factors(database, member.id) == (1, 1, 10)
    await browser.request("DELETE", "/me/totp", json={"password": PASSWORD})
    assert await stored_factors(database, member.id) == (0, 1, 10)


# -- roles that demand a factor


@pytest.fixture
async def bound(factories: Factories, tenant: Tenant, database: Database) -> Member:
    """Somebody whose role was just made to demand a second factor."""
    member = await factories.agent(tenant.enterprise_id, points=frozenset({"agents.view"}))
    async with database.system() as tx:
        role = select(AgentRow.role_id).where(AgentRow.id == member.id).scalar_subquery()
        await tx.session.execute(update(RoleRow).where(RoleRow.id == role).values(requires_two_factor=True))
    return member


async def test_who_must_add_a_factor_may_do_nothing_else(doors: Doors, bound: Member, clock: FakeClock) -> None:
    browser = doors.agent(bound)
    me = (await browser.get("/me")).json()
    assert me["must_enrol"] is True
    for path in ("/agents", "/me/sessions", "/enterprise"):
        assert said(await browser.get(path)) == (403, "two_factor_required")
    assert said(await browser.put("/me/password", json={"current_password": PASSWORD, "new_password": "tea leaves unfold"})) == (
        403,
        "two_factor_required",
    )
    assert (await browser.patch("/me", json={"locale": "en", "version": 1})).status_code == 200
    assert (await browser.get("/me/security")).json()["required"] is True

    await add_app(browser, clock)

    assert (await browser.get("/me")).json()["must_enrol"] is False
    assert (await browser.get("/agents")).status_code == 200


async def test_open_pages_lose_their_socket_with_a_demanded_factor(doors: Doors, bound: Member, clock: FakeClock) -> None:
    browser = doors.agent(bound)
    refused = await doors.socket(cookie=bound.session_token)
    await refused.send(type="hello", protocol=1)
    assert (await refused.next("bye"))["code"] == "two_factor_required"
    await add_app(browser, clock)
    socket = await doors.agent_socket(bound)

    await browser.request("DELETE", "/me/totp", json={"password": PASSWORD})

    assert (await socket.next("bye"))["code"] == "replaced"


async def test_who_must_add_a_factor_is_told_at_sign_in(doors: Doors, bound: Member) -> None:
    answer = await doors.stranger().post("/session", json={"email": bound.email, "password": PASSWORD})
    assert answer.json()["me"]["must_enrol"] is True


async def test_removing_a_demanded_factor_leads_back_to_adding_one(
    doors: Doors, bound: Member, clock: FakeClock, database: Database
) -> None:
    browser = doors.agent(bound)
    await add_app(browser, clock)
    events: list[Event] = []
    database.listeners.append(events.extend)

    assert (await browser.request("DELETE", "/me/totp", json={"password": PASSWORD})).status_code == 204

    assert (await browser.get("/me")).json()["must_enrol"] is True
    assert said(await browser.get("/agents")) == (403, "two_factor_required")
    ended = [(event.only, event.besides, event.reason) for event in events if isinstance(event, SessionsEnded)]
    session_id = bound.actor.session_id
    assert ended == [(None, session_id, "signed_out"), (session_id, None, "replaced")]


# -- who has no password


@pytest.fixture
async def passwordless(member: Member, database: Database) -> Member:
    """Somebody who signs in by the identity provider only."""
    async with database.system() as tx:
        await tx.session.execute(update(AgentRow).where(AgentRow.id == member.id).values(password_hash=UNUSABLE))
    return member


async def test_who_has_no_password_protects_the_account_just_after_signing_in(doors: Doors, passwordless: Member, clock: FakeClock) -> None:
    browser = doors.agent(passwordless)
    clock.advance(minutes=9, seconds=59)
    app, codes = await add_app(browser, clock, password=None)
    assert (len(codes), bool(app.secret)) == (10, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/me/totp"),
        ("DELETE", "/me/totp"),
        ("POST", "/me/passkeys/options"),
        ("DELETE", "/me/passkeys/{}"),
        ("POST", "/me/recovery-codes"),
    ],
)
async def test_later_who_has_no_password_signs_in_again_first(
    doors: Doors, factories: Factories, passwordless: Member, clock: FakeClock, database: Database, method: str, path: str
) -> None:
    # given somebody with both kinds of factor, whose browser was left open
    browser = doors.agent(passwordless)
    await add_app(browser, clock, password=None)
    await add_passkey(browser, Authenticator(), password=None)
    (passkey,) = (await browser.get("/me/security")).json()["passkeys"]
    before = await stored_factors(database, passwordless.id)
    clock.advance(minutes=10)

    refused = await browser.request(method, path.format(passkey["id"]), json={})

    assert said(refused) == (403, "recent_sign_in_required")
    assert "sign in again" in refused.json()["error"]["message"]
    assert await stored_factors(database, passwordless.id) == before
    # and a guessed password helps as little
    assert said(await browser.request(method, path.format(passkey["id"]), json={"password": PASSWORD})) == (403, "recent_sign_in_required")
    # when they have signed in again
    fresh = doors.agent(await factories.session(passwordless))
    answer = await fresh.request(method, path.format(passkey["id"]), json={})
    assert answer.status_code in {200, 204} or (method, path, said(answer)) == ("POST", "/me/totp", (409, "limit_reached"))


async def test_who_has_a_password_is_asked_for_it_however_young_the_session(doors: Doors, member: Member) -> None:
    refused = await doors.agent(member).post("/me/totp", json={})
    assert refused.status_code == 422
    assert refused.json()["error"]["fields"][0]["field"] == "password"
