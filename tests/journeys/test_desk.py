"""The desk by keyboard: the palette, the keys and their overview, keys of one's own, and how a message is sent."""

from __future__ import annotations

import asyncio
import re

from playwright.async_api import Locator, Route, ViewportSize, expect

from tests.journeys.conftest import DESKTOP, People
from tests.journeys.house import House
from tests.journeys.people import Agent
from tests.journeys.test_screens import PHONE, Camera


def palette(agent: Agent) -> Locator:
    return agent.page.get_by_role("dialog", name="命令面板")


async def test_the_palette_reaches_pages_settings_conversations_and_actions(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)
    await visitor.say("蓝色的茶壶还有吗")
    await agent.sees("蓝色的茶壶还有吗")
    page = agent.page

    # when it is opened while writing, nothing that was written is lost
    await agent.field.fill("还没写完")
    await agent.field.press("Control+k")
    asked = palette(agent).get_by_role("combobox")
    await expect(asked).to_be_focused()
    await expect(palette(agent).get_by_role("group", name="我的对话").get_by_role("option")).to_have_count(1)

    # then a setting is found by what its page holds
    await asked.fill("两步")
    await expect(palette(agent).get_by_role("option").first).to_contain_text("登录安全")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{house.server.url}/app/settings/own-security")
    await expect(palette(agent)).to_have_count(0)

    # and the conversation from there, with what was being written
    await page.keyboard.press("Control+k")
    await asked.fill("茶壶")
    await expect(palette(agent).get_by_role("option").filter(has_text="蓝色的茶壶还有吗").first).to_be_visible()
    await page.keyboard.press("Enter")
    await agent.sees("蓝色的茶壶还有吗")
    await expect(agent.field).to_have_value("还没写完")

    # and an action, which opens its dialog
    await page.keyboard.press("Control+k")
    await asked.fill("结束对话")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog").get_by_role("button", name="结束对话")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)

    # and what is not there is said
    await page.keyboard.press("Control+k")
    await asked.fill("没有这种东西")
    await expect(palette(agent).get_by_text("没有找到「没有这种东西」")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(palette(agent)).to_have_count(0)


async def test_what_is_typed_before_the_palette_has_its_list_is_kept_and_enter_goes_there(people: People, house: House) -> None:
    agent, _ = await people.talking(house)
    page = agent.page
    arrived = asyncio.Event()

    async def late(route: Route) -> None:
        await arrived.wait()
        await route.continue_()

    # given an agent who writes, and a line on which the palette's list takes its time
    await page.route("**/PaletteList-*.js", late)
    await agent.field.fill("还没写完")
    await agent.field.press("Control+k")
    await expect(palette(agent).get_by_role("combobox")).to_be_focused()
    # when a page is named and gone to without waiting
    await page.keyboard.type("登录安全")
    await page.keyboard.press("Enter")
    await expect(agent.field).to_have_value("还没写完")
    arrived.set()

    # then that page comes, and nothing went to the customer
    await expect(page).to_have_url(f"{house.server.url}/app/settings/own-security")
    (mine,) = await house.admin.conversations()
    assert await house.admin.texts(mine["id"]) == ["在吗", "在的"]


async def test_the_palette_puts_a_quick_reply_into_the_input_and_narrows_the_list_to_a_tag(people: People, house: House) -> None:
    document = {"blocks": [{"kind": "paragraph", "align": "left", "spans": [{"text": "16:00 前付款当天发出"}]}]}
    await house.admin.post("/replies", {"owner": "enterprise", "group_id": None, "title": "发货时间", "document": document})
    tag = await house.admin.post("/tags", {"kind": "conversation", "name": "加急单"})
    other = await people.visitor(house)
    await other.say("别的事")
    agent, _ = await people.talking(house)
    (mine,) = [one for one in await house.admin.conversations() if one["last"]["preview"] == "在的"]
    await house.admin.client.put(f"/conversations/{mine['id']}/tags", json={"tag_ids": [tag["id"]]})
    page = agent.page
    await expect(agent.inbox.get_by_role("listitem")).to_have_count(2)

    # a reply by its title
    await page.keyboard.press("Control+k")
    await page.keyboard.type("发货时间")
    await palette(agent).get_by_role("group", name="快捷回复").get_by_role("option", name="发货时间").click()
    await expect(agent.field).to_have_value("16:00 前付款当天发出")

    # a tag by its name
    await page.keyboard.press("Control+k")
    await page.keyboard.type("加急单")
    await palette(agent).get_by_role("group", name="标签").get_by_role("option", name="加急单").click()
    await expect(agent.inbox.get_by_role("listitem")).to_have_count(1)
    await expect(agent.row("别的事")).to_have_count(0)
    await expect(agent.field).to_have_value("16:00 前付款当天发出")


async def test_a_question_and_a_menu_keep_the_keyboard_and_give_it_back(people: People, house: House) -> None:
    agent, _ = await people.talking(house)
    page = agent.page
    end = page.get_by_role("button", name="结束对话", exact=True)
    inside = "(element) => element.contains(document.activeElement)"

    # a question: Tab and Shift+Tab stay in it, Escape takes it away and does nothing
    for way in ("Tab", "Shift+Tab"):
        await end.focus()
        await page.keyboard.press("Enter")
        asked = page.get_by_role("dialog")
        await expect(asked.get_by_role("button", name="取消")).to_be_visible()
        for _ in range(4):
            await page.keyboard.press(way)
            assert await asked.evaluate(inside), f"{way} leads out of the question"
        await page.keyboard.press("Escape")
        await expect(asked).to_have_count(0)
        await expect(end).to_be_focused()
    (mine,) = await house.admin.conversations()
    assert mine["status"] == "active"

    # a menu: arrows walk in a circle, Escape and Tab close it
    opener = page.get_by_role("button", name=re.compile("打开个人菜单$"))
    for leave in ("Escape", "Tab"):
        await opener.focus()
        await page.keyboard.press("Enter")
        items = page.get_by_role("menuitem")
        await expect(items.first).to_be_focused()
        await page.keyboard.press("ArrowUp")
        await expect(items.last).to_be_focused()
        await page.keyboard.press("ArrowDown")
        await expect(items.first).to_be_focused()
        await page.keyboard.press(leave)
        await expect(items).to_have_count(0)
        await expect(opener).to_be_focused()


async def test_keys_of_ones_own_work_and_a_conflict_is_named(people: People, house: House) -> None:
    # given the keys on the own page
    agent, _ = await people.talking(house)
    page = agent.page
    await page.goto(f"{house.server.url}/app/settings/profile")
    key = page.get_by_role("button", name="修改「转接」的按键")
    await expect(key.locator("kbd")).to_have_text("T")

    # when a key is pressed that another action has, it is named and nothing changes
    await key.click()
    await page.keyboard.press("g")
    await expect(page.get_by_role("alert").filter(has_text="G 已经用于「顾客标签」")).to_be_visible()
    await page.keyboard.press("x")
    await expect(key.locator("kbd")).to_have_text("X")
    await expect(page.get_by_role("alert").filter(has_text="已经用于")).to_have_count(0)
    assert (await house.admin.get("/me/preferences"))["settings"]["shortcuts"]["keys"] == {"transfer": "X"}

    # then the new key works, the old one does nothing, and neither does while writing
    await page.goto(f"{house.server.url}/app/")
    await agent.inbox.get_by_role("listitem").get_by_role("link").first.click()
    await expect(agent.field).to_be_visible()
    await agent.field.fill("")
    await agent.field.press("x")
    await expect(agent.field).to_have_value("x")
    await agent.field.fill("")
    await agent.field.press("Escape")
    await page.keyboard.press("t")
    await page.keyboard.press("Shift+?")
    overview = page.get_by_role("dialog", name="快捷键")
    await expect(overview).to_be_visible()
    await expect(overview.locator("dl > div").filter(has_text="转接").locator("kbd")).to_have_text("X")
    await page.keyboard.press("x")
    await expect(page.get_by_role("dialog")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(overview).to_be_hidden()
    await page.keyboard.press("x")
    await expect(page.get_by_role("dialog").filter(has_text="转接")).to_be_visible()


async def test_who_sends_with_ctrl_and_enter_breaks_lines_with_enter(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)
    page = agent.page
    await page.goto(f"{house.server.url}/app/settings/profile")
    await page.get_by_role("button", name="Ctrl+Enter 发送").click()
    await expect(page.get_by_role("button", name="Ctrl+Enter 发送")).to_have_attribute("aria-pressed", "true")

    await page.goto(f"{house.server.url}/app/")
    await agent.inbox.get_by_role("listitem").get_by_role("link").first.click()
    await agent.field.fill("第一行")
    await agent.field.press("Enter")
    await page.keyboard.type("two")
    await expect(agent.field).to_have_value("第一行\ntwo")
    await agent.field.press("Control+Enter")
    await expect(agent.field).to_have_value("")
    await visitor.sees("two")


async def test_screens(people: People, house: House) -> None:
    camera = Camera("zh", themes=("light", "dark"))
    agent, _ = await people.talking(house)
    page = agent.page
    await agent.field.press("Control+k")
    await expect(palette(agent).get_by_role("option").first).to_be_visible()
    await camera.shoot(page, "desk-palette")
    await page.keyboard.press("Escape")
    await agent.field.press("Escape")
    await page.keyboard.press("Shift+?")
    await expect(page.get_by_role("dialog", name="快捷键")).to_be_visible()
    await camera.shoot(page, "desk-help")
    await page.set_viewport_size(ViewportSize(width=PHONE["width"], height=PHONE["height"]))
    await camera.shoot(page, "desk-help-phone")
    await page.goto(f"{house.server.url}/app/settings/profile")
    await page.get_by_role("heading", name="快捷键").scroll_into_view_if_needed()
    await camera.shoot(page, "desk-keys-phone")
    await page.set_viewport_size(ViewportSize(width=DESKTOP["width"], height=DESKTOP["height"]))
    await page.get_by_role("heading", name="快捷键").scroll_into_view_if_needed()
    await camera.shoot(page, "desk-keys")
    camera.check()
