"""The start page: the day so far, who is ahead, and the five first steps of a new enterprise."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import expect

from tests.journeys.conftest import People
from tests.journeys.house import House
from tests.journeys.people import Agent
from tests.journeys.test_screens import PHONE, Camera


async def _home(agent: Agent) -> None:
    await agent.page.get_by_role("navigation", name="主导航").get_by_role("link", name="首页").click()
    await expect(agent.page.get_by_role("heading", name="首页")).to_be_visible()


async def test_the_day_is_counted_and_leads_to_what_it_counts(people: People, house: House) -> None:
    # given an agent who has answered one customer
    agent, visitor = await people.talking(house)
    await agent.answer("您好，请问有什么可以帮您？")
    await visitor.sees("您好，请问有什么可以帮您？")

    # when they look at the start page
    await _home(agent)

    # then their day and the leaderboard say so
    mine = agent.page.get_by_role("region", name="我的今天")
    await expect(mine).to_contain_text(re.compile("正在接待\\s*1"))
    await expect(mine).to_contain_text(re.compile("等我回复\\s*0"))
    leaders = agent.page.get_by_role("region", name="今天的排行")
    await expect(leaders.get_by_role("row").nth(1)).to_contain_text("我")

    # and a number leads to its list
    await mine.get_by_role("link", name="1", exact=True).first.click()
    await expect(agent.inbox).to_be_visible()
    await expect(agent.page).to_have_url(re.compile("/app/conversations$"))


async def test_a_new_enterprise_is_led_and_never_nagged(people: People, house: House) -> None:
    # given the administrator of a new enterprise
    agent = await people.agent(house)
    await _home(agent)
    first = agent.page.get_by_role("region", name="开始使用")
    await expect(first.get_by_role("button", name="把代码放到网站上")).to_be_visible()

    # when the name is used as it is, then that step is done and the next one open
    name = first.get_by_role("button", name="确认企业名称")
    if await name.get_attribute("aria-expanded") == "false":
        await name.click()
    await first.get_by_role("button", name="就用这个名称").click()
    await expect(name).to_contain_text("已完成")

    # when the site is asked for without an address, and with one inside, then it is told
    snippet = first.get_by_role("button", name="把代码放到网站上")
    if await snippet.get_attribute("aria-expanded") == "false":
        await snippet.click()
    await first.get_by_role("button", name="检查", exact=True).click()
    await expect(first.get_by_role("alert")).to_contain_text("请填写要检查的页面地址")
    await first.get_by_role("textbox", name="网站地址").fill("http://10.0.0.1/")
    await first.get_by_role("button", name="检查", exact=True).click()
    await expect(first.get_by_role("status")).to_contain_text("内部网络")

    # when the rest is put away, then it stays away after a reload too
    await first.get_by_role("button", name="全部跳过，不再显示").click()
    await expect(first).to_have_count(0)
    await agent.page.reload()
    await expect(agent.page.get_by_role("region", name="我的今天")).to_be_visible()
    await expect(first).to_have_count(0)

    # and the page of the steps can still be read
    await agent.page.goto(f"{house.server.url}/app/onboarding")
    await expect(agent.page.get_by_text("都完成了")).to_be_visible()


async def test_the_page_in_both_themes_and_languages(people: People, house: House) -> None:
    # given an enterprise that has begun, with a customer who was answered
    agent, visitor = await people.talking(house)
    await agent.answer("您好")
    await visitor.sees("您好")

    # when the start page is looked at, then nothing is wrong with it
    looks: list[tuple[str, str, dict[str, Any]]] = [
        ("zh-CN", "今天的排行", {}),
        ("en", "Today's leaderboard", {}),
        ("zh-CN", "今天的排行", {"viewport": PHONE}),
    ]
    for language, heading, options in looks:
        camera = Camera(f"{language}-{'phone' if options else 'desktop'}", themes=("light", "dark"))
        await house.admin.client.patch("/me", json={"locale": language, "version": (await house.admin.get("/me"))["agent"]["version"]})
        looking = await people.agent(house, path="/app/home", locale=language, **options)
        await expect(looking.page.get_by_role("heading", name=heading)).to_be_visible()
        await camera.shoot(looking.page, "home")
        camera.check()
