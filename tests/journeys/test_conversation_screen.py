"""The conversation screen in use: answering and changing a message, drafts on two devices, calling a colleague, finding a message again."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from qiatan.infra.clock import new_id
from tests.journeys.conftest import People
from tests.journeys.house import House, Member
from tests.journeys.people import Agent, picture
from tests.journeys.test_screens import Camera, Theme

PHONE = {"width": 390, "height": 844}
NARROW = {"width": 1024, "height": 768}


class Talk:
    """A visitor who writes through the API, and an agent's answers: many messages in little time."""

    def __init__(self, house: House, client: Any, conversation_id: str) -> None:
        self.house = house
        self.client = client
        self.id = conversation_id

    async def say(self, text: str) -> int:
        body = {"client_message_id": str(new_id()), "kind": "text", "text": text}
        answer = await self.client.post("/widget/messages", json=body)
        assert answer.is_success, answer.text
        return int(answer.json()["seq"])

    async def answer(self, text: str, member: Member | None = None, **more: Any) -> int:
        body = {"client_message_id": str(new_id()), "kind": "text", "text": text, **more}
        return int((await (member or self.house.admin).post(f"/conversations/{self.id}/messages", body))["seq"])

    async def note(self, text: str, member: Member | None = None, **more: Any) -> int:
        body = {"client_message_id": str(new_id()), "text": text, **more}
        return int((await (member or self.house.admin).post(f"/conversations/{self.id}/notes", body))["seq"])

    async def end(self) -> None:
        await self.house.admin.post(f"/conversations/{self.id}/end")


async def begun(house: House, first: str, *, name: str = "", client: Any = None) -> Talk:
    """A conversation that the house's administrator serves; `client`: of a customer who has been here before."""
    if client is None:
        client = house.stranger()
        visit = {
            "page_url": "https://shop.example/kettle",
            "page_title": "粗陶手冲壶",
            "referrer": "",
            "language": "zh-CN",
            "timezone": "Asia/Shanghai",
            "screen": "1440x900",
        }
        session = await client.post(f"/widget/{house.key}/session", json=visit)
        assert session.is_success, session.text
        client.headers["Authorization"] = f"Bearer {session.json()['token']}"
    answer = await client.post("/widget/messages", json={"client_message_id": str(new_id()), "kind": "text", "text": first})
    assert answer.is_success, answer.text
    conversation_id = answer.json()["conversation_id"]
    taken = await house.admin.client.post(f"/conversations/{conversation_id}/take")
    assert taken.is_success or taken.json()["error"]["code"] == "already_taken", taken.text  # where a page is open, it has come by itself
    if name:
        await _rename(house, conversation_id, name)
    return Talk(house, client, conversation_id)


async def _rename(house: House, conversation_id: str, name: str) -> None:
    context = await house.admin.get(f"/conversations/{conversation_id}/context")
    answer = await house.admin.client.patch(
        f"/conversations/{conversation_id}/customer", json={"name": name, "version": context["customer"]["version"]}
    )
    assert answer.is_success, answer.text


def line(agent: Agent, text: str) -> Locator:
    """The message in the thread that says this, with what can be done with it."""
    return agent.line(text)


async def test_an_answer_quotes_the_message_it_answers_and_leads_to_it(people: People, house: House) -> None:
    # given a question far above
    talk = await begun(house, "雾灰的手冲壶有现货吗")
    for number in range(60):
        await (talk.say if number % 10 == 9 else talk.answer)(f"闲谈第 {number} 句")
    agent = await people.agent(house, path=f"/app/conversations/{talk.id}")
    await agent.sees("闲谈第 59 句")

    # when the customer's last line is answered, and then the question at the top
    await agent.act("闲谈第 59 句", "回复")
    await expect(agent.page.get_by_text("回复 访客")).to_be_visible()
    await expect(agent.field).to_be_focused()
    await agent.answer("这一句也看到了")
    await expect(line(agent, "这一句也看到了").get_by_role("button", name=re.compile("^跳到原消息.*闲谈第 59 句"))).to_be_visible()
    await expect(agent.page.get_by_text("回复 访客")).to_be_hidden()
    await talk.answer("有的，还有六只", reply_to=1)

    # then the quote is there although what it quotes is not loaded, and leads to it
    quote = line(agent, "有的，还有六只").get_by_role("button", name=re.compile("^跳到原消息.*雾灰的手冲壶有现货吗"))
    await quote.click()
    await expect(agent.thread.locator(".bub", has_text="雾灰的手冲壶有现货吗").first).to_be_in_viewport()
    await expect(agent.thread.get_by_text("这一句也看到了")).not_to_be_in_viewport()


