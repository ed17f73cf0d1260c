"""The first ten minutes: a demo shop, a question, an answer."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from tests.journeys.conftest import People
from tests.journeys.house import House
from tests.journeys.people import Agent, Visitor, picture
from tests.journeys.server import Server

pytestmark = pytest.mark.motion

NAMED = re.compile("访客 [0-9A-F]{5}")


@pytest.fixture
async def fresh() -> AsyncIterator[Server]:
    """One that has just been started: the link it prints is a quick one."""
    server = Server()
    try:
        await server.start()
        yield server
    finally:
        server.stop()


async def test_a_newcomer_opens_the_demo_shop_and_is_answered(people: People, fresh: Server) -> None:
    # given an agent who has used the link that the server printed
    context, watch = await people.context()
    agent = Agent(context, await context.new_page(), watch)
    await agent.page.goto(fresh.printed(r"sign in\s+(\S+)"))
    await expect(agent.page.get_by_role("heading", name="还没有对话")).to_be_visible()
    await expect(agent.page).to_have_title("对话 · 洽谈")
    # and a visitor in the demo shop
    context, watch = await people.context(viewport={"width": 1280, "height": 800})
    visitor = Visitor(context, await context.new_page(), watch)
    await visitor.page.goto(f"{fresh.url}/demo/")

    # when the visitor clicks the launcher and writes
    await visitor.open()
    await visitor.say("你好")

    # then the agent sees it at once, without touching anything
    row = agent.row("你好")
    await expect(row).to_contain_text(NAMED)
    await expect(row).to_contain_text("1 条未读")
    await expect(agent.page.get_by_role("navigation", name="主导航")).to_contain_text("1 个待处理")
    await expect(agent.page).to_have_title("(1) 对话 · 洽谈")
    tab = agent.page.locator("link[rel=icon]")
    await expect(tab).to_have_attribute("href", re.compile("^data:image/png;base64,"))
    await expect(visitor.log).to_contain_text("已送达")

    # when the agent opens it, then it is read, here and there
    await agent.open("你好")
    await expect(agent.page).to_have_title("对话 · 洽谈")
    await expect(tab).to_have_attribute("href", re.compile(r"/icon-1-64\.png$"))
    await expect(row).not_to_contain_text("未读")
    await expect(visitor.log).to_contain_text("已读")
    await expect(agent.page.get_by_role("complementary", name="顾客资料")).to_contain_text(NAMED)

    # when the agent answers, then the visitor sees it with name and face, and the agent that it was read
    await agent.answer("您好，请问有什么可以帮您？")
    await visitor.sees("沈知夏说：您好，请问有什么可以帮您？")
    await expect(visitor.panel.get_by_role("heading", name="沈知夏")).to_be_visible()
    await expect(visitor.panel.get_by_role("banner")).to_contain_text("夏")
    await expect(agent.thread).to_contain_text("已读")


async def test_typing_is_seen_on_both_sides_and_the_agent_reads_along(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)

    # when the visitor types, then the agent reads what is not yet sent
    await visitor.field.press_sequentially("雾灰的手冲壶还有", delay=20)
    await expect(agent.page.get_by_role("status").filter(has_text="正在输入")).to_contain_text("雾灰的手冲壶还有")

    # when the agent types, then the visitor sees that, and not what
    await agent.field.press_sequentially("我去看", delay=20)
    await expect(visitor.panel.get_by_label("沈知夏正在输入")).to_be_visible()
    assert "我去看" not in await visitor.log.inner_text()

    # when it is sent, then the preview has gone
    await visitor.field.press("Enter")
    await agent.sees("雾灰的手冲壶还有")
    await expect(agent.page.get_by_role("status").filter(has_text="正在输入")).to_be_hidden()


async def test_pictures_go_both_ways_by_button_and_by_paste(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)

    # when the visitor chooses one and pastes another
    received = agent.thread.get_by_role("button", name=re.compile("发来的图片$"))
    await visitor.choose_picture(picture("壶.png"))
    await expect(received).to_have_count(1)
    await visitor.paste_picture(picture("杯.png", color="#4f6f8f"))
    await expect(visitor.log.get_by_role("button", name="您发的图片")).to_have_count(2)

    # then the agent sees both, and opens them in the viewer
    await expect(received).to_have_count(2)
    await received.first.click()
    viewer = agent.page.get_by_role("dialog", name="查看图片")
    await expect(viewer.get_by_role("status")).to_have_text("1 / 2")
    await expect(viewer.get_by_role("img", name="壶.png")).to_be_visible()
    await agent.page.keyboard.press("ArrowRight")
    await expect(viewer.get_by_role("status")).to_have_text("2 / 2")
    await agent.page.keyboard.press("Escape")
    await expect(viewer).to_be_hidden()

    # and the other way
    received = visitor.log.get_by_role("button", name=re.compile("^沈知夏发来的图片"))
    await agent.choose_picture(picture("现货.png"))
    await expect(received).to_have_count(1)
    await agent.paste_picture(picture("雾灰.png", color="#9aa3a8"))
    await expect(agent.thread.get_by_role("button", name="发出的图片")).to_have_count(2)
    await expect(received).to_have_count(2)
    await received.last.click()
    viewer = visitor.panel.get_by_role("dialog", name="沈知夏发来的图片")
    await expect(viewer.get_by_role("img")).to_be_visible()
    await viewer.get_by_role("button", name="关闭图片").click()
    await expect(viewer).to_be_hidden()


async def test_each_side_withdraws_a_message_of_its_own(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)

    # when the visitor takes a message back
    await visitor.say("电话是 13800000000")
    await agent.sees("电话是 13800000000")
    own = visitor.log.locator(".row").filter(has_text="电话是 13800000000")
    await own.hover()
    await own.get_by_role("button", name="撤回").click()
    # then it has gone on both sides, with a line in its place
    await visitor.sees("您撤回了一条消息")
    await agent.sees("顾客撤回了一条消息")
    assert "13800000000" not in await agent.thread.inner_text() + await visitor.log.inner_text()

    # and the other way
    await agent.answer("发错了的价格")
    await visitor.sees("发错了的价格")
    await agent.act("发错了的价格", "撤回")
    await agent.sees("你撤回了一条消息")
    await visitor.sees("沈知夏撤回了一条消息")
    assert "发错了的价格" not in await agent.thread.inner_text() + await visitor.log.inner_text()


async def test_after_the_end_a_new_message_opens_a_new_conversation_below_the_earlier_one(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)
    first = agent.page.url

    # when the agent ends the conversation
    await agent.end()
    # then both know
    await agent.sees("你结束了对话")
    await expect(agent.page.get_by_text("对话已结束。顾客再发消息会开始新的对话。")).to_be_visible()
    await visitor.sees("发送新消息会开始新的对话。")

    # when the visitor writes again
    await visitor.say("还有一个问题")
    # then it is a new conversation, with the earlier one above
    await expect(agent.row("还有一个问题")).to_contain_text("1 条未读")
    await agent.open("还有一个问题")
    assert agent.page.url != first
    await agent.sees("还有一个问题")
    await agent.sees("这次对话")
    await agent.sees("在吗")
    assert await agent.texts() == ["在吗", "在的", "还有一个问题"]
    assert (await visitor.texts())[-3:] == ["在吗", "在的", "还有一个问题"]


async def test_the_agent_names_the_customer_who_does_not_learn_of_it(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)
    elsewhere = await people.agent(house)
    card = agent.page.get_by_role("complementary", name="顾客资料")

    # when the agent gives the customer a name
    await card.get_by_role("button", name="改名").click()
    await card.get_by_role("textbox", name="顾客姓名").fill("林小满")
    await agent.page.keyboard.press("Enter")

    # then the card, the header and the list have it, on the agent's other screen too
    await expect(card.get_by_role("heading", name="林小满")).to_be_visible()
    await expect(agent.page.get_by_role("region", name="与林小满的对话")).to_be_visible()
    await expect(agent.row("林小满")).to_be_visible()
    await expect(elsewhere.row("林小满")).to_be_visible()

    # and the customer does not
    await visitor.page.reload()
    await visitor.open()
    await visitor.sees("在的")
    assert "林小满" not in await visitor.log.inner_text()
