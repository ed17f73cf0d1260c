"""The screens of less happy moments, photographed and audited: nothing loads, the line is lost, a right is missing, a link is used up."""

from __future__ import annotations

import re

from playwright.async_api import Page, Route, expect

from tests.journeys.conftest import People
from tests.journeys.house import House
from tests.journeys.line import Line
from tests.journeys.test_screens import Camera

BROKEN = '{"error": {"code": "internal", "message": "Something went wrong.", "request_id": "7c1e204b9f3d"}}'


async def test_what_did_not_load_says_so_where_it_belongs_and_can_be_tried_again(people: People, house: House) -> None:
    camera = Camera("zh-1440", themes=("dark", "light"))
    visitor = await people.visitor(house)
    agent = await people.agent(house)
    # when the messages do not load, ahead or at the click
    await _break(agent.page, "**/api/v1/conversations/*/messages*")
    await visitor.say("在吗")
    await expect(agent.row("在吗")).to_be_visible()
    await agent.row("在吗").get_by_role("link").click()
    await expect(agent.page.get_by_role("heading", name="这段对话没有加载出来")).to_be_visible()
    await expect(agent.row("在吗")).to_be_visible()
    # and who the customer is can be told without them
    await expect(agent.page.get_by_role("complementary", name="顾客资料").get_by_text("首次到访")).to_be_visible()
    await camera.shoot(agent.page, "failed-thread")
    # then another try brings them
    await agent.page.unroute_all()
    await agent.page.get_by_role("button", name="重试").click()
    await agent.sees("在吗")

    # when the list does not load
    await _break(agent.page, "**/api/v1/conversations?*")
    await agent.page.goto(f"{house.server.url}/app/conversations")
    await expect(agent.page.get_by_role("heading", name="对话没有加载出来")).to_be_visible()
    # then nobody is told that there are none
    await expect(agent.page.get_by_text("现在没有对话")).to_have_count(0)
    await camera.shoot(agent.page, "failed-list")
    await agent.page.unroute_all()
    await agent.page.reload()
    await expect(agent.row("在吗")).to_be_visible()
    # and an empty list beside it is no reason to say that there are no conversations
    await agent.tab("排队").click()
    await expect(agent.page.get_by_role("heading", name="现在没有人排队")).to_be_visible()
    await expect(agent.page.get_by_text("你正在接待的 1 个对话在「我的」里。")).to_be_visible()
    camera.check()


async def test_a_lost_line_is_told_in_a_thin_bar(people: People, house: House) -> None:
    camera = Camera("zh-1440-light")
    agents_line, visitors_line = Line(), Line()
    agent, visitor = await people.talking(house, agents_line=agents_line, visitors_line=visitors_line)
    await agents_line.cut()
    await visitors_line.cut()
    await agent.answer("还没发出去的")
    await visitor.say("我这边断了")
    await expect(agent.page.get_by_text("连接断开，正在重连。")).to_be_visible()
    await expect(visitor.panel.get_by_text("网络断开了，正在重新连接。")).to_be_visible()
    await camera.shoot(agent.page, "line-lost")
    await camera.shoot(visitor.page, "widget-line-lost")
    camera.check()


async def test_who_lacks_a_right_and_who_comes_too_late_is_told(people: People, house: House) -> None:
    camera = Camera("zh-1440-light")
    agent = await people.agent(house, await house.hire("顾南乔"), path="/app/settings/web")
    await expect(agent.page.get_by_role("heading", name="你没有查看这一页的权限")).to_be_visible()
    await camera.shoot(agent.page, "no-permission")
    context, _ = await people.context()
    late = await context.new_page()
    for path in ("invitation", "link"):
        await late.goto(f"{house.server.url}/app/{path}#token={'x' * 43}")
        await expect(late.get_by_role("heading", name=re.compile("已失效$"))).to_be_visible()
        await camera.shoot(late, f"{path}-expired")
    camera.check()


async def _break(page: Page, address: str) -> None:
    async def fail(route: Route) -> None:
        await route.fulfill(status=500, content_type="application/json", body=BROKEN)

    await page.route(address, fail)