async def test_a_flood_into_the_open_conversation_is_followed_to_its_end_and_asks_for_next_to_nothing(people: People, house: House) -> None:
    talk = await begun(house, "在吗")
    agent = await people.agent(house, path=f"/app/conversations/{talk.id}")
    await agent.sees("在吗")
    asked: list[str] = []
    agent.page.on("request", lambda request: asked.append(request.url) if "/api/" in request.url else None)

    # when a machine writes 300 messages as fast as it can, ten at a time
    for begin in range(0, 300, 10):
        await asyncio.gather(*(talk.say(f"第 {number} 句。") for number in range(begin, begin + 10)))
    await talk.say("就这些")

    # then the last of them is on the screen and read, what lies far above is not drawn, and the page has hardly asked for anything
    await expect(agent.thread.get_by_text("就这些")).to_be_in_viewport()
    await expect(agent.inbox.get_by_text("就这些")).to_be_visible()
    assert await agent.thread.locator(".bub").count() < 150
    assert len(asked) <= 30, asked
    # and it is no slower than before: an answer comes through at once
    await agent.answer("收到")
    await agent.sees("收到")
    assert (await house.admin.get(f"/conversations/{talk.id}"))["agent_unread"] == 0


async def test_what_was_sent_is_changed_with_the_arrow_and_says_so_on_both_sides(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)
    await agent.answer("送到要 3 天")
    await visitor.sees("送到要 3 天")
    await agent.field.fill("还没写完的")
    await agent.field.fill("")

    # when the last message is changed
    await agent.field.press("ArrowUp")
    await expect(agent.field).to_have_value("送到要 3 天")
    await agent.field.fill("送到要 2 天")
    await agent.field.press("Enter")
    # then it stands changed in its place, on both sides
    await agent.sees("送到要 2 天")
    await expect(line(agent, "送到要 2 天")).to_have_count(1)
    await expect(agent.thread.get_by_text("已编辑")).to_be_visible()
    await expect(agent.inbox).to_contain_text("你：送到要 2 天")
    await visitor.sees("送到要 2 天")
    assert "3 天" not in await agent.thread.inner_text() + await visitor.log.inner_text()

    # and Esc leaves everything as it was
    await agent.field.press("ArrowUp")
    await agent.field.fill("不要这样")
    await agent.field.press("Escape")
    await expect(agent.field).to_have_value("")
    await expect(agent.thread.get_by_text("不要这样")).to_have_count(0)


async def test_a_draft_is_on_the_other_device_and_gone_there_once_it_was_sent(people: People, house: House) -> None:
    talk = await begun(house, "可以开票吗")
    desk = await people.agent(house, path=f"/app/conversations/{talk.id}")
    async with desk.page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.request.method == "PUT"):
        await desk.field.fill("可以的，请告诉我抬头")
    # when another device is opened later
    phone = await people.agent(house, path=f"/app/conversations/{talk.id}", viewport=PHONE, has_touch=True, is_mobile=True)
    await expect(phone.field).to_have_value("可以的，请告诉我抬头")
    # and what is written there comes back at once, but a note is a draft of its own
    await phone.field.fill("可以的，请告诉我抬头和税号")
    await expect(desk.field).to_have_value("可以的，请告诉我抬头和税号")
    await desk.page.get_by_role("button", name="内部备注").click()
    await expect(desk.page.get_by_role("textbox", name="内部备注")).to_have_value("")
    await desk.page.get_by_role("button", name="内部备注").click()

    await desk.field.press("Enter")
    await expect(phone.thread).to_contain_text("可以的，请告诉我抬头和税号")
    await expect(phone.field).to_have_value("")


