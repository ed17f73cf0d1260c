"""Who gets a conversation, as somebody sets it up: rules written, checked, tried, simulated and saved, and seen by who may only look."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

from playwright.async_api import Locator, Page, expect

from tests.journeys.audit import axe
from tests.journeys.conftest import People
from tests.journeys.house import House, Member

ASSIGNMENT = "/app/settings/assignment"
EVERYBODY = {"kind": "all", "group_ids": []}
WORKING = ("conversations.serve", "conversations.take", "agents.view")


def _rule(
    name: str, *conditions: dict[str, Any], agents: tuple[str, ...] = (), groups: tuple[str, ...] = (), **more: Any
) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "name": name,
        "groups": [{"match": "all", "conditions": list(conditions)}],
        "agent_ids": list(agents),
        "group_ids": list(groups),
        **more,
    }


def _sees(field: str, operator: str, *values: str, **more: Any) -> dict[str, Any]:
    return {"kind": "visitor", "field": field, "operator": operator, "values": list(values), **more}


async def _save(house: House, **settings: Any) -> dict[str, Any]:
    """Set assignment up at the API, as the administrator."""
    present = await house.admin.get("/routing/assignment")
    body = {"settings": present["settings"] | settings, "version": present["version"]}
    answer = await house.admin.client.put("/routing/assignment", json=body)
    assert answer.status_code == 200, answer.text
    saved: dict[str, Any] = answer.json()
    return saved


async def _saved(house: House) -> dict[str, Any]:
    settings: dict[str, Any] = (await house.admin.get("/routing/assignment"))["settings"]
    return settings


async def _group(house: House, name: str, *members: Member) -> str:
    made = await house.admin.post("/groups", {"name": name, "member_ids": [one.id for one in members]})
    return str(made["id"])


def _lines(page: Page) -> Locator:
    """The advanced rules as they stand, by their names."""
    return page.locator(".rules .nm b")


def _order(page: Page) -> Locator:
    return page.locator(".ord .who")


def _trial(page: Page) -> Locator:
    return page.get_by_role("complementary", name="试算")


async def _press_save(page: Page) -> None:
    await page.get_by_role("button", name="保存", exact=True).click()


async def test_a_rule_is_written_checked_tried_and_saved(people: People, house: House) -> None:
    seller = await house.hire("顾南乔")
    group = await _group(house, "批发组", seller)
    admin = await people.agent(house, path=ASSIGNMENT)
    page = admin.page

    # when a rule is begun and saved before it is written
    await page.get_by_role("button", name="新规则").click()
    await expect(page.get_by_label("名称")).to_have_value("新规则 1")
    await _press_save(page)
    # then the page says what is missing, where it is missing, and nothing is saved
    await expect(page.get_by_text("请写至少一项内容")).to_be_visible()
    await expect(page.get_by_text("请选至少一位客服或一个客服组")).to_be_visible()
    assert (await _saved(house))["rules"] == []

    # when it is written, at first with a mistake in its expression
    await page.get_by_label("名称").fill("批发")
    row = page.get_by_role("group", name="第 1 个条件")
    await row.get_by_label("条件类型").select_option(label="搜索词")
    await row.get_by_label("比较方式").select_option(label="符合正则")
    await row.get_by_role("textbox").fill("(批发|定制")
    await row.get_by_role("textbox").press("Enter")
    who = page.get_by_role("group", name="分给哪些客服和客服组").first
    await who.get_by_role("button", name="选择").click()
    await page.get_by_label("查找").fill("批发")
    await page.get_by_role("checkbox", name="批发组").check()
    await page.get_by_role("button", name="收起", exact=True).click()
    # then it is told while it is being written
    await expect(row.get_by_text("正则表达式写错了")).to_be_visible()
    await row.get_by_role("button", name="(批发|定制", exact=True).click()
    await row.get_by_role("textbox").fill("批发|定制")
    await row.get_by_role("textbox").press("Enter")
    await expect(row.get_by_text("正则表达式写错了")).to_be_hidden()

    # when a visitor is supposed who searched for it
    await _trial(page).get_by_label("搜索词").fill("定制茶具")
    # then the trace says that the rule, not yet saved, matches, and that nobody of the group is there
    trace = _trial(page).get_by_role("list", name="为什么这样分配")
    await expect(trace).to_contain_text("批发：条件符合，批发组 没有人能接待，看下一层")
    await expect(trace.get_by_role("list", name="看过的客服").first).to_contain_text("顾南乔")
    await expect(_trial(page).get_by_text("按未保存的修改算。")).to_be_visible()

    # when it is saved
    await expect(page.get_by_text("新增「批发」，尚未保存")).to_be_visible()
    await _press_save(page)
    await admin.toast("对话分配已保存")
    # then it is as it was written
    [rule] = (await _saved(house))["rules"]
    assert (rule["name"], rule["enabled"], rule["group_ids"], rule["agent_ids"]) == ("批发", True, [group], [])
    assert rule["groups"][0]["conditions"] == [_sees("search_keyword", "matches", "批发|定制", key=None)]
    assert await axe(page) == []


async def test_rules_are_put_in_order_by_keys_and_by_hand_copied_and_brought_back(people: People, house: House) -> None:
    for name in ("甲", "乙", "丙"):
        present = (await _saved(house))["rules"]
        await _save(house, rules=[*present, _rule(name, _sees("landing_page", "contains", f"/{name}"), agents=(house.admin.id,))])
    admin = await people.agent(house, path=ASSIGNMENT)
    page = admin.page
    await expect(_lines(page)).to_have_text(["甲", "乙", "丙"])

    # when the first is moved down by a key, twice, its handle keeps the focus
    await page.get_by_role("button", name="移动「甲」").focus()
    await page.keyboard.press("ArrowDown")
    await expect(_lines(page)).to_have_text(["乙", "甲", "丙"])
    await expect(page.get_by_role("button", name="移动「甲」")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(_lines(page)).to_have_text(["乙", "丙", "甲"])
    await expect(page.get_by_role("status").filter(has_text="「甲」移到第 3 位")).to_be_attached()

    # when it is dragged to the top
    await page.get_by_role("button", name="移动「甲」").drag_to(page.get_by_role("button", name="移动「乙」"))
    await expect(_lines(page)).to_have_text(["甲", "乙", "丙"])

    # when one is copied and one deleted
    await page.get_by_role("button", name="展开「乙」").click()
    await page.get_by_role("button", name="复制").click()
    await expect(_lines(page)).to_have_text(["甲", "乙", "乙（副本）", "丙"])
    await page.get_by_role("button", name="删除", exact=True).click()
    await page.get_by_role("button", name="展开「甲」").click()
    await page.get_by_role("button", name="删除", exact=True).click()
    await expect(_lines(page)).to_have_text(["乙", "丙"])
    # then the deleted one can be brought back to where it stood
    await page.get_by_role("region", name="提示").get_by_role("button", name="撤销").last.click()
    await expect(_lines(page)).to_have_text(["甲", "乙", "丙"])

    # when one is moved and saved
    await page.get_by_role("button", name="展开「丙」").click()
    await page.get_by_role("button", name="上移", exact=True).click()
    await _press_save(page)
    await admin.toast("对话分配已保存")
    assert [rule["name"] for rule in (await _saved(house))["rules"]] == ["甲", "丙", "乙"]


async def test_agents_are_put_in_order_and_the_base_rule_is_chosen(people: People, house: House) -> None:
    for name in ("顾南乔", "唐砚"):
        await house.hire(name)
    admin = await people.agent(house, path=ASSIGNMENT)
    page = admin.page
    await expect(_order(page)).to_have_text([re.compile("沈知夏"), re.compile("顾南乔"), re.compile("唐砚")])

    await page.get_by_role("button", name="移动唐砚").drag_to(page.get_by_role("button", name="移动沈知夏"))
    await expect(_order(page)).to_have_text([re.compile("唐砚"), re.compile("沈知夏"), re.compile("顾南乔")])
    await page.get_by_role("button", name="移动沈知夏").press("ArrowDown")
    await expect(_order(page)).to_have_text([re.compile("唐砚"), re.compile("顾南乔"), re.compile("沈知夏")])
    await page.get_by_role("radio", name="按排序轮流").check()
    await page.get_by_role("switch", name="启用回头客分配").uncheck()
    await expect(page.get_by_role("list", name="分配的五层，按先后").locator(".off")).to_have_text("4回头客")
    await _press_save(page)
    await admin.toast("对话分配已保存")

    saved = await _saved(house)
    names = {member.id: member.name for member in house.members}
    assert [names[one] for one in saved["order"]] == ["唐砚", "顾南乔", "沈知夏"]
    assert (saved["base_rule"], saved["returning"]) == ("rotate", False)


async def test_problems_stand_at_their_rule_until_they_are_settled(people: People, house: House) -> None:
    empty = await _group(house, "空组")
    everywhere = _sees("landing_page", "contains", "/")
    await _save(
        house,
        rules=[
            _rule("全站", everywhere, agents=(house.admin.id,)),
            _rule("订单", _sees("landing_page", "contains", "/order"), groups=(empty,)),
        ],
    )
    admin = await people.agent(house, path=ASSIGNMENT)
    page = admin.page

    # then a rule that never gets its turn, and a group of nobody, are told in the line of the rule
    await expect(page.locator(".rules li").nth(1)).to_contain_text("2 处要看一下")
    await page.get_by_role("button", name="展开「订单」").click()
    await expect(page.get_by_text("前面的规则已经拦下了所有这样的访客，轮不到这一条")).to_be_visible()
    await expect(page.get_by_text("客服组里没有人")).to_be_visible()

    # when the rule goes up and to somebody who is there
    await page.get_by_role("button", name="上移", exact=True).click()
    await expect(page.get_by_text("前面的规则已经拦下了所有这样的访客，轮不到这一条")).to_be_hidden()
    await page.get_by_role("button", name="去掉空组").click()
    await page.get_by_role("group", name="分给哪些客服和客服组").first.get_by_role("button", name="选择").click()
    await page.get_by_role("checkbox", name="沈知夏").check()
    # then nothing is left to say, and it can be saved
    await expect(page.get_by_text("客服组里没有人")).to_be_hidden()
    await _press_save(page)
    await admin.toast("对话分配已保存")
    assert (await house.admin.get("/routing/assignment"))["problems"] == []


async def test_somebody_elses_change_keeps_the_own_draft(people: People, house: House) -> None:
    admin = await people.agent(house, path=ASSIGNMENT)
    page = admin.page
    await page.get_by_role("radio", name="随机").check()

    # when a colleague saves in between
    await _save(house, returning=False)
    # then the own change is still there, and it is asked what shall become of it
    await expect(page.get_by_role("alert").filter(has_text="有人刚改过这里")).to_be_visible()
    await expect(page.get_by_role("radio", name="随机")).to_be_checked()
    await page.get_by_role("button", name="仍用我的修改").click()
    await expect(page.get_by_role("switch", name="启用回头客分配")).not_to_be_checked()
    await _press_save(page)
    await admin.toast("对话分配已保存")
    saved = await _saved(house)
    assert (saved["base_rule"], saved["returning"]) == ("random", False)


async def test_who_may_only_look_sees_the_rules_and_may_try_them(people: People, house: House) -> None:
    await _save(house, rules=[_rule("订单", _sees("landing_page", "contains", "/order"), agents=(house.admin.id,))])
    role = await house.role("旁观", *WORKING, "routing.view")
    watcher = await house.hire("顾南乔", role_id=role, scope=EVERYBODY)
    agent = await people.agent(house, watcher, path=ASSIGNMENT)
    page = agent.page
    before = await house.admin.get("/routing/assignment")

    await expect(page.get_by_text("只能查看", exact=True)).to_be_visible()
    await page.get_by_role("button", name="展开「订单」").click()
    await expect(page.get_by_label("名称")).to_be_disabled()
    await expect(page.get_by_role("switch", name="启用「订单」")).to_be_disabled()
    await expect(page.get_by_role("radio", name="随机")).to_be_disabled()
    for name in ("新规则", "删除", "上移", "移动"):
        await expect(page.get_by_role("main").get_by_role("button", name=name)).to_have_count(0)

    # then a visitor can be supposed all the same
    await _trial(page).get_by_label("落地页").fill("https://shop.example/order/7")
    await expect(_trial(page).get_by_role("list", name="为什么这样分配")).to_contain_text("订单：条件符合")
    # and without the right the page says which one is missing
    stranger = await people.agent(house, await house.hire("唐砚"), path=ASSIGNMENT)
    await expect(stranger.page.get_by_text(re.compile("需要权限"))).to_be_visible()
    assert await house.admin.get("/routing/assignment") == before
    assert await axe(page) == []


async def test_traffic_is_simulated_before_the_rules_are_saved(people: People, house: House) -> None:
    for name in ("顾南乔", "唐砚"):
        await house.hire(name)
    admin = await people.agent(house, path=ASSIGNMENT)
    page = admin.page
    await page.get_by_role("radio", name="按排序优先").check()
    await page.get_by_role("button", name="模拟一段流量").click()
    drawer = page.get_by_role("dialog", name="模拟")
    await expect(drawer.get_by_text("还没有模拟过")).to_be_visible()

    await drawer.get_by_label("对话数").fill("200")
    await drawer.get_by_label("对话数").blur()
    await drawer.get_by_role("button", name="开始模拟").click()
    # then both sides stand beside each other, as a picture and as figures
    await expect(drawer.get_by_role("table", name="对比").get_by_role("row", name=re.compile("均匀指数"))).to_be_visible()
    await expect(drawer.get_by_role("table", name="等待时间").get_by_role("row")).to_have_count(9)
    await expect(drawer.get_by_role("table", name="每位客服").get_by_role("row").filter(has_text="顾南乔")).to_be_visible()
    await expect(drawer.locator("canvas")).to_be_visible()
    assert await axe(page) == []
    # and nothing is saved by it
    assert (await _saved(house))["base_rule"] == "load"
    await drawer.get_by_role("button", name="关闭").click()
    await expect(page.get_by_text("改了基础规则，尚未保存")).to_be_visible()
