"""The server dies without a word, and comes back."""

from __future__ import annotations

from playwright.async_api import expect

from tests.journeys.conftest import People
from tests.journeys.house import House
from tests.journeys.server import Server


async def test_a_killed_server_costs_no_message_and_no_reload(people: People, house: House, server: Server) -> None:
    # given a conversation
    agent, visitor = await people.agent(house), await people.visitor(house)
    await visitor.say("开头")
    await agent.open("开头")
    await agent.answer("收到开头")
    await visitor.sees("收到开头")

    # when the server is killed while both keep their pages open and go on writing
    server.kill()
    await expect(agent.page.get_by_text("连接断开，正在重连。")).to_be_visible()
    await expect(visitor.panel.get_by_text("网络断开了，正在重新连接。")).to_be_visible()
    for number in range(1, 4):
        await visitor.say(f"顾客 {number}")
        await agent.answer(f"客服 {number}")
    await server.start()

    # then both pages come back by themselves, and every message is there once
    for number in range(1, 4):
        await agent.sees(f"顾客 {number}")
        await visitor.sees(f"客服 {number}")
    await expect(visitor.log).not_to_contain_text("恢复连接后发送")
    await expect(agent.thread).not_to_contain_text("恢复后发送")
    await expect(agent.page.get_by_text("连接断开")).to_be_hidden()

    # and it goes on
    await visitor.say("继续")
    await agent.sees("继续")
    await agent.answer("好的")
    await visitor.sees("好的")

    # and both sides show what the server keeps, in its order
    (conversation,) = await house.admin.conversations()
    stored = await house.admin.texts(conversation["id"])
    written = ["开头", "收到开头", *(f"{who} {number}" for number in range(1, 4) for who in ("顾客", "客服")), "继续", "好的"]
    assert sorted(stored) == sorted(written)
    for who in ("顾客", "客服"):
        assert [text for text in stored if text.startswith(f"{who} ")] == [f"{who} {number}" for number in range(1, 4)]
    assert await agent.texts() == stored
    assert (await visitor.texts())[-len(stored) :] == stored
