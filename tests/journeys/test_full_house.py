"""More visitors than agents can serve at once."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.journeys.conftest import People
from tests.journeys.house import House
from tests.journeys.people import Agent


async def test_a_full_house_queues_the_next_visitor_who_is_served_when_a_place_gets_free(people: People, house: House) -> None:
    # given two agents who may serve one visitor each
    await house.admin.change(f"/agents/{house.admin.id}", max_conversations=1)
    colleague = await house.hire("顾南乔", max_conversations=1)
    first, second = await people.agent(house), await people.agent(house, colleague)

    # when three visitors write
    for number, words in enumerate(("第一位客人", "第二位客人", "第三位客人")):
        visitor = await people.visitor(house)
        await visitor.say(words)
        await visitor.sees("已送达")
        # then the first two have somebody, and the third waits
        await expect(visitor.panel.get_by_role("banner")).to_contain_text("为您接入客服" if number == 2 else re.compile("沈知夏|顾南乔"))

    # and both agents see who waits
    for agent in (first, second):
        await expect(agent.inbox.get_by_role("tab", name="排队")).to_contain_text("1")
        await agent.tab("排队").click()
        await expect(agent.row("第三位客人")).to_be_visible()
        await expect(agent.inbox.get_by_role("tabpanel").get_by_role("listitem")).to_have_count(1)
        await agent.tab("我的").click()

    # when the first agent ends the own conversation
    await first.open(re.compile("第[一二]位客人"))
    await first.end()

    # then the waiting one comes by itself, and waits for nobody else any more
    await expect(first.row("第三位客人")).to_contain_text("1 条未读")
    await expect(second.inbox.get_by_role("tab", name="排队")).to_contain_text("0")
    await second.tab("排队").click()
    await expect(second.inbox.get_by_role("heading", name="没有人在等")).to_be_visible()


async def test_an_agent_takes_by_hand_up_to_the_own_limit(people: People, house: House) -> None:
    # given an agent who takes breaks: one place, nothing comes by itself
    await house.admin.change(f"/agents/{house.admin.id}", max_conversations=1)
    agent = await people.agent(house)
    await agent.become("隐身")
    for words in ("先来的", "后来的"):
        visitor = await people.visitor(house)
        await visitor.say(words)
        await visitor.sees("已送达")

    # when they take the first one by hand
    await agent.tab("排队").click()
    await expect(agent.row("先来的")).to_be_visible()
    await _take(agent, "先来的")

    # then it is theirs and open on the screen
    await agent.sees("先来的")
    await expect(agent.field).to_be_visible()
    await expect(agent.tab("我的")).to_have_attribute("aria-selected", "true")

    # when they take a second one, then they are asked first; if they would rather not, nothing has changed
    await agent.tab("排队").click()
    await _take(agent, "后来的")
    await expect(agent.page.get_by_role("dialog")).to_contain_text("你正在接待 1/1，仍要接待？")
    await agent.page.get_by_role("dialog").get_by_role("button", name="先不接").click()
    await expect(agent.row("后来的")).to_be_visible()
    assert [one["status"] for one in await house.admin.conversations("queue")] == ["waiting"]


async def _take(agent: Agent, words: str) -> None:
    await agent.row(words).get_by_role("button", name=re.compile("^接待")).click()
