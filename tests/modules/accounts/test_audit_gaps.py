"""What people change about accounts, the own one included, is in the audit log; and no filter of the log breaks it."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from qiatan.infra.db import Database
from tests.modules.accounts.factors import add_passkey
from tests.modules.accounts.reading import audit_entries
from tests.support.authenticator import Authenticator
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Tenant


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


async def test_an_invitation_tells_how_far_the_account_reaches(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    north, south = [await factories.group(tenant.enterprise_id, name=name) for name in ("北", "南")]
    body = {"email": "xu@reach.example", "name": "许", "group_ids": [str(north)], "scope": {"kind": "groups", "group_ids": [str(south)]}}
    invited = (await doors.agent(tenant.admin).post("/agents/invitations", json=body)).json()["agent"]["id"]
    await doors.agent(tenant.admin).post(f"/agents/{invited}/invitation")

    first, again = await audit_entries(database, tenant.enterprise_id)

    assert first.details == {
        "email": "xu@reach.example",
        "role": "普通客服",
        "scope": {"kind": "groups", "groups": ["南"]},
        "visitor_regions": {"mode": "all", "regions": []},
        "groups": ["北"],
        "mailed": False,
        "again": False,
    }
    assert again.details == first.details | {"again": True}


async def test_what_somebody_changes_about_themselves_is_told_once(doors: Doors, tenant: Tenant, database: Database) -> None:
    browser = doors.agent(tenant.admin, address="203.0.113.5")
    await browser.patch("/me", json={"name": "沈夏", "locale": "en", "version": 1})
    await browser.patch("/me", json={"name": "沈夏", "locale": "en", "version": 2})
    assert (await browser.patch("/me", json={"name": "别的", "version": 1})).status_code == 409

    (entry,) = await audit_entries(database, tenant.enterprise_id)

    assert (entry.action, entry.actor_id, entry.subject_id, entry.subject_name, entry.address) == (
        "agent.changed", tenant.admin.id, tenant.admin.id, "沈夏", "203.0.113.5",
    )  # fmt: skip
    assert entry.details == {"name": ["沈知夏", "沈夏"], "locale": ["zh-CN", "en"]}


async def test_a_passkeys_new_name_is_told(doors: Doors, tenant: Tenant, database: Database) -> None:
    browser = doors.agent(tenant.admin)
    await add_passkey(browser, Authenticator(), name="旧电脑")
    passkey = (await browser.get("/me/security")).json()["passkeys"][0]["id"]
    for name in ("新电脑", "新电脑"):
        assert (await browser.patch(f"/me/passkeys/{passkey}", json={"name": name})).status_code == 200
    assert (await browser.patch(f"/me/passkeys/{uuid4()}", json={"name": "无"})).status_code == 404

    renamed = [entry for entry in await audit_entries(database, tenant.enterprise_id) if entry.action == "two_factor.passkey_renamed"]

    assert [(entry.subject_id, entry.details) for entry in renamed] == [(UUID(passkey), {"name": ["旧电脑", "新电脑"]})]


async def test_a_session_that_another_sign_in_replaced_is_told_as_ended(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    # given a browser that is signed in, and a colleague who signs in with it
    member, colleague = await factories.agent(tenant.enterprise_id, name="唐砚"), await factories.agent(tenant.enterprise_id)
    browser = doors.agent(member, address="203.0.113.6")
    assert (await browser.post("/session", json={"email": colleague.email, "password": PASSWORD})).status_code == 200

    ended = [entry for entry in await audit_entries(database, tenant.enterprise_id) if entry.action == "session.ended"]

    assert [(entry.actor_id, entry.subject_id, entry.subject_name, entry.address, entry.details) for entry in ended] == [
        (member.id, member.id, "唐砚", "203.0.113.6", {"reason": "replaced"})
    ]


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_an_export_from_the_ends_of_the_calendar_is_made_and_noted(
    doors: Doors, tenant: Tenant, database: Database, name: str, at: str
) -> None:
    browser = doors.agent(tenant.admin)
    answers = [await browser.get(path, params={name: at}) for path in ("/audit/export", "/security/login-log/export")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [entry.action for entry in await audit_entries(database, tenant.enterprise_id)] == ["audit.exported", "login_log.exported"]
