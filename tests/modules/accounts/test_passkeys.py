"""Passkeys: as the second factor, and instead of a password."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
import webauthn
from sqlalchemy import select, update

from qiatan.entrypoints.app import build_app
from qiatan.infra.db import Database
from qiatan.infra.http.guards import SESSION_COOKIE
from qiatan.infra.resources import Resources
from qiatan.infra.sealing import Sealer
from qiatan.modules.accounts.models import AgentRow, PasskeyRow
from qiatan.modules.accounts.service.passkeys import Site
from tests.modules.accounts.factors import add_app, add_passkey, audited, first_step, login_log, said, second_step, stored_factors
from tests.modules.accounts.reading import session_ids
from tests.support.authenticator import Authenticator, b64, unb64
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
async def key(doors: Doors, member: Member) -> Authenticator:
    """The member's authenticator, with a passkey of theirs."""
    authenticator = Authenticator()
    await add_passkey(doors.agent(member), authenticator)
    return authenticator


async def options(browser: httpx.AsyncClient) -> dict[str, Any]:
    answer = await browser.post("/session/passkey/options")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def enter(browser: httpx.AsyncClient, asked: dict[str, Any], credential: dict[str, Any]) -> httpx.Response:
    return await browser.post("/session/passkey", json={"challenge": asked["challenge"], "credential": credential})


def test_the_software_authenticator_is_one_that_the_library_takes() -> None:
    authenticator = Authenticator()
    created = authenticator.create({"rp": {"id": "qiatan.test"}, "user": {"id": b64(b"somebody")}, "challenge": b64(b"first")})
    made = webauthn.verify_registration_response(
        credential=created, expected_challenge=b"first", expected_rp_id="qiatan.test", expected_origin="http://qiatan.test"
    )
    shown = webauthn.verify_authentication_response(
        credential=authenticator.get({"rpId": "qiatan.test", "challenge": b64(b"second")}),
        expected_challenge=b"second",
        expected_rp_id="qiatan.test",
        expected_origin="http://qiatan.test",
        credential_public_key=made.credential_public_key,
        credential_current_sign_count=0,
    )
    assert (made.credential_id, shown.new_sign_count, shown.user_verified) == (authenticator.passkeys[0].id, 1, True)


@pytest.mark.parametrize(
    ("url", "host", "origin"),
    [
        ("https://talk.example.com", "talk.example.com", "https://talk.example.com"),
        ("https://talk.example.com:443", "talk.example.com", "https://talk.example.com"),
        ("https://talk.example.com:8443", "talk.example.com", "https://talk.example.com:8443"),
        ("http://localhost:8000", "localhost", "http://localhost:8000"),
        ("http://[::1]:8000", "::1", "http://[::1]:8000"),
    ],
)
def test_passkeys_are_for_the_host_and_the_one_address(url: str, host: str, origin: str) -> None:
    assert Site.of(url) == Site(host, origin)


# -- adding


async def test_a_passkey_is_asked_for_with_user_verification_and_found_without_a_name(doors: Doors, member: Member) -> None:
    begun = (await doors.agent(member).post("/me/passkeys/options", json={"password": PASSWORD})).json()["options"]
    assert begun["rp"] == {"name": "Qiatan", "id": "qiatan.test"}
    assert begun["user"] == {"id": b64(member.id.bytes), "name": member.email, "displayName": member.name}
    assert begun["authenticatorSelection"] == {"residentKey": "required", "requireResidentKey": True, "userVerification": "required"}
    assert (begun["attestation"], begun["excludeCredentials"], len(unb64(begun["challenge"]))) == ("none", [], 32)


async def test_the_first_passkey_brings_recovery_codes_and_ends_other_sessions(
    doors: Doors, factories: Factories, member: Member, database: Database
) -> None:
    await factories.session(member)
    browser = doors.agent(member)

    codes = await add_passkey(browser, Authenticator(synced=True), name=" 手机 ")

    assert len(codes) == 10
    assert await session_ids(database, member.id) == {member.actor.session_id}
    (shown,) = (await browser.get("/me/security")).json()["passkeys"]
    assert (shown["name"], shown["backed_up"], shown["last_used_at"]) == ("手机", True, None)
    assert "two_factor.passkey_added" in await audited(database, member.enterprise_id)
    assert await add_passkey(browser, Authenticator(), name="第二个") == []


