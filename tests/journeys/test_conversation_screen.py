"""The conversation screen in use: answering and changing a message, drafts on two devices, calling a colleague, finding a message again."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from qiatan.infra.clock import new_id
from tests.journeys.conftest import People
from tests.journeys.house import House, Member, client_of
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
        answer = await self.client.post("/widget/messages", json={"client_message_id": str(new_id()), "kind": "text", "text": text})
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
        client = client_of(house.server)
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
    conversation = await house.admin.get(f"/conversations/{conversation_id}")
    for _ in range(50):
        if conversation["status"] == "active":
            break
        await asyncio.sleep(0.1)
        conversation = await house.admin.get(f"/conversations/{conversation_id}")
    if conversation["status"] == "waiting":
        await house.admin.post(f"/conversations/{conversation_id}/take")
    if name:
        await house.admin.change_customer(conversation_id, name=name) if hasattr(house.admin, "change_customer") else await _rename(
            house, conversation_id, name
        )
    return Talk(house, client, conversation_id)


async def _rename(house: House, conversation_id: str, name: str) -> None:
    context = await house.admin.get(f"/conversations/{conversation_id}/context")
    answer = await house.admin.client.patch(
        f"/conversations/{conversation_id}/customer", json={"name": name, "version": context["customer"]["version"]}
    )
    assert answer.is_success, answer.text


def line(agent: Agent, text: str) -> Locator:
    """The message in the thread that says this, with what can be done with it."""
    return agent.thread.locator(".line").filter(has_text=text)


async def test_look(people: People, house: House) -> None:
    """Scratch."""
    gu = await house.hire("顾南乔", role="admin")
    await house.admin.client.put("/presence/me", json={"status": "online"})
    talk = await begun(house, "你好，上周买的马克杯昨天到了", name="陈若溪")
    await talk.say("杯口有一道细纹，不知道是釉面还是裂了")
    first = await talk.answer("若溪您好，照片看到了。麻烦用指甲轻轻划一下，会不会挂手？")
    await talk.answer("挂手就是坯体开裂，我们直接给您换新。")
    await talk.say("有一点挂手，从这里裂到杯腹 https://xn--80ak6aa92e.com/login 看")
    await talk.note("@顾南乔 釉下青 10 月 21 日那窑，已是第 3 起杯口开裂，发货前请抽检。", mentions=[gu.id])
    await talk.answer("确认是开裂，抱歉让您白等一场。", reply_to=first + 2)
    other = await begun(house, "微信怎么付款", name="周晚舟")
    await other.say("发错颜色了，我拍的是雾灰")
    agent = await people.agent(house, path=f"/app/conversations/{talk.id}")
    await agent.sees("确认是开裂")
    page = agent.page
    await page.screenshot(path="/tmp/b5/look-1.png")
    await line(agent, "有一点挂手").last.hover()
    await page.screenshot(path="/tmp/b5/look-2.png")
    await agent.field.fill("")
    await agent.field.press("ArrowUp")
    await page.screenshot(path="/tmp/b5/look-3.png")
    await agent.field.press("Escape")
    await page.get_by_role("button", name="内部备注").click()
    await page.keyboard.type("@")
    await asyncio.sleep(0.5)
    await page.screenshot(path="/tmp/b5/look-4.png")
    await page.keyboard.press("Escape")
    await page.get_by_role("textbox", name="查找对话").fill("雾灰")
    await asyncio.sleep(1)
    await page.screenshot(path="/tmp/b5/look-5.png")
    await page.get_by_role("textbox", name="查找对话").fill("")
    await page.get_by_role("button", name="筛选").click()
    await page.screenshot(path="/tmp/b5/look-6.png")
