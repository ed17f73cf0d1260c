"""One server and one browser for all journeys; for each story a house, a fresh context for everybody, and a look at what went wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, BrowserContext, Playwright, async_playwright, expect

from tests.journeys.browser import launch
from tests.journeys.house import House, Member, house_of
from tests.journeys.line import Line
from tests.journeys.people import Agent, Visitor, sign_in_browser
from tests.journeys.server import Server, missing_pages
from tests.journeys.site import Site
from tests.journeys.watch import Watch

PATIENCE = 20_000
DESKTOP = {"width": 1440, "height": 900}

expect.set_options(timeout=PATIENCE)


LONGEST_STORY = 300
"""Seconds, the start of the server included, which the first story of a run pays for."""

_LONG = (
    "test_screens",
    "test_screens_settings",
    "test_screens_routing",
    "test_settings_routing",
    "test_settings_service",
    "test_routing",
    "test_payloads",
    "test_sign_in_security",
    "test_replies",
    "test_customer_card",
    "test_newcomer",
    "test_screens_widget",
    "test_conversation_screen",
    "test_widget_craft",
)
"""Files that take minutes, the longest first: a worker takes whole files, and at the end none should wait long for the other's last."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    stories = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in stories:
        item.add_marker(pytest.mark.timeout(LONGEST_STORY))
    if stories == items:
        items.sort(key=lambda item: _LONG.index(item.path.stem) if item.path.stem in _LONG else len(_LONG))


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[Server]:
    missing = missing_pages()
    if missing:
        pytest.fail(
            f"the pages are not built ({', '.join(missing)}): run `npm ci && npm run build` in web/, or `make run` once", pytrace=False
        )
    server = Server(brisk=True)
    try:
        await server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as started:
        yield started


@pytest.fixture(scope="session")
async def browser(playwright: Playwright) -> AsyncIterator[Browser]:
    browser = await launch(playwright)
    yield browser
    await browser.close()


@pytest.fixture(scope="session")
async def whole_browser(playwright: Playwright) -> AsyncIterator[Browser]:
    """Chromium with everything in it, for the few stories that need what the light one leaves out."""
    browser = await launch(playwright, whole=True)
    yield browser
    await browser.close()


@pytest.fixture(scope="session")
async def site(server: Server) -> AsyncIterator[Site]:
    site = Site(server.url)
    yield site
    site.close()


@pytest.fixture
async def house(server: Server) -> AsyncIterator[House]:
    async with house_of(server) as house:
        yield house


class People:
    """Opens browsers. Everybody has a context of their own, and at the end none of them may have seen an error."""

    def __init__(self, browser: Browser, server: Server, site: Site, *, motion: bool = True) -> None:
        self._browser = browser
        self._server = server
        self._site = site
        self._motion: Literal["no-preference", "reduce"] = "no-preference" if motion else "reduce"
        self._watches: list[tuple[BrowserContext, Watch]] = []

    async def context(self, **options: Any) -> tuple[BrowserContext, Watch]:
        """A fresh browser profile, in Chinese on a desktop unless told otherwise."""
        given = {
            "locale": "zh-CN",
            "timezone_id": "Asia/Shanghai",
            "viewport": DESKTOP,
            "reduced_motion": self._motion,
            # A service worker fetches past what stories lay into the line; those about it allow it.
            "service_workers": "block",
            **options,
        }
        context = await self._browser.new_context(**given)
        context.set_default_timeout(PATIENCE)
        watch = Watch(context)
        self._watches.append((context, watch))
        return context, watch

    async def _prepared(self, script: str, line: Line | None, options: dict[str, Any]) -> tuple[BrowserContext, Watch]:
        context, watch = await self.context(**options)
        if script:
            await context.add_init_script(script)
        if line is not None:
            await line.lay(context)
        return context, watch

    async def agent(
        self,
        house: House,
        member: Member | None = None,
        *,
        path: str = "/app/",
        script: str = "",
        line: Line | None = None,
        **options: Any,
    ) -> Agent:
        """A signed-in agent (the first administrator unless told) at the workspace."""
        context, watch = await self._prepared(script, line, options)
        await sign_in_browser(context, house, member or house.admin)
        agent = Agent(context, await context.new_page(), watch)
        await agent.page.goto(f"{self._server.url}{path}")
        await expect(agent.page.get_by_role("main")).to_be_visible()
        return agent

    async def visitor(
        self,
        house: House,
        *,
        title: str = "松间小店",
        opened: bool = True,
        address: str | None = None,
        script: str = "",
        line: Line | None = None,
        **options: Any,
    ) -> Visitor:
        """Somebody who looks at the house's web site, with the panel opened unless told otherwise."""
        context, watch = await self._prepared(script, line, options)
        visitor = Visitor(context, await context.new_page(), watch)
        await visitor.page.goto(address or self.address(house, title))
        if opened:
            await visitor.open()
        return visitor

    async def talking(self, house: House, *, agents_line: Line | None = None, visitors_line: Line | None = None) -> tuple[Agent, Visitor]:
        """The first administrator and a visitor in the middle of a conversation: 在吗, 在的."""
        agent = await self.agent(house, line=agents_line)
        visitor = await self.visitor(house, line=visitors_line)
        await visitor.say("在吗")
        await agent.open("在吗")
        await agent.answer("在的")
        await visitor.sees("在的")
        await expect(agent.thread).to_contain_text("已读")
        return agent, visitor

    def address(self, house: House, title: str = "松间小店", path: str = "/") -> str:
        """Where the house's web site is."""
        return f"{self._site.url}{path}?key={house.key}&title={quote(title)}"

    async def close(self, *, check: bool) -> None:
        for context, _ in self._watches:
            await context.close()
        for _, watch in self._watches if check else []:
            watch.check()


@pytest.fixture
async def people(request: pytest.FixtureRequest, browser: Browser, server: Server, site: Site) -> AsyncIterator[People]:
    # Each step waits until nothing moves, and every frame of it is drawn: stories that are about something else do without.
    people = People(browser, server, site, motion=request.node.get_closest_marker("motion") is not None)
    yield people
    await people.close(check=True)
