"""Looking at the product as a colleague, and rights that go while a page is open."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect

from tests.journeys.audit import axe
from tests.journeys.conftest import People
from tests.journeys.house import House, Member
from tests.journeys.people import Agent
from tests.journeys.server import Server

SOON = 3_000
"""Milliseconds in which a right that went must have left the screen: a second by the rules, and the browser's own time."""


async def _view(people: People, house: House, server: Server, colleague: Member) -> tuple[Agent, Page]:
    """An administrator, and the tab in which they look as a colleague."""
    admin = await people.agent(house)
    grant = await house.admin.post(f"/agents/{colleague.id}/view-as")
    tab = await admin.context.new_page()
    await tab.goto(f"{server.url}/app/#view={grant['token']}")
    await expect(tab.get_by_text(f"你正以{colleague.name}的身份查看，只读")).to_be_visible()
    return admin, tab


async def test_an_administrator_looks_as_a_colleague_and_can_change_nothing(people: People, house: House, server: Server) -> None:
    # given a colleague in a conversation
    colleague = await house.hire("白露")
    await house.admin.client.put("/presence/me", json={"status": "offline"})
    served = await people.agent(house, colleague)
    await expect(served.page.get_by_role("button", name=re.compile("，在线，"))).to_be_visible()
    visitor = await people.visitor(house)
    await visitor.say("壶盖单卖吗")
    await served.open("壶盖单卖吗")

    # when the administrator looks as them
    _, tab = await _view(people, house, server, colleague)
    # then nothing of the permission stands in the address
    assert "view=" not in tab.url
    # and they see the conversation, and why nothing can be written
    await tab.get_by_role("region", name="对话列表").get_by_role("listitem").filter(has_text="壶盖单卖吗").get_by_role("link").click()
    await expect(tab.get_by_role("log")).to_contain_text("壶盖单卖吗")
    await expect(tab.get_by_text("正以别人的身份查看，不能发送消息")).to_be_visible()
    await expect(tab.get_by_role("textbox", name="回复")).to_be_hidden()
    await expect(tab.get_by_role("button", name="结束对话")).to_be_hidden()
    assert await axe(tab) == []

    # and what comes meanwhile is seen too
    await visitor.say("还有杯垫")
    await expect(tab.get_by_role("log")).to_contain_text("还有杯垫")
    # and the own menu has no status and no way to sign the colleague out
    await tab.get_by_role("button", name=re.compile("打开个人菜单$")).click()
    await expect(tab.get_by_role("menuitem", name="登录安全")).to_be_visible()
    await expect(tab.get_by_role("menuitem", name=re.compile("^离线"))).to_be_hidden()
    await expect(tab.get_by_role("menuitem", name="退出登录")).to_be_hidden()

    # and a form says at once that it cannot be changed
    await tab.get_by_role("menuitem", name="个人资料").click()
    await expect(tab.get_by_text("查看他人视角时不能修改")).to_be_visible()
    await expect(tab.get_by_label("姓名")).to_be_disabled()
    await expect(tab.get_by_label("姓名")).to_have_value("白露")
    await expect(tab.get_by_role("button", name="上传图片").last).to_be_disabled()
    assert await axe(tab) == []


async def test_who_looks_as_an_administrator_sees_the_actions_and_can_take_none(people: People, house: House, server: Server) -> None:
    colleague = await house.hire("白露", role="admin", scope={"kind": "all", "group_ids": []})
    agent = await house.hire("顾南乔")
    _, tab = await _view(people, house, server, colleague)
    found: list[str] = []

    async def off(path: str, *names: str) -> None:
        await tab.goto(f"{server.url}/app/settings/{path}")
        for name in names:
            # An empty list offers the action a second time.
            await expect(tab.get_by_role("button", name=name, exact=True).first).to_be_disabled()
            await expect(tab.locator("fieldset").filter(has=tab.get_by_role("button", name=name, exact=True)).first).to_have_attribute(
                "title", "查看他人视角时不能修改"
            )
        # axe takes everything inside a disabled fieldset for out of the keyboard's reach, also what has a tabindex of its own.
        found.extend(f"{path}: {one}" for one in await axe(tab) if not one.startswith("scrollable-region-focusable"))

    await off(f"agents/{agent.id}", "邀请客服", "重置密码", "停用", "以此人身份查看")
    await expect(tab.get_by_label("工号", exact=True)).to_be_disabled()
    await off(f"roles/{await house.role('组长', 'agents.view')}", "新角色", "改名", "复制", "删除")
    # what only looks still works
    await tab.get_by_label("找一项权限").fill("查看")
    await expect(tab.get_by_role("checkbox", name="查看", exact=True).first).to_be_disabled()
    await off("security", "试一下")
    await expect(tab.get_by_role("switch", name="启用登录限制")).to_be_disabled()
    regions = tab.get_by_role("list", name="地区", exact=True)
    await regions.focus()
    await expect(regions).to_be_focused()
    await tab.get_by_role("complementary", name="登录日志").get_by_role("button", name="拒绝", exact=True).click()
    await off("api-keys", "新建密钥")
    await off("sso", "测试连接")
    await tab.goto(f"{server.url}/app/settings/audit")
    await tab.get_by_label("操作", exact=True).select_option("角色")
    await expect(tab.get_by_role("listitem").filter(has_text="新建角色「组长」")).to_be_visible()
    assert found == [], "\n".join(found)


