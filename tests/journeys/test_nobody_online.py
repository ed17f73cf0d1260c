"""A visitor comes when nobody serves."""

from __future__ import annotations

from playwright.async_api import expect

from tests.journeys.conftest import People
from tests.journeys.house import House

NOTICE = "现在没有客服在线。请留言，我们上线后会尽快回复您。"


async def test_a_message_to_an_empty_office_is_kept_until_somebody_is_back(people: People, house: House) -> None:
    # given an agent who has gone
    agent = await people.agent(house)
    await agent.become("离线")
    await expect(agent.inbox.get_by_text("你已离线，不会有新对话分给你。")).to_be_visible()

    # when a visitor comes, then they are told, and can write all the same
    visitor = await people.visitor(house)
    await visitor.sees(NOTICE)
    await visitor.say("明天几点开门？")
    await visitor.sees("已送达")
    assert [one["status"] for one in await house.admin.conversations("queue")] == ["waiting"]

    # when the agent is back, then the message comes by itself, and the notice goes
    await agent.inbox.get_by_role("button", name="上线").click()
    await expect(agent.row("明天几点开门？")).to_contain_text("1 条未读")
    await expect(visitor.log.get_by_text(NOTICE)).to_be_hidden()
    await agent.open("明天几点开门？")
    await agent.answer("十点开门")
    await visitor.sees("十点开门")
