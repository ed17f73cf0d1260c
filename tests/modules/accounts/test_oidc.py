"""Signing in by the enterprise's identity provider: a certified OpenID provider on loopback, and everybody who may not come in by it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.infra.settings import Settings
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.accounts.models import OidcIdentityRow
from tests.support.access import points_of
from tests.support.clock import FakeClock
from tests.support.doors import PUBLIC_URL, Doors
from tests.support.factories import Factories, Member, Tenant
from tests.support.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider, Person, oidc_provider

REDIRECT = f"{PUBLIC_URL}/app/oidc"
JSON = {"content-type": "application/json"}


def _person(email: str, **changed: Any) -> Person:
    """Somebody whose address the provider has confirmed, known by a subject of their own."""
    return {"sub": email.partition("@")[0], "email": email, "email_verified": True} | changed


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcProvider]:
    with oidc_provider(REDIRECT) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, public_url=PUBLIC_URL, outbound_allow=(ip_network("127.0.0.0/8"),))


def _form(provider: OidcProvider, **changed: Any) -> dict[str, Any]:
    form = {"label": "松间账号", "issuer": provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "version": 0}
    return form | changed


@pytest.fixture
async def tenant(factories: Factories, doors: Doors, provider: OidcProvider) -> Tenant:
    """An enterprise with this provider."""
    tenant = await factories.tenant()
    answer = await doors.agent(tenant.admin).put("/security/oidc", json=_form(provider))
    assert answer.status_code == 200, answer.text
    return tenant


async def start(browser: httpx.AsyncClient, tenant: Tenant) -> str:
    answer = await browser.post("/session/oidc", json={"enterprise_id": str(tenant.enterprise_id)})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["url"])


async def finish(browser: httpx.AsyncClient, tenant: Tenant, told: dict[str, str], **changed: Any) -> httpx.Response:
    body = {"enterprise_id": str(tenant.enterprise_id), **{name: told[name] for name in ("state", "code", "iss")}, **changed}
    return await browser.post("/session/oidc/finish", json=body)


async def sign_in(doors: Doors, provider: OidcProvider, tenant: Tenant, person: Person) -> httpx.Response:
    browser = doors.stranger()
    return await finish(browser, tenant, await provider.sign_in(await start(browser, tenant), person))


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def ties(database: Database, tenant: Tenant) -> list[tuple[str, str]]:
    async with database.tenant(tenant.enterprise_id) as tx:
        found = await tx.session.execute(select(OidcIdentityRow.subject, OidcIdentityRow.agent_id).order_by(OidcIdentityRow.subject))
        return [(subject, str(agent_id)) for subject, agent_id in found]


@pytest.fixture
async def gu(factories: Factories, tenant: Tenant) -> Member:
    return await factories.agent(tenant.enterprise_id, name="顾一鸣")


async def test_a_confirmed_address_signs_in_and_is_tied_to_its_subject(
    doors: Doors, provider: OidcProvider, tenant: Tenant, gu: Member, database: Database
) -> None:
    answer = await sign_in(doors, provider, tenant, _person(gu.email))

    assert answer.status_code == 200
    assert answer.json()["second_factor"] is None
    assert answer.json()["me"]["agent"]["id"] == str(gu.id)
    assert "qiatan_session" in answer.headers["set-cookie"]
    assert await ties(database, tenant) == [(json.dumps(_person(gu.email)), str(gu.id))]


async def test_the_second_sign_in_asks_the_provider_for_nothing_but_the_token(
    doors: Doors, provider: OidcProvider, tenant: Tenant, gu: Member, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    request = resources.http.request

    async def noted(method: str, url: str, **options: Any) -> Any:
        called.append(url.removeprefix(provider.issuer))
        return await request(method, url, **options)

    monkeypatch.setattr(resources.http, "request", noted)

    assert (await sign_in(doors, provider, tenant, _person(gu.email))).status_code == 200
    assert called == ["/.well-known/openid-configuration", "/token", "/jwks"]
    assert (await sign_in(doors, provider, tenant, _person(gu.email))).status_code == 200
    assert called[3:] == ["/token"]


async def test_later_the_subject_decides_and_not_the_address(
    doors: Doors, provider: OidcProvider, tenant: Tenant, gu: Member, factories: Factories, database: Database
) -> None:
    await sign_in(doors, provider, tenant, _person(gu.email))
    async with database.tenant(tenant.enterprise_id) as tx:
        await tx.session.execute(text("UPDATE agents SET email = 'married-' || email WHERE id = :id"), {"id": gu.id})
    await factories.agent(tenant.enterprise_id, email=gu.email, name="新来的")

    answer = await sign_in(doors, provider, tenant, _person(gu.email))

    assert answer.json()["me"]["agent"]["id"] == str(gu.id)


async def test_another_subject_with_the_same_address_gets_nothing(
    doors: Doors, provider: OidcProvider, tenant: Tenant, gu: Member, database: Database
) -> None:
    await sign_in(doors, provider, tenant, _person(gu.email))

    assert refusal(await sign_in(doors, provider, tenant, _person(gu.email, sub="somebody else"))) == (403, "oidc_refused")
    assert await ties(database, tenant) == [(json.dumps(_person(gu.email)), str(gu.id))]


@pytest.mark.parametrize("confirmed", [False, None, "yes", 1])
async def test_an_unconfirmed_address_opens_nothing(
    doors: Doors, provider: OidcProvider, tenant: Tenant, gu: Member, database: Database, confirmed: object
) -> None:
    answer = await sign_in(doors, provider, tenant, _person(gu.email, email_verified=confirmed))

    assert refusal(answer) == (403, "oidc_unconfirmed")
    assert "qiatan_session" not in answer.headers.get("set-cookie", "")
    assert await ties(database, tenant) == []


async def test_whoever_is_of_another_enterprise_or_none_has_no_account_here(
    doors: Doors, provider: OidcProvider, tenant: Tenant, factories: Factories, database: Database
) -> None:
    elsewhere = await factories.tenant()
    foreigner = await factories.agent(elsewhere.enterprise_id)
    disabled = await factories.agent(tenant.enterprise_id, enabled=False)

    for email in ("nobody@example.com", foreigner.email, disabled.email):
        assert refusal(await sign_in(doors, provider, tenant, _person(email))) == (403, "oidc_no_account"), email
    assert refusal(await sign_in(doors, provider, tenant, {"sub": "without an address"})) == (403, "oidc_no_account")
    assert await ties(database, tenant) == []
    assert await ties(database, elsewhere) == []


async def test_an_invited_colleague_joins_by_the_provider_and_needs_no_password(
    doors: Doors, provider: OidcProvider, tenant: Tenant, factories: Factories
) -> None:
    invited = await factories.agent(tenant.enterprise_id, pending=True)

    answer = await sign_in(doors, provider, tenant, _person(invited.email))

    assert answer.json()["me"]["agent"] | {"pending": False, "id": str(invited.id)} == answer.json()["me"]["agent"]
    guess = await doors.stranger().post("/session", json={"email": invited.email, "password": "!"})
    assert refusal(guess) == (401, "wrong_credentials")


async def test_an_account_that_is_disabled_after_it_was_tied_stays_out(
    doors: Doors, provider: OidcProvider, tenant: Tenant, gu: Member
) -> None:
    await sign_in(doors, provider, tenant, _person(gu.email))
    shown = (await doors.agent(tenant.admin).get(f"/agents/{gu.id}")).json()
    await doors.agent(tenant.admin).patch(f"/agents/{gu.id}", json={"enabled": False, "version": shown["version"]})

    assert refusal(await sign_in(doors, provider, tenant, _person(gu.email))) == (403, "oidc_no_account")


async def test_the_answer_is_worth_nothing_in_another_browser(doors: Doors, provider: OidcProvider, tenant: Tenant, gu: Member) -> None:
    victim, attacker = doors.stranger(), doors.stranger()
    told = await provider.sign_in(await start(attacker, tenant), _person(gu.email))

    assert refusal(await finish(victim, tenant, told)) == (401, "challenge_expired")


async def test_a_flow_is_finished_once_and_within_ten_minutes(
    doors: Doors, provider: OidcProvider, tenant: Tenant, gu: Member, clock: FakeClock
) -> None:
    browser = doors.stranger()
    told = await provider.sign_in(await start(browser, tenant), _person(gu.email))
    assert (await finish(browser, tenant, told)).status_code == 200
    assert refusal(await finish(browser, tenant, told)) == (401, "challenge_expired")

    late = doors.stranger()
    told = await provider.sign_in(await start(late, tenant), _person(gu.email))
    clock.advance(minutes=10, seconds=1)
    assert refusal(await finish(late, tenant, told)) == (401, "challenge_expired")


async def test_a_code_belongs_to_the_flow_that_asked_for_it(doors: Doors, provider: OidcProvider, tenant: Tenant, gu: Member) -> None:
    """PKCE: a code that was stolen elsewhere cannot be put into an own flow."""
    thief, owner = doors.stranger(), doors.stranger()
    stolen = await provider.sign_in(await start(owner, tenant), _person(gu.email))
    own = await provider.sign_in(await start(thief, tenant), _person("thief@example.com"))

    assert refusal(await finish(thief, tenant, own | {"code": stolen["code"]})) == (403, "oidc_refused")


async def test_a_wrong_client_secret_is_refused_by_the_provider(doors: Doors, provider: OidcProvider, tenant: Tenant, gu: Member) -> None:
    admin = doors.agent(tenant.admin)
    assert (await admin.put("/security/oidc", json=_form(provider, client_secret="another", version=1))).status_code == 200

    assert refusal(await sign_in(doors, provider, tenant, _person(gu.email))) == (403, "oidc_refused")


async def test_the_secret_is_never_told_and_does_not_follow_to_another_issuer(
    doors: Doors, provider: OidcProvider, tenant: Tenant, database: Database
) -> None:
    admin = doors.agent(tenant.admin)
    told = (await admin.get("/security/oidc")).json()
    moved = await admin.put("/security/oidc", json=_form(provider, issuer="https://elsewhere.example", client_secret=None, version=1))
    kept = await admin.put("/security/oidc", json=_form(provider, label="新名字", client_secret=None, version=1))

    assert told == {
        "enabled": True,
        "label": "松间账号",
        "issuer": provider.issuer,
        "client_id": CLIENT_ID,
        "redirect_uri": f"{REDIRECT}/{tenant.enterprise_id}",
        "sign_in_url": f"{PUBLIC_URL}/app/sign-in?sso={tenant.enterprise_id}",
        "version": 1,
    }
    assert (moved.status_code, moved.json()["error"]["fields"][0]["field"]) == (422, "client_secret")
    assert (kept.status_code, kept.json()["label"], kept.json()["version"]) == (200, "新名字", 2)
    async with database.system() as tx:
        rows = (await tx.session.execute(text("SELECT p::text || a::text FROM oidc_providers p, audit_log a"))).scalars()
        assert not any(CLIENT_SECRET in row for row in rows)


async def test_a_provider_is_tried_before_it_is_used(doors: Doors, provider: OidcProvider, tenant: Tenant) -> None:
    admin = doors.agent(tenant.admin)

    assert (await admin.post("/security/oidc/test", json=_form(provider))).status_code == 204
    other_name = await admin.post("/security/oidc/test", json=_form(provider, issuer=provider.issuer + "/"))
    nobody = await admin.post("/security/oidc/test", json=_form(provider, issuer="http://127.0.0.1:9"))
    inside = await admin.post("/security/oidc/test", json=_form(provider, issuer="https://169.254.169.254/latest"))
    for text_given in ("ftp://id.example.com", "https://", "id.example.com", "https://u:p@id.example.com", "https://id.example.com?x=1"):
        wrong = await admin.post("/security/oidc/test", json=_form(provider, issuer=text_given))
        assert (wrong.status_code, wrong.json()["error"]["fields"][0]["field"]) == (422, "issuer"), text_given

    assert refusal(other_name) == (502, "oidc_unreachable")
    assert refusal(nobody) == (502, "oidc_unreachable")
    assert refusal(inside) == (502, "oidc_unreachable")
    assert "OUTBOUND_ALLOW" in inside.json()["error"]["message"]


async def test_a_provider_that_is_off_or_gone_is_not_offered(doors: Doors, provider: OidcProvider, tenant: Tenant, gu: Member) -> None:
    admin, anybody = doors.agent(tenant.admin), doors.stranger()
    path = f"/session/oidc/{tenant.enterprise_id}"
    assert (await anybody.get(path)).json() == {"enterprise_id": str(tenant.enterprise_id), "label": "松间账号"}
    begun = await provider.sign_in(await start(anybody, tenant), _person(gu.email))

    await admin.put("/security/oidc", json=_form(provider, enabled=False, version=1))

    assert (await anybody.get(path)).status_code == 404
    assert (await anybody.post("/session/oidc", json={"enterprise_id": str(tenant.enterprise_id)})).status_code == 404
    assert refusal(await finish(anybody, tenant, begun)) == (403, "oidc_refused")
    assert (await admin.delete("/security/oidc")).status_code == 204
    assert (await admin.get("/security/oidc")).json()["version"] == 0
    assert (await admin.delete("/security/oidc")).status_code == 404


async def test_an_answer_meant_for_another_enterprise_is_not_taken(
    doors: Doors, provider: OidcProvider, tenant: Tenant, gu: Member, factories: Factories
) -> None:
    """Mix-up (RFC 9700 4.4): a flow begun for the attacker's enterprise, answered at the victim's address."""
    attackers = await factories.tenant()
    await doors.agent(attackers.admin).put("/security/oidc", json=_form(provider))
    browser = doors.stranger()
    told = await provider.sign_in(await start(browser, attackers), _person(gu.email))

    assert refusal(await finish(browser, tenant, told)) == (401, "challenge_expired")


@pytest.mark.parametrize("iss", [None, "https://somebody.example"])
async def test_a_provider_that_names_itself_must_be_the_one_that_was_asked(
    doors: Doors, provider: OidcProvider, tenant: Tenant, gu: Member, iss: str | None
) -> None:
    browser = doors.stranger()
    told = await provider.sign_in(await start(browser, tenant), _person(gu.email))

    assert refusal(await finish(browser, tenant, told, iss=iss)) == (403, "oidc_refused")


async def test_two_tabs_that_come_back_at_once_are_both_in(
    doors: Doors, provider: OidcProvider, tenant: Tenant, gu: Member, database: Database
) -> None:
    tabs = [doors.stranger(), doors.stranger()]
    told = [await provider.sign_in(await start(tab, tenant), _person(gu.email)) for tab in tabs]

    answers = await asyncio.gather(*(finish(tab, tenant, what) for tab, what in zip(tabs, told, strict=True)))

    assert [answer.status_code for answer in answers] == [200, 200]
    assert await ties(database, tenant) == [(json.dumps(_person(gu.email)), str(gu.id))]


async def test_who_lacks_a_point_does_not_decide_who_is_who(
    doors: Doors, provider: OidcProvider, tenant: Tenant, factories: Factories
) -> None:
    """Whoever names the provider can be everybody: an administrator, too."""
    points = points_of("admin") - {"audit.export"}
    guard = await factories.agent(tenant.enterprise_id, points=points, scope=Scope(ScopeKind.ALL))

    answer = await doors.agent(guard).put("/security/oidc", json=_form(provider, label="我的", version=1))

    assert refusal(answer) == (403, "not_allowed")
    assert (await doors.agent(tenant.admin).get("/security/oidc")).json()["label"] == "松间账号"


async def test_an_issuer_that_others_could_listen_to_is_not_taken(doors: Doors, provider: OidcProvider, tenant: Tenant) -> None:
    admin = doors.agent(tenant.admin)

    for issuer in ("http://id.example.com", "http://localhost:8080", "http://10.1.2.3"):
        answer = await admin.put("/security/oidc", json=_form(provider, issuer=issuer, version=1))
        assert (answer.status_code, answer.json()["error"]["fields"][0]["field"]) == (422, "issuer"), issuer
    for issuer in ("https://xn--a/", "https://\ud800.example"):
        answer = await admin.post("/security/oidc/test", content=json.dumps(_form(provider, issuer=issuer)), headers=JSON)
        assert answer.status_code in (422, 502), issuer
    nul = await admin.put("/security/oidc", json=_form(provider, client_id="a\x00b", version=1))
    assert (nul.status_code, nul.json()["error"]["fields"][0]["field"]) == (422, "client_id")


@pytest.mark.parametrize("how", ["switched off", "deleted"])
async def test_the_provider_stays_while_no_administrator_has_another_way_in(
    doors: Doors, provider: OidcProvider, tenant: Tenant, database: Database, how: str
) -> None:
    browser = doors.agent(tenant.admin)
    shown = (await browser.get("/security/oidc")).json()

    async def end() -> httpx.Response:
        if how == "deleted":
            return await browser.delete("/security/oidc")
        return await browser.put("/security/oidc", json=_form(provider, enabled=False, version=shown["version"]))

    async def password(value: str) -> None:
        async with database.tenant(tenant.enterprise_id) as tx:
            await tx.session.execute(
                text("UPDATE agents SET password_hash = :value WHERE id = :id"), {"value": value, "id": tenant.admin.id}
            )

    await password("!")
    refused = await end()
    assert refusal(refused) == (409, "last_admin")
    assert "password or a passkey" in refused.json()["error"]["message"]
    assert (await browser.get("/security/oidc")).json() == shown
    await password("$argon2id$")
    assert (await end()).status_code in {200, 204}
