"""How often a password may be tried, and for whom the tries of strangers do not count."""

from __future__ import annotations

import sys
from uuid import uuid4

import pytest

from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.infra.throttle import Rate
from qiatan.kit.errors import Busy
from qiatan.modules.accounts import service
from qiatan.modules.accounts.routes import common
from tests.modules.accounts.factors import login_log, said
from tests.modules.accounts.reading import session_ids
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


async def test_letters_that_the_database_reads_alike_do_not_count_as_another_account(
    doors: Doors, factories: Factories, tenant: Tenant
) -> None:
    member = await factories.agent(tenant.enterprise_id, email=f"iiik{uuid4().hex}@example.com")
    attacker = doors.stranger(address="203.0.113.6")
    rest = member.email.removeprefix("iiik")
    variants = [f"{beginning}{rest}" for beginning in ("iiik", "\u0130iik", "i\u0130ik", "ii\u0130k", "iii\u212a")]

    codes = [(await attacker.post("/session", json=credentials(variant, "a wrong one"))).status_code for variant in variants]

    assert codes == [401] * 5
    assert (await attacker.post("/session", json=credentials(member.email))).status_code == 429


async def test_unknown_accounts_are_throttled_like_known_ones(doors: Doors) -> None:
    attacker = doors.stranger(address="203.0.113.4")
    codes = [(await attacker.post("/session", json=credentials("nobody2@example.com"))).status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]


