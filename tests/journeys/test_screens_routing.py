"""The screens of who gets a conversation, photographed and audited: queue, deadline, transfer, offers, watching, notes, reasons, status."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from playwright.async_api import expect

from tests.journeys.conftest import People
from tests.journeys.desk import dialog, opened, put, waiting
from tests.journeys.house import House, Member, house_of
from tests.journeys.people import Agent
from tests.journeys.server import Server
from tests.journeys.test_screens import PHONE, Camera


@dataclass(frozen=True)
class Desk:
    """One language's people and lines."""

    locale: str
    enterprise: str
    admin: str
    colleague: str
    group: str
    shop: str
    served: str
    waits: tuple[str, str, str]
    note: str
    answer: str
    tag: str
    word: str


CHINESE_DESK = Desk(
    "zh-CN", "松间器物", "沈知夏", "顾南乔", "售后组", "松间小店", "茶壶能补发壶盖吗", ("想问发货", "想换一只杯子", "婚宴定制八十份"),
    "老客户，语气软一点", "可以补发，我登记一下", "回头客", "问茶壶，已答应补发",
)  # fmt: skip
ENGLISH_DESK = Desk(
    "en-US", "Pine & Clay", "Ada Shen", "Tom Gu", "Care", "Pine shop", "Can you send a new lid", ("Asking for delivery", "Exchange a cup", "Eighty for a wedding"),
    "A regular, be gentle", "We can, let me note it", "regular", "Teapot lid, promised",
)  # fmt: skip


async def _speak(member: Member, desk: Desk) -> None:
    if desk.locale != "zh-CN":
        version = (await member.get("/me"))["agent"]["version"]
        answer = await member.client.patch("/me", json={"locale": "en", "version": version})
        assert answer.is_success


async def _line(people: People, house: House, desk: Desk, **options: Any) -> Agent:
    """A house in which one visitor is served by the administrator and three wait, one of them a VIP; and a colleague who looks on."""
    colleague = await house.hire(desk.colleague, role="admin")
    await house.admin.post("/groups", {"name": desk.group, "member_ids": [colleague.id]})
    for member in (house.admin, colleague):
        await _speak(member, desk)
    await house.admin.change(f"/agents/{house.admin.id}", max_conversations=1)
    await put(house, "/routing/transfers", ask=True, ask_seconds=600, steps=[{"seconds": 170, "group_id": None}])
    agent = await people.agent(house, locale=desk.locale)
    await agent.inbox.get_by_role("tab").nth(1).click()
    for place, words in enumerate((desk.served, *desk.waits)):
        visitor = await people.visitor(house, title=desk.shop, locale=desk.locale)
        await visitor.say(words)
        await expect(waiting(agent)).to_have_count(place)
        await expect(agent.inbox.get_by_role("tab").first).to_contain_text("1")
    waits = await house.admin.conversations("queue")
    customer = await house.admin.get(f"/conversations/{waits[2]['id']}/context")
    tag = await house.admin.post("/tags", {"kind": "customer", "name": desk.tag})
    await house.admin.client.patch(
        f"/conversations/{waits[2]['id']}/customer", json={"vip": True, "tag_ids": [tag["id"]], "version": customer["customer"]["version"]}
    )
    # Nothing comes to the colleague before the queue was looked at.
    await colleague.client.put("/presence/me", json={"status": "away"})
    return await people.agent(house, colleague, locale=desk.locale, **options)


async def _photograph(people: People, server: Server, desk: Desk, camera: Camera, **options: Any) -> None:
    async with house_of(server, name=desk.enterprise, admin=desk.admin) as house:
        colleague = await _line(people, house, desk, **options)
        shown = await people.agent(house, locale=desk.locale, **options)
        page = shown.page
        small = options.get("viewport") == PHONE

        # the queue, and the own conversation with its deadline
        await shown.inbox.get_by_role("tab").nth(1).click()
        await expect(waiting(shown)).to_have_count(3)
        await camera.shoot(page, "routing-queue", kept="官网")
        if options.get("viewport") is None:
            await shown.open(desk.waits[2])
            await expect(page.get_by_role("complementary").get_by_text(desk.tag)).to_be_visible()
            await camera.shoot(page, "routing-customer", kept="官网")
        await house.members[1].client.put("/presence/me", json={"status": "online"})
        await expect(waiting(shown)).to_have_count(0)
        await shown.inbox.get_by_role("tab").nth(0).click()
        await shown.open(desk.served)
        await expect(shown.page.get_by_text(re.compile("转接倒计时|Transferred in")).first).to_be_visible()
        await camera.shoot(page, "routing-deadline", kept="官网")

        await _hand_over(shown, desk, camera, small=small)
        await camera.shoot(colleague.page, "routing-offer", kept="官网")
        await _reasons(shown, camera, small=small)
        await _watching(colleague, desk, camera)


