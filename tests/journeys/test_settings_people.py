"""Enterprise, agents and groups, as an administrator sets them up."""

from __future__ import annotations

from uuid import uuid4

from playwright.async_api import Page, expect

from tests.journeys.conftest import People
from tests.journeys.house import PASSWORD, House
from tests.journeys.people import Agent
from tests.journeys.server import Server


async def test_somebody_signs_up_and_invites_a_colleague_by_link(people: People, server: Server) -> None:
    # when somebody founds an enterprise
    context, watch = await people.context()
    founder = Agent(context, await context.new_page(), watch)
    await founder.page.goto(f"{server.url}/app/")
    await founder.page.get_by_role("link", name="注册企业").click()
    await founder.page.get_by_label("企业名称").fill("云岭茶行")
    await founder.page.get_by_label("你的姓名").fill("陆衡")
    await founder.page.get_by_label("邮箱").fill(f"{uuid4().hex[:12]}@example.com")
    await founder.page.get_by_label("设置密码").fill(PASSWORD)
    await founder.page.get_by_role("button", name="注册并登录").click()
    # then they are in the workspace, which says what will be here
    await expect(founder.page.get_by_role("heading", name="还没有对话")).to_be_visible()

    # when they invite a colleague
    await founder.page.get_by_role("navigation", name="主导航").get_by_role("link", name="设置").click()
    await founder.page.get_by_role("link", name="客服与分组").click()
    await founder.page.get_by_role("button", name="邀请客服").click()
    dialog = founder.page.get_by_role("dialog", name="邀请客服")
    await dialog.get_by_label("邮箱").fill(f"{uuid4().hex[:12]}@example.com")
    await dialog.get_by_label("姓名").fill("白露")
    await dialog.get_by_role("button", name="生成链接").click()
    link = await founder.page.get_by_label("邀请链接").inner_text()
    await founder.page.get_by_role("button", name="完成").click()
    await expect(founder.page.get_by_role("heading", name="已邀请，未加入 1")).to_be_visible()

    # and the colleague opens the link elsewhere
    context, watch = await people.context()
    colleague = Agent(context, await context.new_page(), watch)
    await colleague.page.goto(link)
    await expect(colleague.page.get_by_role("heading", name="加入云岭茶行")).to_be_visible()
    await expect(colleague.page.get_by_label("你的姓名")).to_have_value("白露")
    await colleague.page.get_by_label("设置密码").fill(PASSWORD)
    await colleague.page.get_by_role("button", name="加入", exact=True).click()
    # then they are in, and the administrator's list knows it without a reload
    await expect(colleague.page.get_by_role("heading", name="还没有对话")).to_be_visible()
    await expect(founder.page.get_by_role("heading", name="已邀请，未加入")).to_be_hidden()
    await expect(founder.page.get_by_role("link", name="白露")).to_be_visible()

    # and the link is used up
    context, _ = await people.context()
    late = await context.new_page()
    await late.goto(link)
    await expect(late.get_by_role("heading", name="邀请链接已失效")).to_be_visible()


async def test_groups_and_maxima_are_changed_and_a_disabled_agent_is_out_at_once(people: People, house: House) -> None:
    colleague = await house.hire("顾南乔")
    admin = await people.agent(house, path="/app/settings/agents")
    disabled = await people.agent(house, colleague)

    # when a group is made
    await admin.page.get_by_role("button", name="新建分组").click()
    dialog = admin.page.get_by_role("dialog", name="新建分组")
    await dialog.get_by_label("分组名称").fill("售前")
    await dialog.get_by_role("checkbox", name="顾南乔").check()
    await dialog.get_by_role("button", name="新建").click()
    await admin.toast("已新建分组「售前」")
    await expect(admin.page.get_by_role("heading", name="售前 1")).to_be_visible()
    (group,) = (await house.admin.get("/groups"))["items"]
    assert (group["name"], group["member_ids"]) == ("售前", [colleague.id])

    # when the maximum is changed
    await admin.page.get_by_role("link", name="顾南乔").click()
    await admin.page.get_by_role("spinbutton", name="最大接待数").fill("3")
    await admin.page.get_by_role("spinbutton", name="最大接待数").press("Tab")
    await expect(admin.page.get_by_text("有 1 处未保存的修改")).to_be_visible()
    await admin.page.get_by_role("button", name="保存", exact=True).click()
    await admin.toast("顾南乔的资料已保存")
    assert (await house.admin.get(f"/agents/{colleague.id}"))["max_conversations"] == 3

    # when the agent is disabled
    await admin.page.get_by_role("button", name="停用", exact=True).click()
    await admin.page.get_by_role("dialog", name="停用顾南乔？").get_by_role("button", name="停用").click()
    await admin.toast("已停用 顾南乔")
    # then their page says so and lets nobody in
    await expect(disabled.page.get_by_text("登录已失效，请重新登录")).to_be_visible()
    await _sign_in(disabled.page, colleague.email, PASSWORD)
    await expect(disabled.page.get_by_text("邮箱或密码不对")).to_be_visible()


async def test_a_new_password_ends_the_other_session(people: People, house: House) -> None:
    here = await people.agent(house, path="/app/settings/own-security")
    there = await people.agent(house, await house.sign_in(house.admin))
    changed = "bamboo-lantern-17-snow"

    await here.page.get_by_label("现在的密码").fill(PASSWORD)
    await here.page.get_by_label("新密码").fill(changed)
    await here.page.get_by_role("button", name="修改密码").click()
    await here.toast("密码已修改，其他设备已退出")

    # then the other one is out, and comes back with the new password only
    await expect(there.page.get_by_text("登录已失效，请重新登录")).to_be_visible()
    await _sign_in(there.page, house.admin.email, PASSWORD)
    await expect(there.page.get_by_text("邮箱或密码不对")).to_be_visible()
    await _sign_in(there.page, house.admin.email, changed)
    await expect(there.page.get_by_role("heading", name="还没有对话")).to_be_visible()
    # and this one goes on
    await here.page.get_by_role("navigation", name="主导航").get_by_role("link", name="对话").click()
    await expect(here.page.get_by_role("heading", name="还没有对话")).to_be_visible()


async def test_language_and_theme_are_chosen_in_the_profile_and_stay(people: People, house: House) -> None:
    agent = await people.agent(house, path="/app/settings/profile")

    # when English and the dark theme are chosen
    await agent.page.get_by_role("group", name="外观").get_by_role("button", name="深色").click()
    await agent.page.get_by_role("group", name="语言", exact=True).get_by_role("button", name="English").click()
    # then the page turns at once
    await expect(agent.page.get_by_role("heading", name="Profile", level=1)).to_be_visible()
    await expect(agent.page.locator("html")).to_have_attribute("lang", "en")
    await expect(agent.page.locator("html")).to_have_attribute("data-theme", "dark")

    # and it is so after a reload, and the language in another browser too
    await agent.page.reload()
    await expect(agent.page.get_by_role("heading", name="Profile", level=1)).to_be_visible()
    await expect(agent.page.locator("html")).to_have_attribute("data-theme", "dark")
    elsewhere = await people.agent(house, await house.sign_in(house.admin))
    await expect(elsewhere.page).to_have_title("Chats · Qiatan")


async def _sign_in(page: Page, email: str, password: str) -> None:
    await page.get_by_label("邮箱").fill(email)
    await page.get_by_label("密码", exact=True).fill(password)
    await page.get_by_role("button", name="登录", exact=True).click()