async def test_a_colleague_is_called_in_a_note_and_both_see_that_they_look_at_it(people: People, house: House) -> None:
    gu = await house.hire("顾南乔", role_id=await house.builtin("admin"))
    talk = await begun(house, "杯口裂了", name="陈若溪")
    agent = await people.agent(house, path=f"/app/conversations/{talk.id}")
    colleague = await people.agent(house, gu)

    # when she is called by name
    await agent.page.get_by_role("button", name="内部备注").click()
    await agent.page.keyboard.type("@顾")
    await expect(agent.page.get_by_role("option", name="顾南乔")).to_have_attribute("aria-selected", "true")
    await agent.page.keyboard.press("Enter")
    await agent.page.keyboard.type("这窑已是第 3 起，发货前请抽检")
    await agent.page.keyboard.press("Enter")
    await expect(agent.thread.locator("b", has_text="@顾南乔")).to_be_visible()

    # then her list says so until she has looked
    await colleague.tab("同事").click()
    await expect(colleague.row("陈若溪").get_by_text("有 1 条备注提到你")).to_be_attached()
    await colleague.page.get_by_role("button", name="筛选").click()
    await colleague.page.get_by_role("checkbox", name="只看提到我的").check()
    await colleague.page.keyboard.press("Escape")
    await expect(colleague.row("陈若溪")).to_have_count(1)
    await colleague.page.get_by_role("button", name="清除筛选").click()
    await colleague.row("陈若溪").get_by_role("link").click()
    await colleague.sees("这窑已是第 3 起")
    await expect(colleague.row("陈若溪").get_by_text("有 1 条备注提到你")).to_have_count(0)
    await colleague.page.reload()
    await colleague.tab("同事").click()
    await expect(colleague.row("陈若溪").get_by_text("有 1 条备注提到你")).to_have_count(0)

    # and each sees that the other one looks at it, as long as that is so
    await expect(agent.page.get_by_text("顾南乔也在看")).to_be_visible()
    await expect(colleague.page.get_by_text("沈知夏也在看")).to_be_visible()
    await colleague.page.goto(f"{house.server.url}/app/conversations")
    await expect(agent.page.get_by_text("顾南乔也在看")).to_be_hidden()


async def test_a_message_is_found_again_and_stands_in_the_middle_of_what_was_said(people: People, house: House) -> None:
    ended = await begun(house, "你好", name="周晚舟")
    await ended.say("我拍的是雾灰，发来米白")
    for number in range(80):
        await (ended.say if number % 4 == 3 else ended.answer)(f"核对第 {number} 项")
    await ended.end()
    await begun(house, "还在吗")
    agent = await people.agent(house)
    await agent.page.keyboard.press("/")
    await agent.page.keyboard.type("雾灰")
    found = agent.inbox.get_by_role("link", name="我拍的是雾灰，发来米白")
    await expect(found).to_be_visible()
    await expect(agent.inbox.get_by_text("已结束", exact=True)).to_be_visible()
    await found.click()
    await expect(agent.thread.locator(".bub", has_text="我拍的是雾灰")).to_be_in_viewport()
    await expect(agent.thread.get_by_text("核对第 79 项")).not_to_be_in_viewport()
    # and nothing found says so
    await agent.page.get_by_role("textbox", name="查找对话").fill("不存在的话")
    await expect(agent.page.get_by_role("heading", name="没有找到「不存在的话」")).to_be_visible()
    await agent.page.get_by_role("button", name="清除查找").last.click()
    await expect(agent.row("还在吗")).to_be_visible()


