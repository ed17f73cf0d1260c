"""The widget's screens, photographed and audited, and the demo shop around it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Route, expect

from tests.journeys.conftest import People
from tests.journeys.house import House, house_of
from tests.journeys.people import Visitor, picture
from tests.journeys.server import Server
from tests.journeys.story import CHINESE, ENGLISH, Words
from tests.journeys.test_screens import PHONE, Camera

LOCALES = {"zh": ("zh-CN", CHINESE), "en": ("en-US", ENGLISH)}


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_widget_on_a_desktop(people: People, server: Server, language: str) -> None:
    locale, words = LOCALES[language]
    camera = Camera(f"{language}-1280", english=language == "en")
    async with house_of(server, name=words.enterprise, admin=words.admin) as house:
        await house.dress(**words.settings)
        # nobody online
        visitor = await _at(people, server, house, words, locale)
        await camera.shoot(visitor.page, "widget-closed")
        await visitor.open()
        await visitor.sees(house.channel["settings"]["offline_text"])
        await camera.shoot(visitor.page, "widget-offline")
        # somebody is, and they talk
        await _talk(people, house, visitor, words, locale)
        await camera.shoot(visitor.page, "widget")
        await visitor.log.get_by_role("button").filter(has=visitor.panel.locator("img")).first.click()
        await expect(visitor.panel.get_by_role("dialog").get_by_role("img")).to_be_visible()
        await camera.shoot(visitor.page, "widget-viewer")
    camera.check()


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_widget_on_a_phone(people: People, server: Server, language: str) -> None:
    locale, words = LOCALES[language]
    camera = Camera(f"{language}-390", english=language == "en")
    async with house_of(server, name=words.enterprise, admin=words.admin) as house:
        await house.dress(**words.settings)
        visitor = await _at(people, server, house, words, locale, viewport=PHONE, has_touch=True, is_mobile=True)
        await camera.shoot(visitor.page, "widget-closed")
        await visitor.open()
        await _talk(people, house, visitor, words, locale)
        await camera.shoot(visitor.page, "widget")
        # Back closes the panel, not the page
        address = visitor.page.url
        await visitor.page.go_back()
        await expect(visitor.field).to_be_hidden()
        assert visitor.page.url == address
    camera.check()


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_widget_of_somebody_who_waits(people: People, server: Server, language: str) -> None:
    locale, words = LOCALES[language]
    camera = Camera(f"{language}-1280", english=language == "en")
    async with house_of(server, name=words.enterprise, admin=words.admin) as house:
        await house.dress(**words.settings)
        # given one agent with one place, which is taken
        await house.admin.change(f"/agents/{house.admin.id}", max_conversations=1)
        agent = await people.agent(house, locale=locale)
        served = await people.visitor(house, locale=locale)
        await served.say("1")
        await agent.open("1")
        # when others come, then they are told their place, and what they write is kept
        first = await people.visitor(house, locale=locale)
        await first.say("2")
        await expect(first.panel.get_by_text(re.compile("第|Number")).first).to_be_visible()
        visitor = await _at(people, server, house, words, locale)
        await visitor.open()
        question = next(text for who, text in words.talk if who != "agent")
        await visitor.say(question)
        place = visitor.panel.get_by_role("heading", level=2)
        await expect(place).to_have_text(re.compile(r"2"))
        await expect(visitor.log.get_by_text(re.compile("已送达|Delivered")).last).to_be_visible()
        await camera.shoot(visitor.page, "widget-queue")
        # and the place survives a reload
        await visitor.page.reload()
        await visitor.open()
        await expect(place).to_have_text(re.compile(r"2"))
        # when who stands before them leaves, then they move up
        await first.panel.get_by_role("button", name=re.compile("改为留言|Leave a message")).click()
        await expect(first.panel.get_by_role("heading", level=2)).to_have_text(re.compile("已收到您的留言|We have your message"))
        await expect(place).to_have_text(re.compile(r"1"))
        # when they leave a message themselves, then they are told that it is kept
        await visitor.panel.get_by_role("button", name=re.compile("改为留言|Leave a message")).click()
        await expect(place).to_have_text(re.compile("已收到您的留言|We have your message"))
        await camera.shoot(visitor.page, "widget-message")
    camera.check()


async def test_the_demo_shop(people: People, server: Server) -> None:
    camera = Camera("zh-1440")
    context, _ = await people.context()
    page = await context.new_page()
    for name in ("index", "mug", "kettle", "mat"):
        await page.goto(f"{server.url}/demo/{name}.html")
        await expect(page.get_by_role("button", name="在线客服")).to_be_visible()
        await camera.shoot(page, f"shop-{name}")
    camera.check()


async def _at(people: People, server: Server, house: House, words: Words, locale: str, **options: Any) -> Visitor:
    """A visitor in the demo shop, dressed as a shop of this house: its pages with the house's own key in their snippet."""
    size: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, **options}
    if words is ENGLISH:
        return await people.visitor(house, address=f"{people.address(house, words.page)}&lang=en", opened=False, locale=locale, **size)
    context, watch = await people.context(locale=locale, **size)

    async def own_key(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, body=re.sub(r'data-channel="[^"]*"', f'data-channel="{house.key}"', await answer.text()))

    await context.route(re.compile(r"/demo/\w+\.html$"), own_key)
    visitor = Visitor(context, await context.new_page(), watch)
    await visitor.page.goto(f"{server.url}/demo/kettle.html")
    return visitor


async def _talk(people: People, house: House, visitor: Visitor, words: Words, locale: str) -> None:
    agent = await people.agent(house, locale=locale)
    lines = iter(words.talk)
    _, first = next(lines)
    await visitor.say(first)
    await agent.open(first)
    for who, text in lines:
        if who == "agent":
            await agent.answer(text)
            await visitor.sees(text)
        elif who == "picture":
            await visitor.choose_picture(picture())
            # What is written next does not wait for a picture that is still going up.
            await expect(agent.thread.locator("img")).to_have_count(1)
        else:
            await visitor.say(text)
            await agent.sees(text)
    await expect(visitor.log.get_by_text(re.compile("已读|Read|Seen")).last).to_be_visible()
