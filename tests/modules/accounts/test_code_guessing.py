"""Guessing codes of authenticator apps: how many tries there are, and what the answers give away."""

from __future__ import annotations

import pytest

from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from tests.modules.accounts.factors import App, add_app, first_step, said, second_step
from tests.modules.accounts.reading import session_ids
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Member


@pytest.fixture
async def member(factories: Factories) -> Member:
    return await factories.agent((await factories.tenant()).enterprise_id)


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


async def test_new_challenges_do_not_buy_more_tries(doors: Doors, phone: App, member: Member, database: Database) -> None:
    before = await session_ids(database, member.id)
    for number in range(2):
        browser = doors.stranger(address=f"198.18.{number}.1")
        asked = await first_step(browser, member)
        for _ in range(5):
            assert said(await second_step(browser, asked, totp="000000")) == (401, "wrong_code")

    browser = doors.stranger(address="198.18.2.1")
    blocked = await second_step(browser, await first_step(browser, member), totp=phone.code())

    assert said(blocked) == (429, "too_many")
    assert int(blocked.headers["Retry-After"]) > 60
    assert await session_ids(database, member.id) == before


async def test_tries_are_counted_also_when_the_program_starts_anew(
    doors: Doors, resources: Resources, phone: App, member: Member, clock: FakeClock
) -> None:
    browser = doors.stranger()
    for _ in range(2):
        asked = await first_step(browser, member)
        for _ in range(5):
            assert said(await second_step(browser, asked, totp="000000")) == (401, "wrong_code")
    resources.throttle._buckets.clear()

    blocked = await second_step(browser, await first_step(browser, member), totp=phone.code())

    assert (said(blocked), blocked.headers["Retry-After"]) == ((429, "too_many"), "300")
    clock.advance(seconds=300)
    assert (await second_step(browser, await first_step(browser, member), totp=phone.code())).status_code == 200
    asked = await first_step(browser, member)
    for _ in range(5):
        assert said(await second_step(browser, asked, totp="000000")) == (401, "wrong_code")


async def test_recovery_codes_work_when_too_many_codes_were_tried(doors: Doors, phone: App, codes: list[str], member: Member) -> None:
    browser = doors.stranger()
    for _ in range(2):
        asked = await first_step(browser, member)
        for _ in range(5):
            await second_step(browser, asked, totp="000000")
    asked = await first_step(browser, member)
    assert said(await second_step(browser, asked, totp=phone.code())) == (429, "too_many")
    assert (await second_step(browser, asked, recovery_code=codes[0])).status_code == 200
    assert (await second_step(browser, await first_step(browser, member), totp=phone.code())).status_code == 200


@pytest.mark.parametrize("ahead", [2, 8, 10])
async def test_a_guess_that_hit_a_code_of_the_future_is_worth_nothing_then(
    doors: Doors, phone: App, member: Member, database: Database, clock: FakeClock, ahead: int
) -> None:
    before = await session_ids(database, member.id)
    thief, owner = doors.stranger(), doors.stranger()
    asked, guess = await first_step(thief, member), phone.code(ahead)
    assert said(await second_step(thief, asked, totp=guess)) == (401, "code_clock_off")

    clock.advance(seconds=(ahead - 1) * 30)
    for _ in range(3):  # the step before its own, its own, the one after
        assert said(await second_step(thief, await first_step(thief, member), totp=guess)) == (401, "code_replayed")
        clock.advance(seconds=30)

    assert await session_ids(database, member.id) == before
    assert (await second_step(owner, await first_step(owner, member), totp=phone.code())).status_code == 200


async def test_what_a_refusal_gave_away_before_an_app_counted_is_spent_too(doors: Doors, member: Member, clock: FakeClock) -> None:
    browser = doors.agent(member)
    begun = await browser.post("/me/totp", json={"password": PASSWORD})
    app = App(begun.json()["secret"], clock)
    told = app.code(4)
    assert said(await browser.put("/me/totp", json={"code": told})) == (401, "code_clock_off")
    assert (await browser.put("/me/totp", json={"code": app.code()})).status_code == 200

    clock.advance(seconds=120)

    stranger = doors.stranger()
    assert said(await second_step(stranger, await first_step(stranger, member), totp=told)) == (401, "code_replayed")
