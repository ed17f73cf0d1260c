"""Who the customer is: the card filled in where it is read, tags, notes, fields of one's own, and the blacklist."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Locator, Page, Route, expect

from tests.journeys.conftest import People
from tests.journeys.desk import opened
from tests.journeys.house import House, Member

TAGS = "/app/settings/tags"
FIELDS = "/app/settings/customer-fields"
BLACKLIST = "/app/settings/blacklist"
CARD = re.compile("^(顾客资料|Customer|About the customer)")


def card(page: Page) -> Locator:
    return page.get_by_role("complementary", name="顾客资料")


def fact(page: Page, label: str) -> Locator:
    """The button that opens a line of the card."""
    return card(page).get_by_role("button", name=re.compile(f"^修改{label}，"))


async def fill(page: Page, label: str, value: str) -> Locator:
    """Open a line of the card, write, press Enter; the field as it then is, if it is still open."""
    await fact(page, label).click()
    field = card(page).get_by_role("textbox", name=label, exact=True)
    await field.fill(value)
    await field.press("Enter")
    return field


async def context_of(member: Member, conversation: str) -> dict[str, Any]:
    found: dict[str, Any] = (await member.get(f"/conversations/{conversation}/context"))["customer"]
    return found


async def test_the_card_is_filled_in_where_it_is_read(people: People, house: House) -> None:
    # given an own field, a colleague's eye on the same customer, and a conversation on the screen
    await house.admin.post("/customer-fields", {"name": "会员等级", "kind": "choice", "options": ["银卡", "金卡"]})
    agent, _ = await people.talking(house)
    page = agent.page
    (mine,) = await house.admin.conversations()

    # when a number is written that is none
    phone = await fill(page, "电话", "不知道")
    # then the line stays open and says how it is written; nothing is lost and nothing saved
    await expect(card(page).get_by_role("alert")).to_contain_text("请用数字写号码")
    await expect(phone).to_have_value("不知道")
    assert (await context_of(house.admin, mine["id"]))["fields"] == {}

    # when it is right, then it stands there with its middle hidden, until one looks
    await phone.fill("138 0013 2071")
    await phone.press("Enter")
    await expect(fact(page, "电话")).to_contain_text("138 **** 2071")
    await expect(fact(page, "电话")).to_be_focused()
    await card(page).get_by_role("button", name="查看号码").click()
    await expect(fact(page, "电话")).to_contain_text("138 0013 2071")

    # and Esc leaves a line as it was; a choice is saved as it is chosen
    await fact(page, "邮箱").click()
    await card(page).get_by_role("textbox", name="邮箱").fill("half@")
    await card(page).get_by_role("textbox", name="邮箱").press("Escape")
    await expect(fact(page, "邮箱")).to_contain_text("未填写")
    await fact(page, "会员等级").click()
    await card(page).get_by_role("combobox", name="会员等级").select_option("金卡")
    await expect(fact(page, "会员等级")).to_contain_text("金卡")
    saved = await context_of(house.admin, mine["id"])
    assert sorted(saved["fields"].values()) == ["138 0013 2071", "金卡"]

    # when a colleague changes the line in between
    await fact(page, "地址").click()
    address = card(page).get_by_role("textbox", name="地址")
    await address.fill("深圳市南山区")
    await house.admin.client.patch(
        f"/conversations/{mine['id']}/customer", json={"fields": {"address": "苏州工业园区"}, "version": saved["version"]}
    )
    await address.press("Enter")
    # then it is told, and saving again is a decision
    await expect(card(page).get_by_role("alert")).to_contain_text("刚被改成「苏州工业园区」")
    await address.press("Enter")
    await expect(fact(page, "地址")).to_contain_text("深圳市南山区")
    assert (await context_of(house.admin, mine["id"]))["fields"]["address"] == "深圳市南山区"

    # and the past of the card is there to read
    await card(page).get_by_role("button", name="修改记录").click()
    past = card(page).get_by_role("group", name="修改记录")
    await expect(past.get_by_role("listitem")).to_have_count(4)
    await expect(past.get_by_role("listitem").first).to_contain_text("深圳市南山区")
    await expect(past.get_by_role("listitem").first).to_contain_text("原来：苏州工业园区")
    await page.keyboard.press("Escape")
    await expect(past).to_have_count(0)


async def test_a_line_that_is_left_by_a_key_is_saved_for_whom_it_was_written(people: People, house: House) -> None:
    # given two customers, and a line of the card of one that is being written
    agent, _ = await people.talking(house)
    other = await people.visitor(house)
    await other.say("另一位")
    await expect(agent.row("另一位")).to_be_visible()
    held = {one["last"]["preview"]: one["id"] for one in await house.admin.conversations()}
    await fact(agent.page, "地址").click()
    await card(agent.page).get_by_role("textbox", name="地址").fill("松间")

    # when a key leads to the other customer
    await agent.page.keyboard.press("Control+ArrowUp")
    await expect(agent.thread).to_contain_text("另一位")
    await expect(fact(agent.page, "地址")).to_contain_text("未填写")

    # then it stands with the one, and nothing with the other
    await agent.open("在的")
    await expect(fact(agent.page, "地址")).to_contain_text("松间")
    assert (await context_of(house.admin, held["在的"]))["fields"] == {"address": "松间"}
    assert (await context_of(house.admin, held["另一位"]))["fields"] == {}

    # and a name that was begun is as it was left
    await card(agent.page).get_by_role("button", name="改名").click()
    await card(agent.page).get_by_role("textbox", name="顾客姓名").fill("山间")
    await agent.page.keyboard.press("Control+ArrowUp")
    await expect(fact(agent.page, "地址")).to_contain_text("未填写")
    await expect(card(agent.page).get_by_role("textbox", name="顾客姓名")).to_have_count(0)
    await agent.open("在的")
    await expect(card(agent.page).get_by_role("textbox", name="顾客姓名")).to_have_value("山间")
    await card(agent.page).get_by_role("button", name="取消").click()

    # and what cannot be saved is told, as the line is gone
    await fact(agent.page, "电话").click()
    await card(agent.page).get_by_role("textbox", name="电话").fill("不知道")
    await agent.page.keyboard.press("Control+ArrowUp")
    await expect(agent.page.get_by_text("电话没有保存（不知道）")).to_be_visible()


async def test_a_card_that_may_not_be_changed_is_read_only(people: People, house: House) -> None:
    # given somebody who serves, and may not change customers
    reader = await house.hire("许砚", role_id=await house.role("只接待", "conversations.serve", "conversations.take"))
    await house.admin.change(f"/agents/{house.admin.id}", max_conversations=0)
    agent = await people.agent(house, reader)
    visitor = await people.visitor(house)
    await visitor.say("在吗")
    await agent.open("在吗")
    page = agent.page
    # then the card tells, and offers nothing
    await expect(card(page)).to_contain_text("未填写")
    for name in ("写备注", "添加", "改名"):
        await expect(card(page).get_by_role("button", name=name)).to_have_count(0)
    await expect(fact(page, "电话")).to_have_count(0)


async def test_tags_are_chosen_from_the_list_and_made_there(people: People, house: House) -> None:
    # given a catalogue with a group
    group = await house.admin.post("/tag-groups", {"kind": "customer", "name": "来源"})
    for name, color, of in (("回头客", "blue", None), ("抖音", "purple", group["id"])):
        await house.admin.post("/tags", {"kind": "customer", "name": name, "color": color, "group_id": of})
    await house.admin.post("/tags", {"kind": "conversation", "name": "退换", "color": "red"})
    agent, _ = await people.talking(house)
    page = agent.page
    (mine,) = await house.admin.conversations()

    # when the key for tags is pressed outside of the composer, and two are chosen by keyboard alone
    await agent.field.press("Escape")
    await page.keyboard.press("g")
    search = card(page).get_by_role("combobox", name="查找标签")
    await expect(search).to_be_focused()
    await expect(card(page).get_by_role("option")).to_have_count(2)
    await search.press("Enter")
    await expect(card(page).get_by_role("option", name="回头客")).to_have_attribute("aria-selected", "true")
    await search.fill("来源")
    await search.press("Enter")
    # and one that is not there yet is made
    await search.fill("品质投诉")
    await search.press("Enter")
    await expect(search).to_have_value("")
    await search.press("Escape")
    # then the card has them in the order they were put on, and the focus is back where it was
    tags = card(page).locator(".tags .chip")
    await expect(tags).to_have_text(["回头客", "抖音", "品质投诉"])
    await expect(card(page).get_by_role("button", name=re.compile("^添加"))).to_be_focused()
    assert [one["name"] for one in (await context_of(house.admin, mine["id"]))["tags"]] == ["回头客", "抖音", "品质投诉"]
    await card(page).get_by_role("button", name="去掉「抖音」").click()
    await expect(tags).to_have_text(["回头客", "品质投诉"])

    # and what the conversation was about stands in its header, also after its end
    await agent.end()
    await opened(agent).get_by_role("button", name="给对话加标签").click()
    await opened(agent).get_by_role("option", name="退换").click()
    await page.keyboard.press("Escape")
    await expect(opened(agent).locator(".chip")).to_have_text(["退换"])
    assert [one["name"] for one in (await house.admin.get(f"/conversations/{mine['id']}"))["tags"]] == ["退换"]


async def test_notes_on_a_customer_are_written_changed_and_deleted(people: People, house: House) -> None:
    agent, _ = await people.talking(house)
    page = agent.page
    # when a note is written
    await card(page).get_by_role("button", name="写备注").click()
    field = card(page).get_by_role("textbox", name="顾客备注")
    await field.fill("偏好哑光釉，\n不收周日的快递。")
    await field.press("Control+Enter")
    note = card(page).get_by_role("listitem").filter(has_text="哑光釉")
    await expect(note).to_contain_text("沈知夏")
    # and changed
    await note.hover()
    await note.get_by_role("button", name="备注操作").click()
    await note.get_by_role("button", name="修改备注").click()
    await field.fill("偏好哑光釉")
    await card(page).get_by_role("button", name="保存").click()
    await expect(note).to_contain_text("改过")
    # and deleted, which is asked
    await note.hover()
    await note.get_by_role("button", name="备注操作").click()
    await note.get_by_role("button", name="删除备注").click()
    await page.get_by_role("dialog").get_by_role("button", name="删除备注").click()
    await agent.toast("备注已删除")
    await expect(card(page)).to_contain_text("还没有备注")


async def test_a_note_whose_answer_was_lost_is_there_once(people: People, house: House) -> None:
    agent, _ = await people.talking(house)
    page = agent.page
    stored: list[int] = []

    # given a line that breaks after the server has stored the note
    async def lose(route: Route) -> None:
        stored.append((await route.fetch()).status)
        await route.abort("connectionreset")

    await page.route("**/api/v1/customers/*/notes", lose)
    await card(page).get_by_role("button", name="写备注").click()
    field = card(page).get_by_role("textbox", name="顾客备注")
    await field.fill("偏好哑光釉")
    await field.press("Control+Enter")
    await expect(card(page)).to_contain_text("没有保存")
    assert stored == [201]
    await expect(field).to_have_value("偏好哑光釉")

    # when it is saved again
    await page.unroute_all()
    await card(page).get_by_role("button", name="保存").click()

    # then it is there once, here and after a reload
    note = card(page).get_by_role("listitem").filter(has_text="哑光釉")
    await expect(note).to_have_count(1)
    await page.reload()
    await expect(note).to_have_count(1)


async def test_a_blocked_customer_sees_nothing_until_released(people: People, house: House) -> None:
    # given a conversation
    agent, visitor = await people.talking(house)
    page = agent.page
    (mine,) = await house.admin.conversations()

    # when its customer is blocked without a reason, it is asked for
    await opened(agent).get_by_role("button", name="更多", exact=True).click()
    await page.get_by_role("menuitem", name="拉黑").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="拉黑", exact=True).click()
    await expect(dialog.get_by_role("alert")).to_have_text("请写明原因")
    assert (await house.admin.get(f"/conversations/{mine['id']}"))["status"] == "active"
    # when one is given
    await dialog.get_by_role("button", name="发广告").click()
    await dialog.get_by_role("button", name="拉黑", exact=True).click()
    await agent.toast(re.compile("已加入黑名单"))
    # then the conversation has ended, the card says why, and the visitor's page shows nothing, now and after a reload
    await expect(opened(agent)).to_contain_text("对话已结束")
    await expect(card(page)).to_contain_text("发广告")
    await expect(visitor.launcher).to_be_hidden()
    await expect(visitor.panel.get_by_role("textbox")).to_have_count(0)
    async with visitor.page.expect_response(lambda answer: answer.url.endswith("/session") and answer.status == 403):
        await visitor.page.reload()
    await expect(visitor.launcher).to_be_hidden()

    # and the chat link says no more than that there is nothing
    link = await visitor.context.new_page()
    await link.goto(house.channel["chat_link"])
    await expect(link.get_by_role("main")).to_have_text("暂时不能使用这项服务。")

    # when they are found on the blacklist and released together
    await page.goto(f"{house.server.url}{BLACKLIST}")
    table = page.get_by_role("table")
    await expect(table.get_by_role("row")).to_have_count(2)
    await page.get_by_role("textbox", name="姓名、原因").fill("没有这个原因")
    await expect(page.get_by_role("heading", name="没有找到「没有这个原因」")).to_be_visible()
    await page.get_by_role("textbox", name="姓名、原因").fill("广告")
    await table.get_by_role("checkbox").first.check()
    await page.get_by_role("button", name="移出黑名单").click()
    await agent.toast(re.compile("已移出黑名单"))
    await expect(page.get_by_role("textbox", name="姓名、原因")).to_have_value("广告")
    # then the visitor has the launcher again and may write
    await visitor.page.reload()
    await expect(visitor.launcher).to_be_visible()
    await visitor.open()
    await visitor.say("又能写了")
    await visitor.sees("又能写了")


async def test_tags_are_made_grouped_put_in_order_and_deleted(people: People, house: House) -> None:
    admin = await people.agent(house, path=TAGS)
    page = admin.page
    dialog = page.get_by_role("dialog")
    # given nothing, the page says what it is for
    await expect(page.get_by_role("heading", name="还没有顾客标签")).to_be_visible()
    # when a group and two tags are made, the second by the name of the first
    await page.get_by_role("button", name="新建分组").click()
    await dialog.get_by_role("textbox", name="名称").fill("来源")
    await dialog.get_by_role("button", name="新建").click()
    await admin.toast("已新建分组「来源」")
    await page.get_by_role("button", name="在「来源」里新建标签").click()
    await dialog.get_by_role("textbox", name="名称").fill("抖音")
    await dialog.get_by_role("radio", name="紫").check(force=True)
    await dialog.get_by_role("button", name="新建").click()
    await admin.toast("已新建标签「抖音」")
    await page.get_by_role("button", name="新建标签", exact=True).click()
    await dialog.get_by_role("textbox", name="名称").fill("抖音")
    await dialog.get_by_role("button", name="新建").click()
    await expect(dialog.get_by_role("alert")).to_have_text("已有同名的标签")
    await dialog.get_by_role("textbox", name="名称").fill("小红书")
    await dialog.get_by_label("分组").select_option("来源")
    await dialog.get_by_role("button", name="新建").click()
    rows = page.get_by_role("listitem")
    await expect(rows.filter(has_text="小红书")).to_contain_text("0 位顾客")
    # and put in another order by keyboard
    grip = page.get_by_role("button", name=re.compile("^「小红书」"))
    await grip.focus()
    await grip.press("ArrowUp")
    await expect(page.get_by_role("status").filter(has_text="「小红书」移到第 1 个")).to_have_count(1)
    names = page.locator("main ol .chip")
    await expect(names).to_have_text(["小红书", "抖音"])
    await page.reload()
    await expect(names).to_have_text(["小红书", "抖音"])
    # and one is deleted
    await page.get_by_role("button", name="删除 抖音").click(force=True)
    await dialog.get_by_role("button", name="删除标签").click()
    await admin.toast("标签「抖音」已删除")
    await expect(names).to_have_text(["小红书"])


async def test_a_field_of_ones_own_is_made_and_deleted(people: People, house: House) -> None:
    admin = await people.agent(house, path=FIELDS)
    page = admin.page
    dialog = page.get_by_role("dialog")
    # when a choice is made of one option only, it is refused in words
    await page.get_by_role("button", name="新建字段").last.click()
    await dialog.get_by_role("textbox", name="名称").fill("会员等级")
    await dialog.get_by_role("button", name="单选").click()
    await dialog.get_by_role("textbox", name="选项").fill("银卡")
    await dialog.get_by_role("button", name="新建").click()
    await expect(dialog.get_by_role("alert")).to_have_text("至少写两个选项")
    await dialog.get_by_role("textbox", name="选项").fill("银卡\n金卡")
    await dialog.get_by_role("button", name="新建").click()
    await admin.toast("已新建字段「会员等级」")
    await expect(page.get_by_role("listitem").filter(has_text="会员等级")).to_contain_text("银卡、金卡")
    (made,) = (await house.admin.get("/customer-fields"))["items"]
    assert (made["name"], made["kind"], made["options"]) == ("会员等级", "choice", ["银卡", "金卡"])
    # and when it is deleted, what was filled in goes with it
    await expect(dialog).to_have_count(0)  # the one before has faded away, and takes no more clicks
    await page.get_by_role("button", name="删除 会员等级").click(force=True)
    await dialog.get_by_role("button", name="删除字段").click()
    await admin.toast("字段「会员等级」已删除")
    assert (await house.admin.get("/customer-fields"))["items"] == []
