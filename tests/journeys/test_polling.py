"""Where no WebSocket gets through, long polling carries the same story."""

from __future__ import annotations

from playwright.async_api import expect

from tests.journeys.conftest import People
from tests.journeys.house import House
from tests.journeys.line import BLOCKED


async def test_without_websockets_visitor_and_agent_talk_by_long_polling(people: People, house: House) -> None:
    # given two networks that let no WebSocket through
    agent = await people.agent(house, script=BLOCKED)
    visitor = await people.visitor(house, script=BLOCKED)

    # when the visitor writes, then the agent sees it without touching anything
    await visitor.say("公司网络拦了长连接")
    await expect(agent.row("公司网络拦了长连接")).to_contain_text("1 条未读")
    await agent.open("公司网络拦了长连接")
    await visitor.sees("已读")

    # and back, typing included
    await agent.field.press_sequentially("没关系", delay=20)
    await expect(visitor.panel.get_by_label("沈知夏正在输入")).to_be_visible()
    await agent.field.press("Enter")
    await visitor.sees("没关系")
    await expect(agent.thread).to_contain_text("已读")

    # when the agent takes it back and ends
    await agent.act("没关系", "撤回")
    await visitor.sees("沈知夏撤回了一条消息")
    await agent.end()
    # then the visitor knows, and may begin anew
    await visitor.sees("发送新消息会开始新的对话。")
    await visitor.say("再问一句")
    await expect(agent.row("再问一句")).to_contain_text("1 条未读")