async def test_history_goes_up_to_the_first_conversation_and_nothing_moves_meanwhile(people: People, house: House) -> None:
    first = await begun(house, "第一次来，有杯子吗", name="老顾客")
    await first.answer("有的")
    await first.end()
    for number in range(6):
        again = await begun(house, f"第 {number + 2} 次来", client=first.client)
        await again.end()
    now = await begun(house, "这次问壶", client=first.client)
    agent = await people.agent(house, path=f"/app/conversations/{now.id}")
    await agent.sees("这次问壶")
    await agent.thread.focus()
    for _ in range(60):
        await agent.page.keyboard.press("Home")
        if await agent.thread.get_by_text("第一次来，有杯子吗").count():
            break
        await agent.page.wait_for_function("() => !document.querySelector('[role=log] [role=status]')")
    await expect(agent.thread.get_by_text("第一次来，有杯子吗")).to_be_visible()
    await agent.page.wait_for_function("() => document.querySelector('[role=log]').scrollTop === 0")

    # while one reads there, what arrives below is counted and moves nothing
    await now.say("还有，能送礼盒吗")
    await expect(agent.page.get_by_role("button", name="1 条新消息")).to_be_visible()
    assert await agent.thread.evaluate("(log) => log.scrollTop") <= 1
    await agent.page.get_by_role("button", name="1 条新消息").click()
    await agent.sees("还有，能送礼盒吗")
    await expect(agent.thread.get_by_text("还有，能送礼盒吗")).to_be_in_viewport()


async def test_the_first_unread_message_is_one_press_away(people: People, house: House) -> None:
    talk = await begun(house, "你好", name="话多的人")
    agent = await people.agent(house, path=f"/app/conversations/{talk.id}")
    await agent.sees("你好")
    # the thread may be here before the line by which it is told that it was read
    unread = "async (id) => (await (await fetch(`/api/v1/conversations/${id}`)).json()).agent_unread"
    while await agent.page.evaluate(unread, str(talk.id)):
        await agent.page.wait_for_timeout(100)
    await agent.page.goto(f"{house.server.url}/app/settings/profile")
    for number in range(60):
        await talk.say(f"要求第 {number + 1} 条")
    await agent.page.get_by_role("navigation", name="主导航").get_by_role("link", name=re.compile("^对话")).click()
    await agent.open("话多的人")
    await agent.sees("要求第 60 条")
    await agent.page.get_by_role("button", name="60 条未读").click()
    await expect(agent.thread.get_by_text("要求第 1 条", exact=True)).to_be_in_viewport()
    await expect(agent.thread.locator(".newl")).to_be_in_viewport()


async def test_pictures_are_looked_at_closely_turned_and_walked_through(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)
    await visitor.choose_picture(picture("壶一.png"))
    await expect(agent.thread.get_by_role("button", name=re.compile("发来的图片$"))).to_have_count(1)
    await visitor.choose_picture(picture("壶二.png", color="#b98a5e"))
    await expect(agent.thread.get_by_role("button", name=re.compile("发来的图片$"))).to_have_count(2)
    await agent.thread.get_by_role("button", name=re.compile("发来的图片$")).last.click()
    viewer = agent.page.get_by_role("dialog", name="查看图片")
    await expect(viewer).to_contain_text("2 / 2")
    await agent.page.keyboard.press("+")
    await expect(viewer).to_contain_text("150%")
    await agent.page.keyboard.press("r")
    await expect(viewer.get_by_role("img")).to_have_attribute("style", re.compile("rotate\\(90deg\\)"))
    await agent.page.keyboard.press("ArrowLeft")
    await expect(viewer).to_contain_text("1 / 2")
    await expect(viewer).to_contain_text("100%")
    async with agent.page.expect_download() as downloading:
        await viewer.get_by_role("link", name="下载").click()
    assert (await downloading.value).suggested_filename == "壶一.png"
    await agent.page.keyboard.press("Escape")
    await expect(viewer).to_be_hidden()


async def test_a_link_shows_first_where_it_leads(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)
    await visitor.say("看这个 https://p\u0430ypal.com/login?a=1")
    async with agent.context.expect_page() as opening:
        await agent.thread.get_by_role("link").click()
    page = await opening.value
    await expect(page.get_by_role("heading", name="你要打开一个外部网站")).to_be_visible()
    await expect(page.get_by_text("混用了几种文字的字母")).to_be_visible()
    leave = page.get_by_role("link", name="在新标签页打开")
    await expect(leave).to_have_attribute("href", "https://xn--pypal-4ve.com/login?a=1")
    await expect(leave).to_have_attribute("rel", re.compile("noopener.*noreferrer"))
    assert await page.evaluate("window.opener") is None
    # what is no web address is not opened at all
    await page.goto(f"{house.server.url}/app/away#javascript:alert(1)")
    await page.reload()
    await expect(page.get_by_role("heading", name="这不是可以打开的网址")).to_be_visible()
    await expect(page.get_by_role("link")).to_have_count(0)


