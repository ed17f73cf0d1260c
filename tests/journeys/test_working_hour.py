"""A working hour of somebody who never touches the mouse."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.journeys.conftest import People
from tests.journeys.desk import put, waiting
from tests.journeys.house import PASSWORD, House
from tests.journeys.keys import NO_MOUSE, Keys
from tests.journeys.people import Agent, Visitor
from tests.journeys.test_replies import plain, write_entry

pytestmark = pytest.mark.motion


async def test_a_working_hour_by_keyboard_alone(people: People, house: House) -> None:
    # given one visitor who is served at once, one who waits, a quick reply, a tag, and a colleague who comes later
    await house.admin.change(f"/agents/{house.admin.id}", max_conversations=1)
    await put(house, "/routing/transfers", ask=False)
    colleague = await house.hire("Gu Nanqiao", role="admin", max_conversations=5)
    await write_entry(house.admin, "delivery time", plain("16:00 前付款当天发出"))
    await house.admin.post("/tags", {"kind": "customer", "name": "regular"})
    context, watch = await people.context()
    await context.add_init_script(NO_MOUSE)
    agent = Agent(context, await context.new_page(), watch)
    keys = Keys(agent.page)

    # they sign in
    await agent.page.goto(f"{house.server.url}/app/")
    await keys.to(agent.page.get_by_label("邮箱"))
    await keys.write(house.admin.email)
    await keys.to(agent.page.get_by_label("密码", exact=True))
    await keys.write(PASSWORD)
    await keys.press("Enter")
    await expect(agent.inbox).to_be_visible()
    served, waits = await _two(people, house, agent)

    await _take(agent, keys)
    await _serve(agent, keys, waits)
    await people.agent(house, colleague)
    await _hand_over(agent, keys, waits)
    await _finish(agent, keys, served)
    await _settings(agent, keys, house)
    await keys.used_no_mouse()


async def _two(people: People, house: House, agent: Agent) -> tuple[Visitor, Visitor]:
    served = await people.visitor(house)
    await served.say("壶嘴会滴水吗")
    await expect(agent.row("壶嘴会滴水吗")).to_be_visible()
    waits = await people.visitor(house)
    await waits.say("什么时候发货")
    await expect(agent.tab("排队")).to_contain_text("1")
    return served, waits


async def _take(agent: Agent, keys: Keys) -> None:
    """From the queue, beyond the own maximum."""
    await keys.to(agent.tab("我的"))
    await keys.press("ArrowRight")
    await expect(agent.tab("排队")).to_be_focused()
    if await agent.tab("排队").get_attribute("aria-selected") != "true":
        await keys.press("Enter")
    await expect(waiting(agent)).to_have_count(1)
    await keys.to(agent.row("什么时候发货").get_by_role("button", name=re.compile("^接待")))
    await keys.press("Enter")
    dialog = agent.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("你正在接待 1/1，仍要接待？")
    await keys.to(dialog.get_by_role("button", name="仍要接待"))
    await keys.press("Enter")
    await expect(agent.field).to_be_focused()


async def _serve(agent: Agent, keys: Keys, visitor: Visitor) -> None:
    """An answer, a quick reply, a note that calls a colleague, a tag on the customer."""
    await keys.write("hello")
    await keys.press("Enter")
    await visitor.sees("hello")

    await keys.write("#deliv")
    await expect(agent.page.get_by_role("listbox", name="快捷回复").get_by_role("option").first).to_be_visible()
    await keys.press("Enter")
    await visitor.sees("16:00 前付款当天发出")

    await keys.press("Control+Shift+M")
    note = agent.page.get_by_role("textbox", name="内部备注")
    await expect(note).to_be_focused()
    await keys.write("@Gu")
    await expect(agent.page.get_by_role("option", name=re.compile("Gu Nanqiao"))).to_be_visible()
    await keys.press("Enter")
    await keys.write("please send it today")
    await keys.press("Enter")
    await expect(agent.thread.locator(".memo")).to_contain_text("please send it today")
    await expect(visitor.log.get_by_text("please send it today")).to_have_count(0)
    await keys.press("Control+Shift+M")
    await expect(agent.field).to_be_focused()

    await keys.press("Escape", "g")
    pick = agent.page.get_by_role("group", name="给顾客加标签").get_by_role("combobox")
    await expect(pick).to_be_focused()
    await keys.write("regular")
    await expect(agent.page.get_by_role("option", name="regular")).to_be_visible()
    await keys.press("Enter")
    await expect(agent.page.get_by_role("option", name="regular")).to_have_attribute("aria-selected", "true")
    await keys.press("Escape")
    await expect(pick).to_be_hidden()
    await expect(agent.page.get_by_role("complementary").get_by_text("regular")).to_be_visible()


async def _hand_over(agent: Agent, keys: Keys, visitor: Visitor) -> None:
    """Transfer to the colleague who has come."""
    await keys.press("t")
    dialog = agent.page.get_by_role("dialog")
    there = dialog.get_by_role("radio", name=re.compile("Gu Nanqiao"))
    await keys.to(there)
    await keys.press("Space")
    await expect(there).to_be_checked()
    await keys.to(dialog.get_by_role("textbox").last)
    await keys.write("for you")
    await keys.to(dialog.get_by_role("button", name="转接"))
    await keys.press("Enter")
    await expect(dialog).to_be_hidden()
    await visitor.sees("Gu Nanqiao")


async def _finish(agent: Agent, keys: Keys, visitor: Visitor) -> None:
    """Find the other one by what was written, answer, end it."""
    await keys.press("/")
    search = agent.page.get_by_role("textbox", name="查找对话")
    await expect(search).to_be_focused()
    await keys.write("壶嘴")
    await keys.to(agent.row("壶嘴会滴水吗").first.get_by_role("link"))
    await keys.press("Enter")
    await agent.sees("壶嘴会滴水吗")
    await keys.press("i")
    await expect(agent.field).to_be_focused()
    await keys.write("it does not drip")
    await keys.press("Enter")
    await visitor.sees("it does not drip")
    await keys.press("Escape", "e")
    ending = agent.page.get_by_role("dialog").get_by_role("button", name="结束对话")
    await keys.to(ending)
    await keys.press("Enter")
    await visitor.sees("对话已结束")
    await expect(agent.page.get_by_role("dialog")).to_have_count(0)  # while it fades, keys are still its own


async def _settings(agent: Agent, keys: Keys, house: House) -> None:
    """To the own page through the palette, change how messages are sent, and go home."""
    page = agent.page
    await keys.press("Control+k")
    asked = page.get_by_role("dialog", name="命令面板").get_by_role("combobox")
    await expect(asked).to_be_focused()
    await keys.write("个人资料")
    await expect(page.get_by_role("option").first).to_contain_text("个人资料")
    await keys.press("Enter")
    await expect(page).to_have_url(f"{house.server.url}/app/settings/profile")
    mode = page.get_by_role("button", name="Ctrl+Enter 发送")
    await keys.to(mode, most=120)
    await keys.press("Enter")
    await expect(mode).to_have_attribute("aria-pressed", "true")
    assert (await house.admin.get("/me/preferences"))["settings"]["send_mode"] == "mod_enter"

    menu = page.get_by_role("button", name=re.compile("打开个人菜单$"))
    await keys.to(menu, most=160, back=True)
    await keys.press("Enter")
    await expect(page.get_by_role("menuitem").first).to_be_focused()
    await keys.press("ArrowUp")
    await expect(page.get_by_role("menuitem", name="退出登录")).to_be_focused()
    await keys.press("Enter")
    await expect(page.get_by_label("密码", exact=True)).to_be_visible()
