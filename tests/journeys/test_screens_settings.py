"""Every page of the settings and what opens on it, photographed, measured and audited: both languages, every width, light and dark.

A page is opened once in each language and then looked at as it stands in each size; what one language is looked at in light, the other is in dark.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, ViewportSize, expect

from tests.journeys.audit import axe, chinese_words, drawn, misfits, photograph
from tests.journeys.conftest import People
from tests.journeys.house import House, house_of
from tests.journeys.office import CHINESE_RULES, ENGLISH_RULES, furnish, serve, sort
from tests.journeys.server import Server
from tests.journeys.story import CHINESE, ENGLISH, tell
from tests.journeys.test_screens import LANGUAGE_NAMES, Theme

SIZES: Final[dict[int, ViewportSize]] = {
    1440: {"width": 1440, "height": 900},
    1024: {"width": 1024, "height": 768},
    390: {"width": 390, "height": 844},
}
THEMES: Final[dict[str, dict[int, Theme]]] = {
    "zh": {1440: "dark", 1024: "light", 390: "light"},
    "en": {1440: "light", 1024: "dark", 390: "dark"},
}
# What axe finds hardly depends on the language: each width is looked at whole in one of them, and for its colours in the other.
WHOLE: Final = {"zh": 1440, "en": 390}
COLOURS: Final = {"zh": 390, "en": 1440}
KEPT = "官网"
"""What the server once named in Chinese, and now stands in its records."""

Step = Callable[[Page], Coroutine[Any, Any, None]]


def _press(name: str) -> Step:
    async def press(page: Page) -> None:
        await page.get_by_role("button", name=re.compile(f"^({name})$")).first.click()
        await expect(page.get_by_role("dialog")).to_be_visible()

    return press


async def _open_rule(page: Page) -> None:
    await page.locator(".rules li").nth(1).get_by_role("button").last.click()


async def _choose_options(page: Page) -> None:
    await _press("新建字段|New field")(page)
    await page.get_by_role("button", name=re.compile("^(单选|Choice)$")).click()


async def _name_anew(page: Page) -> None:
    await page.get_by_role("textbox", name=re.compile("^(企业名称|Company name)$")).fill("Pine")
    await expect(page.get_by_role("button", name=re.compile("^(保存|Save)$"))).to_be_visible()


PEOPLE: Final[dict[str, tuple[Step, ...]]] = {
    "profile": (),
    "own-security": (_press("重新生成|Make new ones"),),
    "enterprise": (_name_anew,),
    "agents": (_press("邀请客服|Invite"), _press("新建分组|New group")),
    "agents/{agent}": (_press("停用|Disable"),),
    "roles": (_press("新角色|New role"),),
    "roles/{role}": (_press("改名|Rename"),),
    "security": (),
    "sso": (),
}
SERVICE: Final[dict[str, tuple[Step, ...]]] = {
    "web": (_press("新建|New"),),
    "assignment": (_open_rule,),
    "rules": (),
    "queue": (),
    "hours": (_press("导入文件|Import a file"),),
    "replies": (_press("导入|Import"),),
    "attendance": (),
}
RECORDS: Final[dict[str, tuple[Step, ...]]] = {
    "tags": (_press("新建标签|New tag"),),
    "customer-fields": (_choose_options,),
    "blacklist": (),
    "api-keys": (_press("新建密钥|New key"),),
    "audit": (),
    "system": (),
}


@dataclass
class Office:
    """An enterprise that was set up in one language."""

    house: House
    language: str
    role: str
    found: list[str] = field(default_factory=list)

    @property
    def locale(self) -> str:
        return {"zh": "zh-CN", "en": "en-US"}[self.language]

    async def look(self, page: Page, name: str) -> None:
        """The page as it stands, in each size."""
        for width, size in SIZES.items():
            shot = f"settings-{name}-{self.language}-{width}"
            await page.set_viewport_size(size)
            await page.emulate_media(color_scheme=THEMES[self.language][width])
            await expect(page.locator("[aria-busy=true]")).to_have_count(0)
            await drawn(page)
            wrong = await misfits(page)
            if width in (WHOLE[self.language], COLOURS[self.language]):
                wrong += await axe(page, only_colours=width == COLOURS[self.language])
            if self.language == "en":
                wrong += [f"Chinese: {one}" for one in await chinese_words(page, *LANGUAGE_NAMES) if KEPT not in one]
            self.found += [f"{shot}: {one}" for one in wrong]
            await photograph(page, shot, wrong=wrong != [])
        await page.set_viewport_size(SIZES[1440])

    async def walk(self, page: Page, rooms: dict[str, tuple[Step, ...]]) -> None:
        """Each page, and what opens on it; what was opened is closed, what was typed is left behind with the page."""
        for path, steps in rooms.items():
            address = path.format(agent=self.house.members[1].id, role=self.role)
            name = path.replace("/", "-").replace("{", "").replace("}", "")
            for number, step in enumerate((None, *steps)):
                if number != 1:
                    await self._turn_to(page, address)
                if step is not None:
                    await step(page)
                await self.look(page, f"{name}-{number}" if number else name)

    async def _turn_to(self, page: Page, address: str) -> None:
        """By the link in the list, once the dialog that stands open is closed; where something else is left behind, or no link leads there, by its address."""
        wanted = f"/app/settings/{address}"
        dialog = page.get_by_role("dialog")
        if await dialog.count():
            await page.keyboard.press("Escape")
            await expect(dialog).to_have_count(0)
        link = page.locator(f"a[href='{wanted}']").first
        if await page.get_by_role("button", name=re.compile("^(保存|Save)$")).count() or not await link.count():
            await page.goto(f"{self.house.server.url}{wanted}")
        elif urlsplit(page.url).path != wanted:
            await link.click()
            await page.wait_for_url(f"**{wanted}**")
        await expect(page.get_by_role("heading", level=1).last).to_be_visible()
        await expect(page.locator("[aria-busy=true]")).to_have_count(0)

    def check(self) -> None:
        found, self.found = self.found, []
        assert found == [], "\n".join(found)


@pytest.fixture(scope="module", params=["zh", "en"])
async def office(request: pytest.FixtureRequest, server: Server) -> AsyncIterator[Office]:
    language: str = request.param
    words, rules = (CHINESE, CHINESE_RULES) if language == "zh" else (ENGLISH, ENGLISH_RULES)
    async with house_of(server, name=words.enterprise, admin=words.admin) as house:
        if language == "en":
            answer = await house.admin.client.patch("/me", json={"locale": "en", "version": house.admin.me["agent"]["version"]})
            assert answer.status_code == 200
        await tell(house, words)
        await serve(house, rules)
        await sort(house, rules)
        yield Office(house, language, await furnish(house, rules))


@pytest.mark.parametrize("rooms", [PEOPLE, SERVICE, RECORDS], ids=["people", "service", "records"])
async def test_the_settings_fit_in_every_size(people: People, office: Office, rooms: dict[str, tuple[Step, ...]]) -> None:
    agent = await people.agent(office.house, path="/app/settings/profile", locale=office.locale)
    await office.walk(agent.page, rooms)
    office.check()


async def test_trying_and_simulating_fit_in_every_size(people: People, office: Office) -> None:
    agent = await people.agent(office.house, path="/app/settings/assignment", locale=office.locale, viewport=SIZES[1024])
    page = agent.page
    await page.get_by_role("button", name=re.compile("^(试算|Try)$")).click()
    await expect(page.get_by_role("dialog").get_by_role("list").first).to_be_visible()
    await office.look(page, "trial")
    await page.get_by_role("button", name=re.compile("模拟一段流量|Simulate traffic")).click()
    drawer = page.get_by_role("dialog", name=re.compile("模拟|Simulation"))
    await drawer.get_by_role("button", name=re.compile("开始模拟|Start")).click()
    await expect(drawer.locator("canvas")).to_be_visible()
    await office.look(page, "simulation")
    office.check()


async def test_the_settings_of_a_colleague_as_they_see_them(people: People, office: Office) -> None:
    agent = await people.agent(office.house, locale=office.locale)
    grant = await office.house.admin.post(f"/agents/{office.house.members[1].id}/view-as")
    tab = await agent.context.new_page()
    await tab.goto(f"{office.house.server.url}/app/settings/agents/{office.house.members[1].id}#view={grant['token']}")
    await expect(tab.get_by_role("spinbutton")).to_be_disabled()
    await office.look(tab, "view-as")
    office.check()


async def test_the_settings_on_a_phone_begin_with_their_list(people: People, office: Office) -> None:
    agent = await people.agent(
        office.house, path="/app/settings", locale=office.locale, viewport=SIZES[390], has_touch=True, is_mobile=True
    )
    page = agent.page
    await page.get_by_role("link", name=re.compile("^(登录限制|Sign-in limits)$")).tap()
    await expect(page.get_by_role("heading", name=re.compile("^(登录限制|Sign-in limits)$"))).to_be_visible()
    # the log stands beside the rules on a wide screen, and behind them here
    await page.get_by_role("button", name=re.compile("^(登录日志|Login log)$")).tap()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    await office.look(page, "login-log")
    await page.set_viewport_size(SIZES[390])
    await page.get_by_role("link", name=re.compile("^(返回|Back)$")).first.tap()
    await expect(page.get_by_role("link", name=re.compile("^(登录限制|Sign-in limits)$"))).to_be_visible()
    office.check()