async def test_passkeys_are_renamed_and_removed(doors: Doors, key: Authenticator, member: Member, database: Database) -> None:
    browser = doors.agent(member)
    (shown,) = (await browser.get("/me/security")).json()["passkeys"]
    path = f"/me/passkeys/{shown['id']}"

    assert (await browser.patch(path, json={"name": "新电脑"})).json() == shown | {"name": "新电脑"}
    assert said(await browser.request("DELETE", path, json={"password": "not this one"})) == (401, "wrong_credentials")
    assert await stored_factors(database, member.id) == (0, 1, 10)
    assert (await browser.request("DELETE", path, json={"password": PASSWORD})).status_code == 204

    assert await stored_factors(database, member.id) == (0, 0, 0)
    assert said(await browser.request("DELETE", path, json={"password": PASSWORD})) == (404, "not_found")
    stranger = doors.stranger()
    asked = await options(stranger)
    assert said(await enter(stranger, asked, key.get(asked["options"]))) == (401, "passkey_refused")


async def test_the_passkeys_of_a_colleague_are_not_there(
    doors: Doors, factories: Factories, key: Authenticator, tenant: Tenant, member: Member, database: Database
) -> None:
    (shown,) = (await doors.agent(member).get("/me/security")).json()["passkeys"]
    path = f"/me/passkeys/{shown['id']}"
    for other in (tenant.admin, (await factories.tenant()).admin):
        assert said(await doors.agent(other).patch(path, json={"name": "改"})) == (404, "not_found")
        assert said(await doors.agent(other).request("DELETE", path, json={"password": PASSWORD})) == (404, "not_found")
    assert await stored_factors(database, member.id) == (0, 1, 10)


async def test_there_are_at_most_ten(doors: Doors, member: Member, database: Database) -> None:
    browser = doors.agent(member)
    for number in range(10):
        await add_passkey(browser, Authenticator(), name=f"钥匙 {number}")
    refused = await browser.post("/me/passkeys/options", json={"password": PASSWORD})
    assert said(refused) == (409, "limit_reached")
    assert (await stored_factors(database, member.id))[1] == 10


@pytest.mark.parametrize(
    "authenticator",
    [Authenticator(origin="https://qiatan.test.evil.example"), Authenticator(origin="http://evil.example"), Authenticator(verifies=False)],
    ids=["like ours", "another origin", "nobody verified"],
)
async def test_a_credential_made_elsewhere_is_refused(
    doors: Doors, member: Member, authenticator: Authenticator, database: Database
) -> None:
    browser = doors.agent(member)
    begun = (await browser.post("/me/passkeys/options", json={"password": PASSWORD})).json()
    body = {"challenge": begun["challenge"], "name": "键", "credential": authenticator.create(begun["options"])}
    assert said(await browser.post("/me/passkeys", json=body)) == (401, "passkey_refused")
    assert await stored_factors(database, member.id) == (0, 0, 0)


async def test_a_challenge_adds_one_passkey_in_the_session_that_asked(
    doors: Doors, factories: Factories, member: Member, tenant: Tenant, database: Database
) -> None:
    browser, elsewhere = doors.agent(member), doors.agent(await factories.session(member))
    begun = (await browser.post("/me/passkeys/options", json={"password": PASSWORD})).json()
    body = {"challenge": begun["challenge"], "name": "键", "credential": Authenticator().create(begun["options"])}

    assert said(await doors.agent(tenant.admin).post("/me/passkeys", json=body)) == (401, "challenge_expired")
    assert said(await elsewhere.post("/me/passkeys", json=body)) == (401, "challenge_expired")
    assert (await browser.post("/me/passkeys", json=body)).status_code == 201
    assert said(await browser.post("/me/passkeys", json=body)) == (401, "challenge_expired")

    assert (await stored_factors(database, member.id))[1] == 1


async def test_a_credential_belongs_to_one_account(doors: Doors, member: Member, tenant: Tenant, database: Database) -> None:
    key = Authenticator()
    await add_passkey(doors.agent(member), key)
    browser = doors.agent(tenant.admin)
    begun = (await browser.post("/me/passkeys/options", json={"password": PASSWORD})).json()
    made = key.create(begun["options"])
    async with database.system() as tx:
        taken = update(PasskeyRow).where(PasskeyRow.agent_id == member.id).values(credential_id=unb64(made["rawId"]))
        await tx.session.execute(taken)
    body = {"challenge": begun["challenge"], "name": "键", "credential": made}
    assert said(await browser.post("/me/passkeys", json=body)) == (401, "passkey_refused")
    assert (await stored_factors(database, tenant.admin.id))[1] == 0


