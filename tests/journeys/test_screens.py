"""Every screen but the settings, photographed and audited: light and dark, both languages, wide, narrow and on a phone.

With SCREENSHOTS=1 the pictures land in screenshots/ for whoever changes what people see, otherwise those of screens with a fault; the tests fail on what axe finds, on what is wider than its screen, on keys without a text and on words of the other language.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from playwright.async_api import Page, expect

from tests.journeys.audit import axe, chinese_words, drawn, misfits, photograph
from tests.journeys.conftest import People
from tests.journeys.house import PASSWORD, House, house_of
from tests.journeys.office import CHINESE_RULES, ENGLISH_RULES, furnish
from tests.journeys.people import Agent
from tests.journeys.server import Server
from tests.journeys.story import CHINESE, ENGLISH, Words, tell

LANGUAGE_NAMES = ("简体中文", "中文")
PHONE = {"width": 390, "height": 844}
Theme = Literal["light", "dark"]


@dataclass
class Told:
    """A house after its morning, and the conversation to look at."""

    house: House
    conversation: str
    locale: str


@pytest.fixture(scope="module")
async def chinese(server: Server) -> AsyncIterator[Told]:
    async with _morning(server, CHINESE) as house:
        told = Told(house, await tell(house, CHINESE), "zh-CN")
        await furnish(house, CHINESE_RULES)
        yield told


@pytest.fixture(scope="module")
async def english(server: Server) -> AsyncIterator[Told]:
    async with _morning(server, ENGLISH) as house:
        me = house.admin.me["agent"]
        answer = await house.admin.client.patch("/me", json={"locale": "en", "version": me["version"]})
        assert answer.status_code == 200
        told = Told(house, await tell(house, ENGLISH), "en-US")
        await furnish(house, ENGLISH_RULES)
        yield told


def _morning(server: Server, words: Words) -> Any:
    return house_of(server, name=words.enterprise, admin=words.admin)


@dataclass
class Camera:
    """Photographs a screen and keeps what is wrong with it; the story fails at its end, with all of it.

    With `themes`, each screen is looked at in all of them, as it stands: the pages follow the system's choice at once.
    """

    look: str
    english: bool = False
    themes: tuple[Theme, ...] = ()
    widths: tuple[int, ...] = ()
    """In which each screen has to fit besides its own; it is not photographed there."""
    found: list[str] = field(default_factory=list)

    async def shoot(self, page: Page, name: str, *, kept: str = "\0") -> None:
        """`kept`: what the server once named in the other language, and now stands in its records."""
        if not self.themes:
            await self._look_at(page, f"{name}-{self.look}", kept)
        for number, theme in enumerate(self.themes):
            await page.emulate_media(color_scheme=theme)
            await self._look_at(page, f"{name}-{self.look}-{theme}", kept, again=number > 0)
        await self._fit(page, name)

    async def _fit(self, page: Page, name: str) -> None:
        size = page.viewport_size
        assert size is not None
        for width in self.widths:
            await page.set_viewport_size({"width": width, "height": size["height"]})
            await drawn(page)
            self.found += [f"{name}-{self.look} at {width}: {one}" for one in await misfits(page)]
        if self.widths:
            await page.set_viewport_size(size)
            await drawn(page)

    async def _look_at(self, page: Page, shot: str, kept: str, *, again: bool = False) -> None:
        await drawn(page)
        before = len(self.found)
        for frame in page.frames:
            if frame != page.main_frame and not await (await frame.frame_element()).is_visible():
                continue
            self.found += [f"{shot}: {one}" for one in await axe(frame, only_colours=again)]
            if not again:
                self.found += [f"{shot}: {one}" for one in await misfits(frame)]
            if self.english and not again:
                words = await chinese_words(frame, *LANGUAGE_NAMES)
                self.found += [f"{shot}: Chinese: {one}" for one in words if kept not in one]
        await photograph(page, shot, wrong=len(self.found) > before)

    def check(self) -> None:
        assert self.found == [], "\n".join(self.found)


async def _workspace(people: People, told: Told, camera: Camera, **options: Any) -> None:
    """From the sign-in page through every page of the workspace."""
    base = f"{told.house.server.url}/app"
    context, _ = await people.context(locale=told.locale, **options)
    stranger = await context.new_page()
    for name in ("sign-in", "sign-up"):
        await stranger.goto(f"{base}/{name}")
        await expect(stranger.get_by_role("heading", level=1)).to_be_visible()
        await expect(stranger.get_by_role("contentinfo")).to_contain_text(re.compile(r"\d"))
        await camera.shoot(stranger, name)
    await _at_the_door(stranger, told, camera)

    agent = await people.agent(told.house, path="/app/conversations", locale=told.locale, **options)
    page = agent.page
    await expect(agent.inbox.get_by_role("listitem").nth(3)).to_be_visible()
    await camera.shoot(page, "conversations-none-open")
    await page.goto(f"{base}/conversations/{told.conversation}")
    await _thread_ready(agent)
    await camera.shoot(page, "conversation")
    if await page.get_by_role("complementary").count():
        for number, name in ((1, "source"), (2, "history")):
            await page.get_by_role("complementary").get_by_role("tab").nth(number).click()
            await camera.shoot(page, f"conversation-{name}")
    for number, name in ((1, "queue"), (2, "colleagues")):
        await agent.inbox.get_by_role("tab").nth(number).click()
        await expect(agent.inbox.get_by_role("tabpanel").get_by_role("listitem").first).to_be_visible()
        await camera.shoot(page, f"conversations-{name}")

    await page.goto(f"{base}/nothing-here")
    await expect(page.get_by_role("main").get_by_role("link")).to_be_visible()
    await camera.shoot(page, "not-found")


async def _at_the_door(stranger: Page, told: Told, camera: Camera) -> None:
    """Who signs in from a place that is not allowed, and who must give a second factor."""
    restricted, protected = told.house.members[2], told.house.admin
    for email, name in ((restricted.email, "sign-in-denied"), (protected.email, "sign-in-second")):
        await stranger.goto(f"{told.house.server.url}/app/sign-in")
        await stranger.get_by_label(re.compile("^(邮箱|E-?mail)", re.IGNORECASE)).fill(email)
        await stranger.get_by_label(re.compile("^(密码|Password)$")).fill(PASSWORD)
        await stranger.get_by_label(re.compile("^(密码|Password)$")).press("Enter")
        await expect(
            stranger.get_by_role("alert").or_(stranger.get_by_label(re.compile("^(验证码|.*code)$", re.IGNORECASE)))
        ).to_be_visible()
        await camera.shoot(stranger, name)


async def _thread_ready(agent: Agent) -> None:
    await expect(agent.field).to_be_visible()
    await expect(agent.thread.locator("img").last).to_have_js_property("complete", True)
    # The thread says while it fetches what was earlier.
    await expect(agent.thread.get_by_role("status")).to_have_count(0)


async def test_the_workspace_in_chinese(people: People, chinese: Told) -> None:
    camera = Camera("zh-1440", themes=("dark", "light"))
    await _workspace(people, chinese, camera)
    camera.check()


async def test_the_workspace_in_english_has_no_chinese_left(people: People, english: Told) -> None:
    camera = Camera("en-1440-light", english=True, widths=(1024, 390))
    await _workspace(people, english, camera)
    camera.check()


async def test_the_workspace_on_a_narrow_screen(people: People, chinese: Told) -> None:
    camera = Camera("zh-1024-light")
    agent = await people.agent(chinese.house, path=f"/app/conversations/{chinese.conversation}", viewport={"width": 1024, "height": 768})
    await _thread_ready(agent)
    await camera.shoot(agent.page, "conversation")
    await agent.page.get_by_role("button", name="打开名片").click()
    await expect(agent.page.get_by_role("complementary", name="顾客资料")).to_contain_text("林小满")
    await camera.shoot(agent.page, "conversation-card")
    camera.check()


async def test_the_workspace_on_a_phone_list_conversation_card(people: People, chinese: Told) -> None:
    camera = Camera("zh-390-light")
    base = f"{chinese.house.server.url}/app"
    agent = await people.agent(chinese.house, viewport=PHONE, has_touch=True, is_mobile=True)
    page = agent.page
    await expect(agent.row("林小满").first).to_be_visible()
    await camera.shoot(page, "list")
    # list → conversation → card, and back
    await agent.row("太好了").get_by_role("link").tap()
    await _thread_ready(agent)
    await expect(agent.inbox).to_be_hidden()
    await camera.shoot(page, "conversation")
    await page.get_by_role("button", name="更多", exact=True).tap()
    await expect(page.get_by_role("menuitem", name="结束对话")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="打开名片").tap()
    await expect(page.get_by_role("complementary", name="顾客资料")).to_contain_text("林小满")
    await expect(agent.thread).to_be_hidden()
    await camera.shoot(page, "card")
    await page.get_by_role("button", name="返回对话").tap()
    await page.get_by_role("button", name="返回列表").tap()
    await expect(agent.row("林小满").first).to_be_visible()
    await page.get_by_role("button", name=re.compile("打开个人菜单$")).tap()
    menu = await page.get_by_role("menu").bounding_box()
    assert menu is not None
    assert (menu["x"] >= 0, menu["x"] + menu["width"] <= PHONE["width"]) == (True, True)
    context, _ = await people.context(viewport=PHONE, has_touch=True, is_mobile=True)
    stranger = await context.new_page()
    await stranger.goto(f"{base}/sign-in")
    await expect(stranger.get_by_role("heading", level=1)).to_be_visible()
    await camera.shoot(stranger, "sign-in")
    camera.check()


async def test_an_enterprise_without_conversations_yet(people: People, house: House) -> None:
    camera = Camera("zh-1440-light")
    agent = await people.agent(house)
    await expect(agent.page.get_by_role("heading", name="还没有对话")).to_be_visible()
    await camera.shoot(agent.page, "empty")
    await agent.tab("排队").click()
    await expect(agent.page.get_by_role("heading", name="没有人在等")).to_be_visible()
    await camera.shoot(agent.page, "empty-queue")
    camera.check()