async def test_one_account_tried_from_many_addresses_is_closed_for_a_while(
    doors: Doors, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wrong(_hash: str | None, _password: str) -> bool:
        return False

    monkeypatch.setattr(SIGN_IN, "verify", wrong)
    codes = []
    for number in range(51):
        attacker = doors.stranger(address=f"198.18.{number}.1")
        codes.append((await attacker.post("/session", json=credentials(tenant.admin.email, "a wrong one"))).status_code)
    assert codes == [401] * 50 + [429]


HOME, HOME_V6 = "203.0.113.40", "2001:db8:7:7::1"


async def _use_up(resources: Resources, member: Member) -> None:
    """Take all the tries that an account has, as strangers at many addresses do."""
    async with resources.database.system() as tx:
        while await common.tries_of(resources).wait(tx, "sign-in-account", common.SIGN_IN_ACCOUNT, member.email.casefold()) == 0:
            pass


async def _came_in(doors: Doors, member: Member, *addresses: str) -> None:
    for address in addresses:
        assert (await doors.stranger(address=address).post("/session", json=credentials(member.email))).status_code == 200


@pytest.mark.parametrize("address", [HOME, f"::ffff:{HOME}", HOME_V6, "2001:db8:7:7:a:b:c:d"])
async def test_strangers_cannot_lock_out_who_comes_from_where_they_came_before(
    doors: Doors, tenant: Tenant, resources: Resources, clock: FakeClock, address: str
) -> None:
    await _came_in(doors, tenant.admin, HOME, HOME_V6)
    clock.advance(days=89)
    await _use_up(resources, tenant.admin)

    assert said(await doors.stranger(address="198.18.1.1").post("/session", json=credentials(tenant.admin.email))) == (429, "too_many")
    await _came_in(doors, tenant.admin, address)


@pytest.mark.parametrize("address", ["203.0.113.41", "2001:db8:7:8::1"])
async def test_a_neighbours_address_is_another_one(
    doors: Doors, tenant: Tenant, resources: Resources, database: Database, address: str
) -> None:
    await _came_in(doors, tenant.admin, HOME, HOME_V6)
    before = await session_ids(database, tenant.admin.id)
    await _use_up(resources, tenant.admin)
    assert said(await doors.stranger(address=address).post("/session", json=credentials(tenant.admin.email))) == (429, "too_many")
    assert await session_ids(database, tenant.admin.id) == before


async def test_only_who_came_in_counts_as_having_been_there(
    doors: Doors, factories: Factories, tenant: Tenant, resources: Resources, database: Database
) -> None:
    colleague = await factories.agent(tenant.enterprise_id)
    await _came_in(doors, colleague, HOME)
    wrong = doors.stranger(address="203.0.113.42")
    assert (await wrong.post("/session", json=credentials(tenant.admin.email, "a wrong one"))).status_code == 401
    assert await login_log(database, tenant.admin.id) == [("password", False, "wrong_password")]
    await _use_up(resources, tenant.admin)

    for address in (HOME, "203.0.113.42"):
        assert said(await doors.stranger(address=address).post("/session", json=credentials(tenant.admin.email))) == (429, "too_many")


async def test_after_ninety_days_an_address_is_a_strangers(doors: Doors, tenant: Tenant, resources: Resources, clock: FakeClock) -> None:
    await _came_in(doors, tenant.admin, HOME)
    clock.advance(days=90, seconds=1)
    await _use_up(resources, tenant.admin)
    assert said(await doors.stranger(address=HOME).post("/session", json=credentials(tenant.admin.email))) == (429, "too_many")


async def test_from_a_known_address_guesses_are_still_few(doors: Doors, tenant: Tenant, resources: Resources) -> None:
    await _came_in(doors, tenant.admin, HOME)
    await _use_up(resources, tenant.admin)
    browser = doors.stranger(address=HOME)
    codes = [(await browser.post("/session", json=credentials(tenant.admin.email, "a wrong one"))).status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]


async def test_a_forwarded_address_is_not_believed_without_a_configured_proxy(doors: Doors, tenant: Tenant) -> None:
    codes = []
    for number in range(6):
        attacker = doors.stranger(address="203.0.113.5", headers={"X-Forwarded-For": f"198.51.100.{number}"})
        codes.append((await attacker.post("/session", json=credentials(tenant.admin.email, "a wrong one"))).status_code)
    assert codes == [401] * 5 + [429]


async def _right(_hash: str | None, _password: str) -> bool:
    return True


async def _wrong(_hash: str | None, _password: str) -> bool:
    return False


async def test_an_office_behind_one_address_comes_in_together(
    doors: Doors, tenant: Tenant, factories: Factories, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SIGN_IN, "verify", _right)
    colleagues = [await factories.agent(tenant.enterprise_id) for _ in range(3)]
    office = doors.stranger(address=HOME)

    codes = [(await office.post("/session", json=credentials(colleagues[number % 3].email))).status_code for number in range(120)]
    passkeys = [(await office.post("/session/passkey/options")).status_code for _ in range(100)]

    assert (codes, passkeys) == ([200] * 120, [200] * 100)


async def test_wrong_passwords_of_an_address_are_counted_apart_and_stay_few(
    doors: Doors, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SIGN_IN, "verify", _wrong)
    attacker = doors.stranger(address="203.0.113.77")

    codes = [(await attacker.post("/session", json=credentials(f"nobody{number}@example.com"))).status_code for number in range(101)]

    assert codes == [401] * 100 + [429]
    monkeypatch.setattr(SIGN_IN, "verify", _right)
    assert (await doors.stranger(address=HOME).post("/session", json=credentials(tenant.admin.email))).status_code == 200


async def test_a_server_that_cannot_look_at_passwords_counts_none_as_wrong(
    doors: Doors, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(_hash: str | None, _password: str) -> bool:
        raise Busy(retry_after=1)

    monkeypatch.setattr(common, "SIGN_IN_WRONG", Rate(burst=1, per_minute=1))
    monkeypatch.setattr(SIGN_IN, "verify", busy)
    office = doors.stranger(address=HOME)
    assert [(await office.post("/session", json=credentials(tenant.admin.email))).status_code for _ in range(3)] == [503] * 3

    monkeypatch.setattr(SIGN_IN, "verify", _right)

    assert (await office.post("/session", json=credentials(tenant.admin.email))).status_code == 200