@pytest.mark.parametrize(
    "credential",
    [
        {},
        {"id": "x", "rawId": "x", "type": "public-key", "response": {}},
        {"id": 1, "rawId": ["x"], "type": "public-key", "response": "x"},
        {"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "AA", "attestationObject": "AA"}},
        {"id": "AA", "rawId": "ÄÄ", "type": "password", "response": {"clientDataJSON": "{", "attestationObject": "oA"}},
    ],
)
async def test_what_is_no_credential_is_refused_everywhere(
    doors: Doors, key: Authenticator, member: Member, credential: dict[str, Any], database: Database
) -> None:
    browser = doors.agent(member)
    begun = (await browser.post("/me/passkeys/options", json={"password": PASSWORD})).json()
    body = {"challenge": begun["challenge"], "name": "键", "credential": credential}
    before = await session_ids(database, member.id)
    assert said(await browser.post("/me/passkeys", json=body)) == (401, "passkey_refused")
    stranger = doors.stranger()
    assert said(await enter(stranger, await options(stranger), credential)) == (401, "passkey_refused")
    assert said(await second_step(stranger, await first_step(stranger, member), passkey=credential)) == (401, "passkey_refused")
    assert await session_ids(database, member.id) == before


# -- as the second factor


async def test_after_the_password_a_passkey_is_enough(doors: Doors, key: Authenticator, member: Member, database: Database) -> None:
    browser = doors.stranger()
    asked = await first_step(browser, member)
    assert asked["methods"] == ["passkey", "recovery_code"]
    assert asked["passkey"]["allowCredentials"] == [
        {"id": b64(key.passkeys[0].id), "type": "public-key", "transports": ["internal", "hybrid"]}
    ]
    assert (asked["passkey"]["rpId"], asked["passkey"]["userVerification"]) == ("qiatan.test", "required")

    answer = await second_step(browser, asked, passkey=key.get(asked["passkey"]))

    assert answer.status_code == 200
    assert (await browser.get("/me")).status_code == 200
    assert await login_log(database, member.id) == [("password", True, "not_restricted")]


async def test_a_passkey_of_somebody_else_is_no_second_factor(
    doors: Doors, key: Authenticator, member: Member, tenant: Tenant, database: Database
) -> None:
    own = Authenticator()
    await add_passkey(doors.agent(tenant.admin), own)
    browser = doors.stranger()
    asked = await first_step(browser, member)
    forged = own.get(asked["passkey"], passkey=own.passkeys[0])
    assert said(await second_step(browser, asked, passkey=forged)) == (401, "passkey_refused")
    assert (await login_log(database, member.id))[-1] == ("password", False, "wrong_second_factor")


async def test_an_answer_to_one_challenge_fits_no_other(doors: Doors, key: Authenticator, member: Member) -> None:
    browser = doors.stranger()
    first, second = await first_step(browser, member), await first_step(browser, member)
    answer = key.get(first["passkey"])
    assert said(await second_step(browser, second, passkey=answer)) == (401, "passkey_refused")
    passwordless = await options(browser)
    assert said(await enter(browser, passwordless, key.get(first["passkey"]))) == (401, "passkey_refused")
    assert said(await second_step(browser, second, passkey=key.get(passwordless["options"]))) == (401, "passkey_refused")


# -- alone


async def test_a_passkey_alone_is_both_factors(
    doors: Doors, key: Authenticator, member: Member, clock: FakeClock, database: Database
) -> None:
    await add_app(doors.agent(member), clock)
    browser = doors.stranger()
    asked = await options(browser)
    assert "allowCredentials" not in asked["options"] or asked["options"]["allowCredentials"] == []
    assert asked["options"]["userVerification"] == "required"

    answer = await enter(browser, asked, key.get(asked["options"]))

    assert answer.status_code == 200
    assert SESSION_COOKIE in SimpleCookie(answer.headers["set-cookie"])
    assert answer.json() == (await browser.get("/me")).json()
    assert answer.json()["agent"]["id"] == str(member.id)
    assert await login_log(database, member.id) == [("passkey", True, "not_restricted")]
    async with database.system() as tx:
        row = (await tx.session.execute(select(PasskeyRow).where(PasskeyRow.agent_id == member.id))).scalar_one()
    assert (row.sign_count, row.last_used_at) == (1, clock.now())


async def test_an_answer_is_taken_once(doors: Doors, key: Authenticator, member: Member, database: Database) -> None:
    browser = doors.stranger()
    asked = await options(browser)
    answer = key.get(asked["options"])
    assert (await enter(browser, asked, answer)).status_code == 200
    before = await session_ids(database, member.id)
    assert said(await enter(doors.stranger(), asked, answer)) == (401, "passkey_refused")
    assert await session_ids(database, member.id) == before
    assert (await login_log(database, member.id))[-1] == ("passkey", False, "wrong_second_factor")


async def test_an_answer_of_an_authenticator_that_does_not_count_is_taken_once_too(
    doors: Doors, member: Member, clock: FakeClock, database: Database
) -> None:
    key = Authenticator(counts=False)
    await add_passkey(doors.agent(member), key)
    browser = doors.stranger()
    earlier = await options(browser)
    clock.advance(seconds=1)
    asked = await options(browser)
    answer = key.get(asked["options"])
    assert (await enter(browser, asked, answer)).status_code == 200
    assert said(await enter(browser, asked, answer)) == (401, "passkey_refused")
    assert said(await enter(browser, earlier, key.get(earlier["options"]))) == (401, "passkey_refused")
    clock.advance(seconds=1)
    asked = await options(browser)
    assert (await enter(browser, asked, key.get(asked["options"]))).status_code == 200


async def test_of_two_who_bring_one_answer_at_once_one_gets_in(doors: Doors, member: Member, database: Database) -> None:
    key = Authenticator(counts=False)
    await add_passkey(doors.agent(member), key)
    before = await session_ids(database, member.id)
    browsers = [doors.stranger() for _ in range(4)]
    asked = await options(browsers[0])
    answer = key.get(asked["options"])

    answers = await asyncio.gather(*(enter(browser, asked, answer) for browser in browsers))

    assert sorted(one.status_code for one in answers) == [200, 401, 401, 401]
    assert len(await session_ids(database, member.id) - before) == 1


async def test_a_counter_that_went_back_is_a_copy(doors: Doors, key: Authenticator, clock: FakeClock) -> None:
    browser = doors.stranger()
    asked = await options(browser)
    assert (await enter(browser, asked, key.get(asked["options"]))).status_code == 200
    key.passkeys[0].count = 0
    clock.advance(seconds=1)
    asked = await options(browser)
    assert said(await enter(browser, asked, key.get(asked["options"]))) == (401, "passkey_refused")


async def test_a_challenge_ends_after_five_minutes(doors: Doors, key: Authenticator, clock: FakeClock) -> None:
    browser = doors.stranger()
    asked = await options(browser)
    clock.advance(minutes=5)
    assert said(await enter(browser, asked, key.get(asked["options"]))) == (401, "challenge_expired")


async def test_only_our_challenges_count(doors: Doors, key: Authenticator) -> None:
    browser = doors.stranger()
    ours = unb64((await options(browser))["challenge"])
    foreign = ours[:32] + Sealer(bytes(32)).sign(ours[:32], purpose="passkey-sign-in")
    later = ours[:31] + bytes([ours[31] ^ 1]) + ours[32:]
    for forged in (b64(foreign), b64(later), "", b64(ours[:-1]), b64(ours + b"x"), "ä"):
        answer = key.get({"rpId": "qiatan.test", "challenge": forged})
        assert said(await enter(browser, {"challenge": forged}, answer)) == (401, "challenge_expired")


@pytest.mark.parametrize("change", ["origin", "unverified", "handle", "no handle", "signature", "host"])
async def test_an_answer_that_does_not_fit_is_refused(
    doors: Doors, key: Authenticator, tenant: Tenant, member: Member, change: str, database: Database
) -> None:
    before = await session_ids(database, member.id)
    browser = doors.stranger()
    asked = await options(browser)
    key.origin = "https://qiatan.example" if change == "origin" else key.origin
    key.verifies = change != "unverified"
    if change == "handle":
        key.passkeys[0].user_handle = tenant.admin.id.bytes
    if change == "host":
        key.passkeys[0].rp_id = "evil.example"
    answer = key.get(asked["options"], passkey=key.passkeys[0])
    if change == "no handle":
        del answer["response"]["userHandle"]
    if change == "signature":
        answer["response"]["signature"] = b64(bytes(70))
    assert said(await enter(browser, asked, answer)) == (401, "passkey_refused")
    assert await session_ids(database, member.id) == before


@pytest.mark.parametrize("values", [{"enabled": False}, {"password_hash": None}], ids=["disabled", "pending"])
async def test_an_account_that_may_not_sign_in_may_not_by_passkey(
    doors: Doors, key: Authenticator, member: Member, database: Database, values: dict[str, Any]
) -> None:
    async with database.system() as tx:
        await tx.session.execute(update(AgentRow).where(AgentRow.id == member.id).values(values))
    before = await session_ids(database, member.id)
    browser = doors.stranger()
    asked = await options(browser)
    assert said(await enter(browser, asked, key.get(asked["options"]))) == (401, "passkey_refused")
    assert await session_ids(database, member.id) == before


async def test_passkeys_are_for_the_public_address_exactly(resources: Resources, member: Member, database: Database) -> None:
    elsewhere = replace(resources, settings=replace(resources.settings, public_url="https://talk.example.com:8443"))
    async with Doors(build_app(elsewhere)) as doors:
        asked = await options(doors.stranger())
    assert asked["options"]["rpId"] == "talk.example.com"