async def _hand_over(shown: Agent, desk: Desk, camera: Camera, *, small: bool) -> None:
    """A note, the answer, and asking the colleague to go on."""
    page = shown.page
    await page.get_by_role("button", name=re.compile("^(内部备注|Internal note)$")).click()
    await page.get_by_role("textbox", name=re.compile("^(内部备注|Internal note)$")).fill(desk.note)
    await camera.shoot(page, "routing-note-mode", kept="官网")
    await page.get_by_role("textbox", name=re.compile("^(内部备注|Internal note)$")).press("Enter")
    await expect(shown.thread.locator(".memo")).to_contain_text(desk.note)
    await page.get_by_role("button", name=re.compile("^(内部备注|Internal note)$")).click()
    await shown.answer(desk.answer)
    await shown.sees(desk.answer)
    if small:
        await opened(shown).get_by_role("button", name=re.compile("^(更多|More)$")).click()
        await camera.shoot(page, "routing-actions", kept="官网")
        await page.get_by_role("menuitem", name=re.compile("^(转接|Transfer)$")).click()
    else:
        await opened(shown).get_by_role("button", name=re.compile("^(转接|Transfer)$")).click()
    await expect(dialog(shown).get_by_role("radio").nth(1)).to_be_visible()
    await dialog(shown).get_by_role("radio", name=re.compile(desk.colleague)).check()
    await dialog(shown).get_by_role("textbox").last.fill(desk.word)
    await camera.shoot(page, "routing-transfer", kept="官网")
    await dialog(shown).get_by_role("button", name=re.compile("^(请对方接手|Ask them)$")).click()
    await expect(page.get_by_text(re.compile("正在等|Waiting for")).first).to_be_visible()
    await expect(dialog(shown)).to_be_hidden()
    await camera.shoot(page, "routing-waiting-for", kept="官网")


async def _reasons(shown: Agent, camera: Camera, *, small: bool) -> None:
    """Why this agent, and the own status."""
    page = shown.page
    await opened(shown).get_by_role("button", name=re.compile("^(更多|More)$")).click()
    await page.get_by_role("menuitem", name=re.compile("^(为什么这样分配|Why this agent)$")).click()
    await expect(dialog(shown).get_by_role("list").first).to_be_visible()
    await camera.shoot(page, "routing-why", kept="官网")
    await page.keyboard.press("Escape")
    await expect(dialog(shown)).to_be_hidden()
    if small:
        await page.get_by_role("button", name="返回列表").click()
    await page.get_by_role("button", name=re.compile("打开个人菜单$|open your menu$")).click()
    await expect(page.get_by_role("menuitem").first).to_be_visible()
    await camera.shoot(page, "routing-status", kept="官网")


async def _watching(colleague: Agent, desk: Desk, camera: Camera) -> None:
    """What the colleague sees of a conversation that is not theirs."""
    await (
        colleague.page.get_by_role("region", name=re.compile("^(转给你的对话|Conversations offered to you)$"))
        .get_by_role("button", name=re.compile("^(不接|Decline)$"))
        .click()
    )
    await colleague.inbox.get_by_role("tab").nth(2).click()
    await colleague.open(desk.answer)
    await expect(colleague.page.get_by_text(re.compile("你在旁观|you watch"))).to_be_visible()
    await camera.shoot(colleague.page, "routing-watching", kept="官网")


async def test_who_gets_it_in_chinese(people: People, server: Server) -> None:
    camera = Camera("zh-1440", themes=("dark", "light"))
    await _photograph(people, server, CHINESE_DESK, camera)
    camera.check()


async def test_who_gets_it_in_english_has_no_chinese_left(people: People, server: Server) -> None:
    camera = Camera("en-1440-light", english=True)
    await _photograph(people, server, ENGLISH_DESK, camera)
    camera.check()


async def test_who_gets_it_on_a_narrow_screen(people: People, server: Server) -> None:
    camera = Camera("zh-1024-light")
    await _photograph(people, server, CHINESE_DESK, camera, viewport={"width": 1024, "height": 768})
    camera.check()


async def test_who_gets_it_on_a_phone(people: People, server: Server) -> None:
    camera = Camera("zh-390-light")
    await _photograph(people, server, CHINESE_DESK, camera, viewport=PHONE, has_touch=True, is_mobile=True)
    camera.check()
