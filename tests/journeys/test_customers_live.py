"""What an agent sees of a customer while they talk: where they are, the page they look at now, what colleagues write on the card; and how one is found again."""

from __future__ import annotations

import re

from playwright.async_api import Locator, expect

from tests.journeys.conftest import People
from tests.journeys.desk import opened, sql
from tests.journeys.house import House
from tests.journeys.people import Agent
from tests.journeys.test_customer_card import card, context_of, fact
from tests.journeys.test_screens import Camera

PHONE_BROWSER = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"


def row(agent: Agent) -> Locator:
    return agent.inbox.get_by_role("tabpanel").get_by_role("listitem").first


async def test_the_list_says_where_a_customer_is_and_the_header_what_they_look_at(people: People, house: House) -> None:
    camera = Camera("1440-zh", themes=("light", "dark"))
    # given somebody from Shenzhen at a phone who writes from a page
    visitor = await people.visitor(house, title="粗陶马克杯", user_agent=PHONE_BROWSER)
    await visitor.say("这个杯子有货吗")
    await visitor.sees("已送达")
    await sql(house, "UPDATE visits SET region = 'CN/广东省/深圳市' WHERE enterprise_id = %s", house.admin.me["enterprise"]["id"])
    agent = await people.agent(house)
    await row(agent).get_by_role("link").click()

    # then the row says so, and the header names the page
    await expect(row(agent)).to_contain_text("广东 深圳")
    await expect(row(agent).get_by_role("img", name="手机")).to_be_visible()
    await expect(opened(agent)).to_contain_text("正在看「粗陶马克杯」")
    await camera.shoot(agent.page, "customer-place")
    assert camera.found == []

    # and the panel beside it too
    await agent.page.get_by_role("tab", name="来源").click()
    await expect(card(agent.page)).to_contain_text("广东省 深圳市")

    # when they leave that page, the header follows by itself
    await visitor.page.goto(people.address(house, "订单详情"))
    await expect(opened(agent)).to_contain_text("正在看「订单详情」")


async def test_what_a_colleague_writes_on_the_card_is_there_at_once(people: People, house: House) -> None:
    agent, _ = await people.talking(house)
    page = agent.page
    (mine,) = await house.admin.conversations()
    customer = await context_of(house.admin, mine["id"])
    await expect(card(page)).to_contain_text("还没有备注")

    # when a colleague writes a note and a phone number
    await house.admin.post(f"/customers/{customer['id']}/notes", {"text": "周日不收快递"})
    await house.admin.change(f"/customers/{customer['id']}", fields={"phone": "138 0013 8000"})

    # then both are there without a reload
    await expect(card(page).get_by_role("listitem").filter(has_text="周日不收快递")).to_be_visible()
    await expect(fact(page, "电话")).to_contain_text("138 **** 8000")


async def test_a_customer_is_found_by_phone_from_anywhere_and_blocked_from_the_card(people: People, house: House) -> None:
    # given a customer with a phone number, and an agent on another page
    agent, visitor = await people.talking(house)
    page = agent.page
    (mine,) = await house.admin.conversations()
    customer = await context_of(house.admin, mine["id"])
    await house.admin.change(f"/customers/{customer['id']}", name="陈若溪", fields={"phone": "138 0013 8000"})
    await page.get_by_role("link", name="首页").click()
    await expect(page).to_have_url(re.compile("/app/home$"))

    # when a part of the number is typed into the palette
    await page.keyboard.press("Control+k")
    await page.get_by_role("combobox").fill("0013")
    found = page.get_by_role("group", name="顾客").get_by_role("option")
    await expect(found).to_have_count(1)
    await expect(found).to_contain_text("陈若溪")
    await expect(found).to_contain_text("138 0013 8000")
    await found.click()

    # then their conversation opens with the card
    await expect(opened(agent).get_by_role("heading", name=re.compile("陈若溪"))).to_be_visible()
    # and from the card they can be blocked
    await card(page).get_by_role("button", name="拉黑").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="发广告").click()
    await dialog.get_by_role("button", name="拉黑", exact=True).click()
    await agent.toast(re.compile("已加入黑名单"))
    await expect(card(page).get_by_role("button", name="拉黑")).to_have_count(0)
    await expect(visitor.launcher).to_be_hidden()


async def test_the_first_steps_are_reached_again_from_the_menu_and_the_palette(people: People, house: House) -> None:
    agent = await people.agent(house)
    page = agent.page

    await page.get_by_role("button", name=re.compile("打开个人菜单")).click()
    await page.get_by_role("menuitem", name="开始使用").click()
    await expect(page).to_have_url(re.compile("/app/onboarding$"))
    await page.get_by_role("link", name="首页").click()
    await expect(page).to_have_url(re.compile("/app/home$"))
    await page.keyboard.press("Control+k")
    await page.get_by_role("combobox").fill("开始使用")
    await page.get_by_role("group", name="页面").get_by_role("option").first.click()
    await expect(page).to_have_url(re.compile("/app/onboarding$"))
