"""The web channel's page: what is changed there, visitors see."""

from __future__ import annotations

from playwright.async_api import expect

from tests.journeys.conftest import People
from tests.journeys.house import House
from tests.journeys.people import Agent


async def test_colour_and_texts_are_previewed_saved_and_shown_by_the_widget(people: People, house: House) -> None:
    admin = await people.agent(house, path="/app/settings/web")
    visitor = await people.visitor(house)
    preview = admin.page.get_by_role("complementary", name="预览")

    # when colour and texts are changed, then the preview follows at once
    await admin.page.get_by_role("radio", name="松绿").check()
    await admin.page.get_by_label("标题", exact=True).fill("松间客服")
    await admin.page.get_by_label("欢迎语").fill("今天新到了雾灰手冲壶")
    await expect(preview).to_contain_text("松间客服")
    await expect(preview).to_contain_text("今天新到了雾灰手冲壶")
    await expect(admin.page.get_by_text("处未保存的修改")).to_be_visible()
    await visitor.sees("您好，请问有什么可以帮您？")

    # when it is saved, then the widget shows it after a reload
    await _save(admin)
    await admin.toast("已保存")
    await visitor.page.reload()
    await visitor.open()
    await visitor.sees("今天新到了雾灰手冲壶")
    await expect(visitor.panel.get_by_role("heading", name="松间客服")).to_be_visible()
    newcomer = await people.visitor(house, opened=False)
    await expect(newcomer.launcher).to_have_css("background-color", "rgb(47, 107, 94)")


async def test_words_that_nobody_has_changed_are_in_each_visitors_language(people: People, house: House) -> None:
    # given a house whose words are as they came
    here, abroad = await people.visitor(house), await people.visitor(house, locale="en-US")
    await here.sees("您好，请问有什么可以帮您？")
    await abroad.sees("Hello, how can we help you?")
    await expect(abroad.panel.get_by_role("heading", name="Chat with us")).to_be_visible()

    # when it writes a greeting of its own
    change = {"version": house.channel["version"], "settings": {"greeting": "雾灰手冲壶到了"}}
    assert (await house.admin.client.patch(f"/channels/{house.channel['id']}", json=change)).is_success
    await abroad.page.reload()
    await abroad.open()

    # then everybody reads that, and the other words stay in the reader's language
    await abroad.sees("雾灰手冲壶到了")
    await expect(abroad.panel.get_by_role("heading", name="Chat with us")).to_be_visible()


async def test_two_administrators_at_once_are_told_and_lose_nothing(people: People, house: House) -> None:
    second = await house.hire("顾南乔", role="admin")
    here, there = await people.agent(house, path="/app/settings/web"), await people.agent(house, second, path="/app/settings/web")

    # given two who change different things
    await here.page.get_by_label("标题", exact=True).fill("甲写的标题")
    await there.page.get_by_label("欢迎语").fill("乙写的欢迎语")

    # when the first saves
    await _save(here)
    await here.toast("已保存")

    # then the second is told, and what they typed is still there
    await expect(there.page.get_by_role("alert").filter(has_text="有人刚改过这里")).to_be_visible()
    await expect(there.page.get_by_label("欢迎语")).to_have_value("乙写的欢迎语")

    # when they keep theirs and save, then both changes hold
    await there.page.get_by_role("button", name="仍用我的修改").click()
    await expect(there.page.get_by_label("标题", exact=True)).to_have_value("甲写的标题")
    await _save(there)
    await there.toast("已保存")
    settings = (await house.admin.get(f"/channels/{house.channel['id']}"))["settings"]
    assert (settings["title"], settings["greeting"]) == ("甲写的标题", "乙写的欢迎语")


async def _save(agent: Agent) -> None:
    await agent.page.get_by_role("button", name="保存", exact=True).click()
