"""Roles and what accounts may see: built and given by an administrator, and felt at once by whoever is signed in."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Page, expect

from tests.journeys.audit import axe
from tests.journeys.conftest import People
from tests.journeys.house import House
from tests.journeys.server import Server

EVERYDAY = (
    "conversations.serve",
    "conversations.take",
    "conversations.end",
    "conversations.transfer",
    "conversations.exceed_maximum",
    "conversations.invite_evaluation",
    "customers.edit",
    "customers.block",
    "files.send",
    "replies.use",
    "replies.edit_own",
    "enterprise.view",
)
LEADING = (*EVERYDAY, "agents.view", "channels.view")


async def test_a_role_is_made_from_a_template_changed_and_its_members_lose_a_page_at_once(people: People, house: House) -> None:
    admin = await people.agent(house, path="/app/settings/roles")
    page = admin.page

    # when a role is made from a template
    await page.get_by_role("button", name="新角色").click()
    dialog = page.get_by_role("dialog", name="新角色")
    await dialog.get_by_role("radio", name="客服分组组长").check()
    await expect(dialog.get_by_label("名称")).to_have_value("客服分组组长")
    await dialog.get_by_role("button", name="新建").click()
    await admin.toast("已新建角色「客服分组组长」")
    # then it holds what the template holds
    await expect(page.get_by_role("heading", name="客服分组组长", level=1)).to_be_visible()
    templates = (await house.admin.get("/roles/templates"))["items"]
    role = await _role(house, "客服分组组长")
    assert role["points"] == next(one["points"] for one in templates if one["key"] == "group_leader")

    # and somebody with it, who has the page of channels open
    leader = await house.hire("唐砚", role_id=role["id"], scope={"kind": "all", "group_ids": []})
    watching = await people.agent(house, leader, path="/app/settings/web")
    await expect(watching.page.get_by_role("heading", name="外观")).to_be_visible()

    # when points are added and removed
    await page.get_by_role("group", name="渠道").get_by_role("checkbox", name="查看").uncheck()
    await page.get_by_role("checkbox", name="邀请", exact=True).check()
    await expect(page.get_by_text("新增 1 项：客服：邀请。去掉 1 项：渠道：查看。保存后 1 位成员立即生效。")).to_be_visible()
    await expect(page.get_by_role("group", name="渠道")).to_contain_text("去掉")
    await page.get_by_role("button", name="保存", exact=True).click()
    await admin.toast("角色「客服分组组长」已保存")
    # then the page closes for them at once, and says which permission it needs
    await expect(watching.page.get_by_text("需要权限「渠道：查看」")).to_be_visible()
    await expect(watching.page.get_by_role("heading", name="外观")).to_be_hidden()
    # and the administrator reads in the audit log what was changed
    await expect(page.get_by_role("complementary").get_by_text("沈知夏 加上「客服：邀请」")).to_be_visible()
    await expect(page.get_by_role("complementary").get_by_role("link", name="唐砚")).to_be_visible()

    # when it shall be deleted while somebody has it
    await expect(page.get_by_role("button", name="删除", exact=True)).to_be_disabled()
    await expect(page.get_by_title("还有 1 位成员在用，先给他们换角色")).to_be_visible()
    assert await axe(page) == []


async def test_a_role_is_copied_renamed_and_deleted(people: People, house: House) -> None:
    await house.role("晚班", *LEADING)
    admin = await people.agent(house, path="/app/settings/roles")
    page = admin.page

    await page.get_by_role("link", name=re.compile("^晚班")).click()
    await page.get_by_role("button", name="复制", exact=True).click()
    dialog = page.get_by_role("dialog", name="复制角色")
    await expect(dialog.get_by_label("名称")).to_have_value("晚班 副本")
    await dialog.get_by_role("button", name="新建").click()
    await expect(page.get_by_role("heading", name="晚班 副本", level=1)).to_be_visible()
    assert (await _role(house, "晚班 副本"))["points"] == sorted(LEADING)

    # when it gets a name that another one has
    await page.get_by_role("button", name="改名").click()
    dialog = page.get_by_role("dialog", name="角色改名")
    await dialog.get_by_label("名称").fill("晚班")
    await dialog.get_by_role("button", name="保存").click()
    # then that is said, and nothing is changed
    await expect(dialog.get_by_text("已在使用")).to_be_visible()
    await dialog.get_by_label("名称").fill("周末班")
    await dialog.get_by_role("button", name="保存").click()
    await expect(page.get_by_role("heading", name="周末班", level=1)).to_be_visible()

    await page.get_by_role("button", name="删除", exact=True).click()
    await page.get_by_role("dialog", name="删除角色「周末班」？").get_by_role("button", name="删除角色").click()
    await admin.toast("已删除角色「周末班」")
    roles = (await house.admin.get("/roles"))["items"]
    assert {role["name"] for role in roles if role["builtin"] is None} == {"晚班"}


async def test_nobody_gives_what_they_lack(people: People, house: House) -> None:
    mate = await house.role("主管", *LEADING, "agents.edit", "agents.role", "roles.edit")
    head = await house.hire("谢流云", role_id=mate, scope={"kind": "all", "group_ids": []})
    colleague = await house.hire("程思远")
    agent = await people.agent(house, head, path=f"/app/settings/roles/{mate}")
    page = agent.page

    # then points the reader lacks cannot be given, and the page says why
    exporting = page.get_by_role("group", name="操作日志").get_by_role("checkbox", name="导出")
    await expect(exporting).to_be_disabled()
    await expect(exporting).to_have_accessible_description("你自己没有这项权限，不能授予")
    await expect(page.get_by_role("switch", name="必须使用两步验证")).to_be_enabled()
    await page.get_by_role("link", name=re.compile("^管理员")).click()
    await expect(page.get_by_text("系统角色的名称和权限不能改。")).to_be_visible()
    await expect(page.get_by_role("switch", name="必须使用两步验证")).to_be_disabled()

    # and neither can roles with more than the own, nor the scope without its permission
    await page.goto(f"{house.server.url}/app/settings/agents/{colleague.id}")
    options = page.get_by_label("角色", exact=True).get_by_role("option")
    await expect(options.filter(has_text="管理员")).to_be_disabled()
    await expect(options.filter(has_text="主管")).to_be_enabled()
    await expect(page.get_by_role("radio", name="全部")).to_be_disabled()
    await expect(page.get_by_text("需要权限「客服：改范围」")).to_be_visible()

    # and nobody changes their own role
    await page.goto(f"{house.server.url}/app/settings/agents/{head.id}")
    await expect(page.get_by_label("角色", exact=True)).to_be_disabled()
    await expect(page.get_by_text("不能改自己的角色和范围，请另一位管理员来改")).to_be_visible()


async def test_scope_and_regions_are_set_and_the_page_says_what_is_seen(people: People, house: House) -> None:
    colleague = await house.hire("顾一鸣")
    await house.hire("叶知秋")
    admin = await people.agent(house, path="/app/settings/agents")
    page = admin.page
    await house.admin.post("/groups", {"name": "售前组", "member_ids": [colleague.id]})

    await page.get_by_role("link", name="顾一鸣").click()
    sight = page.get_by_role("complementary", name="顾一鸣看得到什么")
    await expect(sight).to_contain_text("只有自己")

    # when scope, staff number and regions are set
    await page.get_by_label("工号", exact=True).fill("1006")
    await page.get_by_role("radio", name="部分").check()
    await page.get_by_role("group", name="权限范围").get_by_role("checkbox", name="售前组").check()
    await page.get_by_role("button", name="只看这些").click()
    await expect(page.get_by_text("至少选一个地区")).to_be_visible()
    await page.get_by_role("button", name="选择地区").click()
    await page.get_by_role("checkbox", name="海南省").check()
    await page.get_by_label("国家、省份、城市").fill("深圳")
    await page.get_by_role("checkbox", name="深圳市").check()
    await expect(page.get_by_role("checkbox", name="广东省")).to_have_js_property("indeterminate", value=True)
    await page.get_by_role("button", name="去掉海南省").click()
    assert await axe(page) == []
    await page.get_by_role("button", name="保存", exact=True).click()
    await admin.toast("顾一鸣的资料已保存")
    # then the account has them, and the page says what it sees now
    agent = await house.admin.get(f"/agents/{colleague.id}")
    assert agent["scope"]["kind"] == "groups"
    assert agent["visitor_regions"] == {"mode": "only", "regions": ["CN/广东省/深圳市"]}
    assert agent["staff_number"] == "1006"
    await expect(sight).to_contain_text("自己和售前组，0 位同事")
    await expect(sight).to_contain_text("只看广东省 深圳市")

    # when the list is narrowed by staff number and by role
    await page.get_by_label("姓名、邮箱、工号").fill("1006")
    await expect(page.get_by_role("link", name="叶知秋")).to_be_hidden()
    await page.get_by_label("姓名、邮箱、工号").fill("")
    await page.get_by_label("按角色筛选").select_option("管理员")
    await expect(page.get_by_role("link", name="沈知夏")).to_be_visible()
    await expect(page.get_by_role("link", name="叶知秋")).to_be_hidden()


async def test_a_password_is_reset_by_a_link_and_a_colleague_is_looked_at_in_a_new_tab(
    people: People, house: House, server: Server
) -> None:
    colleague = await house.hire("魏小满")
    admin = await people.agent(house, path=f"/app/settings/agents/{colleague.id}")
    page = admin.page

    await page.get_by_role("button", name="重置密码").click()
    await page.get_by_role("dialog", name="重置魏小满的密码？").get_by_role("button", name="重置密码").click()
    await expect(page.get_by_label("重置链接")).to_have_text(re.compile(f"^{re.escape(server.url)}/app/.+"))
    await page.get_by_role("button", name="完成").click()

    # when the administrator looks as the colleague
    async with page.expect_popup() as opening:
        await page.get_by_role("button", name="以此人身份查看").click()
    tab = await opening.value
    # then the tab shows the product as theirs, and says so
    await _seen_as(tab, "魏小满")
    entries = (await house.admin.get("/audit?action=agent.viewed_as"))["items"]
    assert [entry["subject"]["name"] for entry in entries] == ["魏小满"]
    # and this tab is the administrator's still
    await page.reload()
    await expect(page.get_by_role("button", name="停用", exact=True)).to_be_visible()


async def _seen_as(tab: Page, name: str) -> None:
    await expect(tab.get_by_role("main")).to_be_visible()
    await expect(tab.get_by_text(re.compile(name)).first).to_be_visible()


async def _role(house: House, name: str) -> dict[str, Any]:
    roles: list[dict[str, Any]] = (await house.admin.get("/roles"))["items"]
    return next(role for role in roles if role["name"] == name)
