"""Reloads and broken lines: nothing lost, nothing doubled, nothing forgotten."""

from __future__ import annotations

from playwright.async_api import expect

from tests.journeys.conftest import People
from tests.journeys.house import House
from tests.journeys.line import Line


async def test_a_reload_in_the_middle_loses_and_doubles_nothing_and_keeps_drafts(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)

    # when both are in the middle of a sentence, and reload
    await visitor.field.fill("我想问的还有")
    await agent.field.fill("稍等，我去仓库")
    await visitor.page.reload()
    await agent.page.reload()
    await visitor.open()

    # then everything is there once, and the sentences too
    for side in (agent, visitor):
        await side.sees("在的")
        assert (await side.texts())[-2:] == ["在吗", "在的"]
    await expect(visitor.field).to_have_value("我想问的还有")
    await expect(agent.field).to_have_value("稍等，我去仓库")

    # and the talk goes on
    await visitor.field.press("Enter")
    await agent.sees("我想问的还有")
    await agent.field.press("Enter")
    await visitor.sees("稍等，我去仓库")
    assert await house.admin.texts(await _conversation(house)) == ["在吗", "在的", "我想问的还有", "稍等，我去仓库"]


async def test_the_bar_tells_of_a_lost_line_and_what_was_written_meanwhile_is_sent_once(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)

    # when the network goes
    await agent.context.set_offline(True)
    await visitor.context.set_offline(True)
    # then both are told
    await expect(agent.page.get_by_text("连接断开，正在重连。写的消息会在恢复后发出。")).to_be_visible()
    await expect(visitor.panel.get_by_text("网络断开了，正在重新连接。")).to_be_visible()

    # when they write all the same
    await agent.answer("还在吗")
    await visitor.say("刚才断了")
    await expect(agent.thread).to_contain_text("恢复后发送")
    await expect(visitor.log).to_contain_text("恢复连接后发送")
    # and the network comes back
    await agent.context.set_offline(False)
    await visitor.context.set_offline(False)

    # then both are told, and each message is there once
    await expect(agent.page.get_by_text("连接已恢复")).to_be_visible()
    await agent.sees("刚才断了")
    await visitor.sees("还在吗")
    await expect(agent.page.get_by_text("连接已恢复")).to_be_hidden()
    await expect(visitor.panel.get_by_text("网络断开了")).to_be_hidden()
    stored = await house.admin.texts(await _conversation(house))
    assert sorted(stored) == sorted(["在吗", "在的", "还在吗", "刚才断了"])
    for side in (agent, visitor):
        assert (await side.texts())[-4:] == stored


async def test_an_unsent_message_survives_a_reload_and_is_sent_once(people: People, house: House) -> None:
    agents_line, visitors_line = Line(), Line()
    agent, visitor = await people.talking(house, agents_line=agents_line, visitors_line=visitors_line)

    # when the server cannot be reached, and both write
    await agents_line.cut()
    await visitors_line.cut()
    await expect(agent.page.get_by_text("连接断开，正在重连。")).to_be_visible()
    await expect(visitor.panel.get_by_text("网络断开了，正在重新连接。")).to_be_visible()
    await agent.answer("先写在这里")
    await visitor.say("写了没发出去")

    # and reload the page
    await agent.page.reload()
    await visitor.page.reload()
    await visitor.open()
    # then what was not sent is still there
    await agent.sees("先写在这里")
    await visitor.sees("写了没发出去")
    assert await house.admin.texts(await _conversation(house)) == ["在吗", "在的"]

    # when the server is back, then each is sent once
    agents_line.join()
    visitors_line.join()
    await agent.sees("写了没发出去")
    await visitor.sees("先写在这里")
    await expect(agent.thread).not_to_contain_text("发送中")
    await expect(visitor.log).not_to_contain_text("发送中")
    stored = await house.admin.texts(await _conversation(house))
    assert sorted(stored) == sorted(["在吗", "在的", "先写在这里", "写了没发出去"])
    for side in (agent, visitor):
        assert (await side.texts())[-4:] == stored


async def _conversation(house: House) -> str:
    (only,) = await house.admin.conversations()
    return str(only["id"])
