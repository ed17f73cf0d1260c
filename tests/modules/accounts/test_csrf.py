"""Changes by cookie need our own page: the CSRF header, and our origin where one is sent."""

from __future__ import annotations

import pytest

from qiatan.infra.db import Database
from qiatan.infra.http.guards import CSRF_HEADER, csrf_token
from tests.modules.accounts.reading import agent_row, session_ids
from tests.support.doors import PUBLIC_URL, Doors
from tests.support.factories import PASSWORD, Factories, Tenant


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


@pytest.mark.parametrize("header", [None, "", "1", "0" * 32, csrf_token("another session")])
async def test_a_change_without_the_sessions_csrf_token_is_refused(
    doors: Doors, tenant: Tenant, database: Database, header: str | None
) -> None:
    browser = doors.agent(tenant.admin)
    del browser.headers[CSRF_HEADER]
    headers = {CSRF_HEADER: header} if header is not None else {}
    before = await agent_row(database, tenant.admin.id)

    refused = await browser.patch("/me", json={"name": "别人", "version": 1}, headers=headers)

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "csrf_failed")
    assert await agent_row(database, tenant.admin.id) == before


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://qiatan.test.evil.example", "http://evil.example/qiatan.test", "http://qiatan.test:81"],
)
async def test_a_change_from_a_foreign_page_is_refused_even_with_the_token(
    doors: Doors, tenant: Tenant, database: Database, origin: str
) -> None:
    before = await agent_row(database, tenant.admin.id)

    refused = await doors.agent(tenant.admin).patch("/me", json={"name": "别人", "version": 1}, headers={"Origin": origin})

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "origin_refused")
    assert await agent_row(database, tenant.admin.id) == before


async def test_a_change_from_our_own_page_passes(doors: Doors, tenant: Tenant) -> None:
    changed = await doors.agent(tenant.admin).patch("/me", json={"name": "沈夏", "version": 1}, headers={"Origin": PUBLIC_URL})
    assert changed.status_code == 200
    assert changed.json()["agent"]["name"] == "沈夏"


async def test_signing_in_and_out_is_protected_too(doors: Doors, tenant: Tenant, database: Database) -> None:
    before = await session_ids(database, tenant.admin.id)
    body = {"email": tenant.admin.email, "password": PASSWORD}

    without = await doors.stranger(csrf=None).post("/session", json=body)
    foreign = await doors.stranger().post("/session", json=body, headers={"Origin": "https://evil.example"})
    out = await doors.agent(tenant.admin).delete("/session", headers={CSRF_HEADER: "1"})

    assert [answer.json()["error"]["code"] for answer in (without, foreign, out)] == ["csrf_failed", "origin_refused", "csrf_failed"]
    assert await session_ids(database, tenant.admin.id) == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/signup", {"enterprise_name": "茶", "name": "许清", "email": "new@example.com", "password": "tea leaves unfold"}),
        ("/session/link", {"token": "x"}),
        ("/invitations/lookup", {"token": "x"}),
        ("/invitations/accept", {"token": "x", "name": "许清", "password": "tea leaves unfold"}),
    ],
)
async def test_every_public_change_wants_the_header(doors: Doors, path: str, body: dict[str, str]) -> None:
    refused = await doors.stranger(csrf=None).post(path, json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "csrf_failed")


async def test_a_form_of_another_site_cannot_pass_as_json(doors: Doors, tenant: Tenant, database: Database) -> None:
    before = await agent_row(database, tenant.admin.id)
    refused = await doors.agent(tenant.admin).patch("/me", content=b'{"name":"x","version":1}', headers={"Content-Type": "text/plain"})
    assert refused.status_code == 422
    assert await agent_row(database, tenant.admin.id) == before
