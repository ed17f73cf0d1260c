"""The desk by keyboard: the palette, the keys and their overview, keys of one's own, and how a message is sent."""

from __future__ import annotations

from playwright.async_api import Locator, ViewportSize, expect

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
    await expect(palette(agent).get_by_text("没有找到“没有这种东西”")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(palette(agent)).to_have_count(0)


async def test_keys_of_ones_own_work_and_a_conflict_is_named(people: People, house: House) -> None:
    # given the keys on the own page
    agent, _ = await people.talking(house)
    page = agent.page
    await page.goto(f"{house.server.url}/app/settings/profile")
    key = page.get_by_role("button", name="修改“转接”的按键")
    await expect(key.locator("kbd")).to_have_text("T")

    # when a key is pressed that another action has, it is named and nothing changes
    await key.click()
    await page.keyboard.press("g")
    await expect(page.get_by_role("alert").filter(has_text="G 已经用于“顾客标签”")).to_be_visible()
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
