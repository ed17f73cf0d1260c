"""One visitor in two tabs is one customer; another browser is another."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.journeys.conftest import People
from tests.journeys.house import House
from tests.journeys.people import Visitor


async def test_two_tabs_of_a_visitor_stay_in_step(people: People, house: House) -> None:
    agent = await people.agent(house)
    first = await people.visitor(house)
    await first.say("第一个标签页")
    await agent.open("第一个标签页")

    # when the visitor opens a second tab
    second = Visitor(first.context, await first.context.new_page(), first.watch)
    await second.page.goto(people.address(house, "另一件商品"))
    await second.open()
    # then it shows the same conversation
    await second.sees("第一个标签页")

    # when they write there, then both tabs and the agent have it once
    await second.say("第二个标签页")
    await first.sees("第二个标签页")
    await agent.sees("第二个标签页")
    await agent.answer("两边都看得到")
    for tab in (first, second):
        await tab.sees("两边都看得到")
        assert (await tab.texts())[-3:] == ["第一个标签页", "第二个标签页", "两边都看得到"]

    # and a message withdrawn in one is gone in the other
    own = second.log.locator(".row").filter(has_text="第二个标签页")
    await own.hover()
    await own.get_by_role("button", name="撤回").click()
    await first.sees("您撤回了一条消息")
    assert (await first.texts())[-2:] == ["第一个标签页", "两边都看得到"]


async def test_another_browser_is_another_customer_who_sees_nothing_of_the_first(people: People, house: House) -> None:
    agent = await people.agent(house)
    first, second = await people.visitor(house), await people.visitor(house)
    await first.say("我的订单号是 7781")
    await expect(agent.row("7781")).to_be_visible()
    await second.say("我来看看杯子")
    await expect(agent.row("杯子")).to_be_visible()

    names = [re.findall("访客 [0-9A-F]{5}", text)[0] for text in await agent.inbox.get_by_role("listitem").all_inner_texts()]
    assert len(set(names)) == 2
    await second.sees("已送达")
    assert "7781" not in await second.log.inner_text()

    # and what the agent answers to one, the other does not get
    await agent.open("7781")
    await agent.answer("7781 今天发出")
    await first.sees("7781 今天发出")
    await agent.open("杯子")
    await agent.answer("杯子有现货")
    await second.sees("杯子有现货")
    assert "7781" not in await second.log.inner_text()
