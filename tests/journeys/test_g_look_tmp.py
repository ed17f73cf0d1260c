from __future__ import annotations
from playwright.async_api import expect
from tests.journeys.conftest import People
from tests.journeys.desk import opened
from tests.journeys.house import House


async def test_look(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)
    c = (await house.admin.conversations())[0]["id"]
    await house.admin.post(f"/conversations/{c}/evaluation-invitation")
    bar = visitor.panel.get_by_role("status").filter(has_text="请您评价这次服务")
    await expect(bar).to_be_visible()
    await visitor.page.screenshot(path="/tmp/gshots/bar.png")
    await bar.get_by_role("button", name="评价").click()
    await visitor.panel.get_by_text("满意", exact=True).click()
    await visitor.panel.get_by_role("textbox", name="想说的话").fill("回复很快，尺寸也讲得清楚。")
    await visitor.panel.get_by_role("button", name="提交").click()
    await agent.sees("顾客评价：满意")
    await agent.page.screenshot(path="/tmp/gshots/agent.png")
    await agent.page.emulate_media(color_scheme="dark")
    await agent.page.screenshot(path="/tmp/gshots/agent-dark.png")
    await agent.page.goto(f"{house.server.url}/app/settings/rules")
    head = agent.page.get_by_role("heading", name="服务评价")
    await expect(head).to_be_visible()
    await head.scroll_into_view_if_needed()
    await agent.page.screenshot(path="/tmp/gshots/rules-dark.png")
    await agent.page.emulate_media(color_scheme="light")
    await agent.page.screenshot(path="/tmp/gshots/rules.png")
