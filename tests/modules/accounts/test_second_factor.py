"""The second step of signing in: authenticator apps, recovery codes, and what no trick gets past."""

from __future__ import annotations

import asyncio
from http.cookies import SimpleCookie

import pytest
from sqlalchemy import select, update

from qiatan.infra.db import Database
from qiatan.infra.http.guards import SESSION_COOKIE
from qiatan.infra.sealing import Sealer
from qiatan.modules.accounts import service
from qiatan.modules.accounts.models import AgentRow, ChallengeRow, TotpRow
from tests.modules.accounts.factors import (
    App,
    add_app,
    audited,
    first_step,
    login_log,
    said,
    second_step,
    stored_factors,
)
from tests.modules.accounts.reading import session_ids
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


async def test_after_the_password_a_code_is_asked_for(
    doors: Doors, phone: App, member: Member, database: Database, factories: Factories
) -> None:
    browser = doors.stranger(address="198.51.100.4")
    before = await session_ids(database, member.id)

    asked = await first_step(browser, member)

    assert (asked["methods"], asked["passkey"], asked["expires_at"]) == (["totp", "recovery_code"], None, "2026-03-02T04:11:00Z")
    assert (await browser.get("/me")).status_code == 401
    assert await session_ids(database, member.id) == before
    assert await login_log(database, member.id) == []

    answer = await second_step(browser, asked, totp=phone.code())

    assert answer.status_code == 200
    assert SESSION_COOKIE in SimpleCookie(answer.headers["set-cookie"])
    assert answer.json() == (await browser.get("/me")).json()
    assert await login_log(database, member.id) == [("password", True, "not_restricted")]
    assert (await audited(database, member.enterprise_id))[-1] == "session.signed_in"


@pytest.mark.parametrize("typed", ["{0} {1}", " {0}{1} ", "{0}-{1}"])
async def test_blanks_and_dashes_in_a_code_do_not_matter(doors: Doors, phone: App, member: Member, typed: str) -> None:
    code = phone.code()
    browser = doors.stranger()
    answer = await second_step(browser, await first_step(browser, member), totp=typed.format(code[:3], code[3:]))
    assert answer.status_code == 200


@pytest.mark.parametrize("steps", [-1, 0, 1])
async def test_a_code_of_the_step_before_or_after_counts(doors: Doors, phone: App, member: Member, steps: int) -> None:
    browser = doors.stranger()
    assert (await second_step(browser, await first_step(browser, member), totp=phone.code(steps))).status_code == 200


async def test_a_code_is_taken_once(doors: Doors, phone: App, member: Member, database: Database) -> None:
    browser, thief = doors.stranger(), doors.stranger()
    code = phone.code()
    assert (await second_step(browser, await first_step(browser, member), totp=code)).status_code == 200
    before = await session_ids(database, member.id)

    replayed = await second_step(thief, await first_step(thief, member), totp=code)

    assert said(replayed) == (401, "code_replayed")
    assert await session_ids(database, member.id) == before
    assert (await login_log(database, member.id))[-1] == ("password", False, "wrong_second_factor")


async def test_an_older_code_is_a_replay_too(doors: Doors, phone: App, member: Member) -> None:
    older, newer = phone.code(-1), phone.code()
    browser = doors.stranger()
    await second_step(browser, await first_step(browser, member), totp=newer)
    assert said(await second_step(browser, await first_step(browser, member), totp=older)) == (401, "code_replayed")


async def test_the_code_that_confirmed_the_app_signs_nobody_in(doors: Doors, member: Member, clock: FakeClock) -> None:
    app, _ = await add_app(doors.agent(member), clock)
    browser = doors.stranger()
    assert said(await second_step(browser, await first_step(browser, member), totp=app.code())) == (401, "code_replayed")


@pytest.mark.parametrize(("off", "message"), [(90, "about 90 seconds fast"), (-90, "about 90 seconds slow"), (300, "300 seconds fast")])
async def test_a_phone_whose_clock_is_off_is_told_so_and_not_let_in(
    doors: Doors, phone: App, member: Member, database: Database, off: int, message: str
) -> None:
    before = await session_ids(database, member.id)
    browser = doors.stranger()
    phone.off = off

    refused = await second_step(browser, await first_step(browser, member), totp=phone.code())

    assert said(refused) == (401, "code_clock_off")
    assert message in refused.json()["error"]["message"]
    assert await session_ids(database, member.id) == before


async def test_a_clock_that_is_off_by_more_is_a_wrong_code(doors: Doors, phone: App, member: Member) -> None:
    browser = doors.stranger()
    phone.off = 330
    assert said(await second_step(browser, await first_step(browser, member), totp=phone.code())) == (401, "wrong_code")


