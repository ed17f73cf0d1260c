"""Signing in by the enterprise's own identity provider: a certified OpenID provider on loopback, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from tests.journeys.conftest import People
from tests.journeys.house import House, Member
from tests.journeys.server import Server
from tests.support.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider, oidc_provider


@pytest.fixture
def provider(server: Server) -> Iterator[OidcProvider]:
    with oidc_provider(f"{server.url}/app/oidc") as running:
        yield running


async def _set_up(house: House, provider: OidcProvider) -> str:
    """The provider as an administrator sets it up; returns the address where colleagues begin."""
    form = {"label": "松间账号", "issuer": provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "version": 0}
    answer = await house.admin.client.put("/security/oidc", json=form)
    assert answer.is_success, answer.text
    return str(answer.json()["sign_in_url"])


async def _at_the_provider(page: Page, member: Member, *, confirmed: bool) -> None:
    """Sign in there, and agree to what is asked."""
    claims = {"sub": member.id, "email": member.email, "email_verified": confirmed}
    await page.get_by_placeholder("Enter any login").fill(json.dumps(claims))
    await page.get_by_placeholder("and password").fill("any")
    await page.get_by_role("button", name="Sign-in").click()
    await page.get_by_role("button", name="Continue").click()


async def test_a_colleague_signs_in_by_the_provider(people: People, house: House, server: Server, provider: OidcProvider) -> None:
    # given a provider, and a colleague who opens the address that the administrator gave them
    begin = await _set_up(house, provider)
    member = await house.hire("顾一鸣")
    context, _ = await people.context()
    page = await context.new_page()
    await page.goto(begin)

    # when they choose it, and sign in there
    await page.get_by_role("button", name="用 松间账号 登录").click()
    await _at_the_provider(page, member, confirmed=True)

    # then they are at work, and nothing of the flow is left in the address
    await expect(page.get_by_role("heading", name="还没有对话")).to_be_visible()
    assert page.url.startswith(f"{server.url}/app/")
    assert "code=" not in page.url


async def test_an_address_the_provider_has_not_confirmed_is_told_so(people: People, house: House, provider: OidcProvider) -> None:
    begin = await _set_up(house, provider)
    member = await house.hire("顾一鸣")
    context, _ = await people.context()
    page = await context.new_page()
    await page.goto(begin)

    await page.get_by_role("button", name="用 松间账号 登录").click()
    await _at_the_provider(page, member, confirmed=False)

    await expect(page.get_by_text("身份提供方还没有确认你的邮箱")).to_be_visible()
    await page.get_by_role("link", name="返回登录").click()
    await expect(page.get_by_label("密码", exact=True)).to_be_visible()