async def test_a_view_stays_in_its_tab_and_ends_on_a_click(people: People, house: House, server: Server) -> None:
    colleague = await house.hire("白露")
    admin, tab = await _view(people, house, server, colleague)
    # over a reload it goes on
    await tab.reload()
    await expect(tab.get_by_text("你正以白露的身份查看，只读")).to_be_visible()
    await expect(tab.get_by_text(re.compile(r"^剩余 (30:00|2\d:\d\d)$"))).to_be_visible()
    # the other tab is still one's own
    await admin.page.reload()
    await expect(admin.page.get_by_role("button", name=re.compile("^沈知夏，"))).to_be_visible()
    await expect(admin.page.get_by_text("的身份查看")).to_be_hidden()

    # when it is ended
    await tab.get_by_role("button", name="结束", exact=True).click()
    # then the tab is the administrator's own again
    await expect(tab.get_by_role("button", name=re.compile("^沈知夏，"))).to_be_visible()
    await expect(tab.get_by_text("的身份查看")).to_be_hidden()


async def test_a_view_ends_with_a_word_when_the_colleague_is_disabled(people: People, house: House, server: Server) -> None:
    colleague = await house.hire("白露")
    _, tab = await _view(people, house, server, colleague)

    await house.admin.change(f"/agents/{colleague.id}", enabled=False)

    await expect(tab.get_by_role("heading", name="查看已结束")).to_be_visible()
    assert await axe(tab) == []
    await tab.get_by_role("button", name="回到自己的工作台").click()
    await expect(tab.get_by_role("button", name=re.compile("^沈知夏，"))).to_be_visible()


async def test_a_settings_page_closes_with_a_word_when_its_right_goes_and_opens_when_it_comes_back(people: People, house: House) -> None:
    # given somebody who looks at the agents
    role = await house.role("客服主管", "conversations.serve", "agents.view", "channels.view")
    colleague = await house.hire("白露", role_id=role, scope={"kind": "all", "group_ids": []})
    agent = await people.agent(house, colleague, path="/app/settings/agents")
    await expect(agent.page.get_by_role("link", name="沈知夏")).to_be_visible()

    # when the role loses the point
    await house.admin.change(f"/roles/{role}", points=["conversations.serve", "channels.view"])

    # then the page closes and says why, at once
    await expect(agent.page.get_by_role("heading", name="你的权限刚刚变了，不能再查看这一页")).to_be_visible(timeout=SOON)
    await agent.toast(re.compile("^你的权限刚刚变了：不再有「客服：查看」$"))
    await expect(agent.page.get_by_role("link", name="沈知夏")).to_be_hidden()
    assert await axe(agent.page) == []

    # and opens when it comes back
    await house.admin.change(f"/roles/{role}", points=["conversations.serve", "agents.view", "channels.view"])
    await expect(agent.page.get_by_role("link", name="沈知夏")).to_be_visible()


async def test_what_was_written_outlives_the_right_to_serve(people: People, house: House) -> None:
    # given an agent in the middle of an answer
    role = await house.role("外部客服", "conversations.serve", "conversations.take")
    colleague = await house.hire("白露", role_id=role)
    await house.admin.client.put("/presence/me", json={"status": "offline"})
    agent = await people.agent(house, colleague)
    await expect(agent.page.get_by_role("button", name=re.compile("，在线，"))).to_be_visible()
    visitor = await people.visitor(house)
    await visitor.say("壶盖单卖吗")
    await agent.open("壶盖单卖吗")
    await agent.field.fill("单卖的，稍等我查下库存")

    # when the right to see the queue goes, its tab goes along
    await expect(agent.tab("排队")).to_be_visible()
    await house.admin.change(f"/roles/{role}", points=["conversations.serve"])
    await expect(agent.tab("排队")).to_be_hidden(timeout=SOON)
    await expect(agent.field).to_have_value("单卖的，稍等我查下库存")

    # when the right to serve goes, nothing of the conversations is left on the screen
    await house.admin.change(f"/roles/{role}", points=["enterprise.view"])
    await expect(agent.page.get_by_role("heading", name="你的权限刚刚变了，不能再查看这一页")).to_be_visible(timeout=SOON)
    await expect(agent.page.get_by_text("壶盖单卖吗")).to_be_hidden()

    # then it comes back with what was written
    await house.admin.change(f"/roles/{role}", points=["conversations.serve", "conversations.take"])
    await expect(agent.tab("排队")).to_be_visible()
    await expect(agent.field).to_have_value("单卖的，稍等我查下库存")


async def test_a_colleagues_conversation_closes_when_the_scope_shrinks(people: People, house: House) -> None:
    # given a leader who reads along
    role = await house.role("组长", "conversations.serve", "conversations.view_colleagues")
    leader = await house.hire("白露", role_id=role, scope={"kind": "all", "group_ids": []})
    await leader.client.put("/presence/me", json={"status": "offline"})
    served = await people.agent(house)
    visitor = await people.visitor(house)
    await visitor.say("壶盖单卖吗")
    await served.open("壶盖单卖吗")
    agent = await people.agent(house, leader)
    await agent.tab("同事").click()
    await agent.open("壶盖单卖吗")

    # when the scope shrinks to oneself
    await house.admin.change(f"/agents/{leader.id}", scope={"kind": "self", "group_ids": []})

    # then the conversation is gone from the list and from the screen, with a word why
    await expect(agent.thread).to_be_hidden(timeout=SOON)
    await expect(agent.page.get_by_role("heading", name="没有这个对话")).to_be_visible()
    await expect(agent.row("壶盖单卖吗")).to_be_hidden()
    await agent.toast("你的权限范围刚刚变了，列表已更新")