async def test_five_tries_and_the_challenge_is_gone(doors: Doors, phone: App, member: Member, database: Database) -> None:
    browser = doors.stranger()
    asked = await first_step(browser, member)
    for _ in range(5):
        assert said(await second_step(browser, asked, totp="000000")) == (401, "wrong_code")

    assert said(await second_step(browser, asked, totp=phone.code())) == (401, "challenge_expired")

    assert await login_log(database, member.id) == [("password", False, "wrong_second_factor")] * 5
    assert (await second_step(browser, await first_step(browser, member), totp=phone.code())).status_code == 200


async def test_a_challenge_ends_after_ten_minutes(doors: Doors, phone: App, member: Member, clock: FakeClock) -> None:
    browser = doors.stranger()
    asked = await first_step(browser, member)
    clock.advance(minutes=9, seconds=59)
    assert said(await second_step(browser, asked, totp="000000")) == (401, "wrong_code")
    clock.advance(seconds=1)
    assert said(await second_step(browser, asked, totp=phone.code())) == (401, "challenge_expired")


async def test_a_challenge_is_used_once(doors: Doors, phone: App, member: Member) -> None:
    browser = doors.stranger()
    asked = await first_step(browser, member)
    assert (await second_step(browser, asked, totp=phone.code())).status_code == 200
    assert said(await second_step(browser, asked, totp=phone.next_code())) == (401, "challenge_expired")


@pytest.mark.parametrize("change", [lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"), lambda _: "", lambda _: "\x00"])
async def test_a_challenge_that_is_not_ours_is_none(doors: Doors, phone: App, member: Member, change: object) -> None:
    browser = doors.stranger()
    asked = await first_step(browser, member)
    assert callable(change)
    tampered = {"challenge": change(asked["challenge"])}
    assert said(await second_step(browser, tampered, totp=phone.code())) == (401, "challenge_expired")


async def test_a_challenge_is_for_its_account_only(
    doors: Doors, factories: Factories, phone: App, tenant: Tenant, member: Member, clock: FakeClock, database: Database
) -> None:
    attacker = await factories.agent(tenant.enterprise_id)
    own, own_codes = await add_app(doors.agent(attacker), clock)
    before = await session_ids(database, member.id)
    browser = doors.stranger()
    asked = await first_step(browser, member)

    assert said(await second_step(browser, asked, totp=own.next_code())) == (401, "wrong_code")
    assert said(await second_step(browser, asked, recovery_code=own_codes[0])) == (401, "wrong_code")

    assert await session_ids(database, member.id) == before
    assert (await stored_factors(database, attacker.id))[2] == 10


async def test_the_token_is_stored_as_a_hash(doors: Doors, phone: App, member: Member, database: Database) -> None:
    asked = await first_step(doors.stranger(), member)
    async with database.system() as tx:
        (row,) = (await tx.session.execute(select(ChallengeRow).where(ChallengeRow.agent_id == member.id))).scalars()
    assert asked["challenge"].encode() not in row.token_hash
    assert asked["challenge"] not in str(row.data)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"totp": "123456", "recovery_code": "AAAA-AAAA-AAAA-AAAA"},
        {"totp": None},
        {"totp": 123456},
        {"totp": ["123456"]},
        {"recovery_code": {"$ne": ""}},
        {"passkey": []},
        {"totp": "123456", "agent_id": "0"},
    ],
)
async def test_what_is_no_second_factor_is_refused_by_its_form(doors: Doors, phone: App, member: Member, body: dict[str, object]) -> None:
    browser = doors.stranger()
    asked = await first_step(browser, member)
    assert said(await second_step(browser, asked, **body)) == (422, "invalid_input")
    assert (await second_step(browser, asked, totp=phone.code())).status_code == 200


async def test_links_ask_for_the_second_factor_too(doors: Doors, phone: App, member: Member, database: Database) -> None:
    async with database.tenant(member.enterprise_id) as tx:
        path = await service.create_sign_in_link(tx, member.enterprise_id, member.id)
    browser = doors.stranger()

    answer = await browser.post("/session/link", json={"token": path.partition("#token=")[2]})

    assert answer.json()["me"] is None
    assert (await browser.get("/me")).status_code == 401
    done = await second_step(browser, answer.json()["second_factor"], totp=phone.code())
    assert done.status_code == 200
    assert await login_log(database, member.id) == [("link", True, "not_restricted")]