async def _scene(people: People, house: House, **options: Any) -> Agent:
    """A conversation with everything in it: a quote, a note that calls, a change, an unread line."""
    gu = await house.hire("顾南乔", role_id=await house.builtin("admin"))
    talk = await begun(house, "你好，上周买的马克杯昨天到了", name="陈若溪")
    await talk.say("杯口有一道细纹，不知道是釉面还是裂了")
    asked = await talk.answer("若溪您好，麻烦用指甲轻轻划一下，会不会挂手？")
    await talk.answer("挂手就是坯体开裂，我们直接给您换新。")
    await talk.say("有一点挂手，从这里裂到杯腹")
    await talk.note("@顾南乔 釉下青 10 月 21 日那窑，已是第 3 起杯口开裂，发货前请抽检。", mentions=[gu.id])
    seq = await talk.answer("确认是开裂，抱歉让您白等一场。新的今天下午发出。", reply_to=asked + 2)
    body = {"client_message_id": str(new_id()), "text": "确认是开裂，抱歉让您白等一场。旧杯不用寄回，新的今天下午发出。"}
    await house.admin.post(f"/conversations/{talk.id}/messages/{seq}/edit", body)
    for name, first in (("周晚舟", "发错颜色了，我拍的是雾灰"), ("半亩茶园", "批发 50 只公道杯，含税含运费多少")):
        await begun(house, first, name=name)
    agent = await people.agent(house, path=f"/app/conversations/{talk.id}", **options)
    await agent.sees("旧杯不用寄回")
    return agent


@pytest.mark.parametrize(
    ("look", "locale", "size"),
    [("zh-1440", "zh-CN", None), ("en-1440", "en", None), ("zh-1024", "zh-CN", NARROW), ("zh-390", "zh-CN", PHONE)],
)
async def test_the_screen_in_use_looks_right(people: People, house: House, look: str, locale: str, size: dict[str, int] | None) -> None:
    if locale == "en":
        me = house.admin.me["agent"]
        await house.admin.client.patch("/me", json={"locale": "en", "version": me["version"]})
    themes: tuple[Theme, ...] = ("dark", "light")
    camera = Camera(look, themes=themes)
    options: dict[str, Any] = {"viewport": size} if size else {}
    agent = await _scene(people, house, **options, locale="en-US" if locale == "en" else locale)
    page = agent.page
    await line(agent, "旧杯不用寄回").last.hover()
    await camera.shoot(page, "talk-actions")
    await line(agent, "旧杯不用寄回").last.get_by_role("button", name=re.compile("^(回复|Reply)$")).click()
    await camera.shoot(page, "talk-reply")
    await agent.field.press("Escape")
    await page.get_by_role("button", name=re.compile("^(内部备注|Internal note)$")).click()
    await page.keyboard.type("@")
    await expect(page.get_by_role("option").first).to_be_visible()
    await camera.shoot(page, "talk-mention")
    await page.keyboard.press("Escape")
    await _search_and_filter(page, agent, camera, size)
    await page.goto(f"{house.server.url}/app/away#https://p\u0430ypal.com:8443/login")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await camera.shoot(page, "talk-away")
    camera.check()


async def _search_and_filter(page: Page, agent: Agent, camera: Camera, size: dict[str, int] | None) -> None:
    if size == PHONE:
        await page.get_by_role("button", name="返回列表").click()
    await page.get_by_role("textbox", name=re.compile("^(查找对话|Search conversations)$")).fill("开裂")
    await expect(agent.inbox.locator("mark").first).to_be_visible()
    await camera.shoot(page, "talk-search")
    await page.get_by_role("textbox", name=re.compile("^(查找对话|Search conversations)$")).fill("")
    await page.get_by_role("button", name=re.compile("^(筛选|Filter)$")).click()
    await page.get_by_role("checkbox").first.check()
    await camera.shoot(page, "talk-filter")
    await page.keyboard.press("Escape")