async def test_a_changed_password_ends_sign_ins_that_are_under_way(doors: Doors, phone: App, member: Member) -> None:
    browser = doors.stranger()
    asked = await first_step(browser, member)
    changed = await doors.agent(member).put("/me/password", json={"current_password": PASSWORD, "new_password": "tea leaves unfold"})
    assert changed.status_code == 204
    assert said(await second_step(browser, asked, totp=phone.code())) == (401, "challenge_expired")


async def test_a_disabled_account_cannot_finish(doors: Doors, phone: App, member: Member, database: Database) -> None:
    browser = doors.stranger()
    asked = await first_step(browser, member)
    async with database.system() as tx:
        await tx.session.execute(update(AgentRow).where(AgentRow.id == member.id).values(enabled=False))
    assert said(await second_step(browser, asked, totp=phone.code())) == (401, "challenge_expired")


async def test_a_secret_of_another_key_is_a_clear_fault(doors: Doors, phone: App, member: Member, database: Database) -> None:
    async with database.system() as tx:
        foreign = Sealer(bytes(32)).seal(phone.secret.encode(), purpose=f"totp|{member.id}")
        await tx.session.execute(update(TotpRow).where(TotpRow.agent_id == member.id).values(secret=foreign))
    browser = doors.stranger()
    assert said(await second_step(browser, await first_step(browser, member), totp=phone.code())) == (500, "secret_key_changed")


# -- recovery codes


async def test_a_recovery_code_stands_for_the_factor_once(
    doors: Doors, phone: App, codes: list[str], member: Member, database: Database
) -> None:
    browser = doors.stranger()
    typed = codes[0].lower().replace("-", " ")

    assert (await second_step(browser, await first_step(browser, member), recovery_code=typed)).status_code == 200
    assert (await browser.get("/me/security")).json()["recovery_codes_left"] == 9
    again = doors.stranger()
    assert said(await second_step(again, await first_step(again, member), recovery_code=codes[0])) == (401, "wrong_code")
    assert (await stored_factors(database, member.id))[2] == 9


async def test_new_recovery_codes_end_the_former(doors: Doors, phone: App, codes: list[str], member: Member, database: Database) -> None:
    made = await doors.agent(member).post("/me/recovery-codes", json={"password": PASSWORD})

    assert made.status_code == 200
    fresh = made.json()["codes"]
    assert len(fresh) == 10
    assert not set(fresh) & set(codes)
    browser = doors.stranger()
    asked = await first_step(browser, member)
    assert said(await second_step(browser, asked, recovery_code=codes[0])) == (401, "wrong_code")
    assert (await second_step(browser, asked, recovery_code=fresh[0])).status_code == 200
    assert "two_factor.recovery_codes_made" in await audited(database, member.enterprise_id)


# -- at the same moment


async def test_of_two_who_bring_one_code_at_once_one_gets_in(doors: Doors, phone: App, member: Member, database: Database) -> None:
    before = await session_ids(database, member.id)
    browsers = [doors.stranger() for _ in range(4)]
    asked = [await first_step(browser, member) for browser in browsers]
    code = phone.code()

    answers = await asyncio.gather(*(second_step(browser, one, totp=code) for browser, one in zip(browsers, asked, strict=True)))

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    assert {answer.json()["error"]["code"] for answer in answers if answer.status_code == 401} == {"code_replayed"}
    assert len(await session_ids(database, member.id) - before) == 1


async def test_of_two_who_bring_one_recovery_code_at_once_one_gets_in(
    doors: Doors, phone: App, codes: list[str], member: Member, database: Database
) -> None:
    before = await session_ids(database, member.id)
    browsers = [doors.stranger() for _ in range(4)]
    asked = [await first_step(browser, member) for browser in browsers]

    answers = await asyncio.gather(
        *(second_step(browser, one, recovery_code=codes[3]) for browser, one in zip(browsers, asked, strict=True))
    )

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    assert len(await session_ids(database, member.id) - before) == 1


async def test_of_two_who_answer_one_challenge_at_once_one_gets_in(
    doors: Doors, phone: App, codes: list[str], member: Member, database: Database
) -> None:
    before = await session_ids(database, member.id)
    browsers = [doors.stranger() for _ in range(4)]
    asked = await first_step(browsers[0], member)

    answers = await asyncio.gather(*(second_step(browser, asked, recovery_code=codes[at]) for at, browser in enumerate(browsers)))

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    assert {answer.json()["error"]["code"] for answer in answers if answer.status_code == 401} == {"challenge_expired"}
    assert len(await session_ids(database, member.id) - before) == 1
    assert (await stored_factors(database, member.id))[2] == 9
