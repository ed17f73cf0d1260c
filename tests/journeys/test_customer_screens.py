"""The card with everything on it, looked at: both languages, three widths, light and dark."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect

from tests.journeys.conftest import People
from tests.journeys.house import House, house_of
from tests.journeys.people import Agent
from tests.journeys.server import Server
from tests.journeys.story import CHINESE, ENGLISH, Words, tell
from tests.journeys.test_customer_card import card, context_of
from tests.journeys.test_screens import PHONE, Camera


async def _furnish(house: House, words: Words) -> str:
    """A card with everything on it, somebody on the blacklist; the conversation to look at."""
    chinese = words is CHINESE
    admin = house.admin
    main = await tell(house, words)
    group = await admin.post("/tag-groups", {"kind": "customer", "name": "来源" if chinese else "Source"})
    names = ("回头客", "手冲", "哑光釉", "品质投诉", "抖音") if chinese else ("Regular", "Pour-over", "Matt glaze", "Complaint", "Douyin")
    tags = [
        await admin.post("/tags", {"kind": "customer", "name": name, "color": color, "group_id": group["id"] if name == names[4] else None})
        for name, color in zip(names, ("blue", "gray", "gray", "amber", "purple"), strict=True)
    ]
    asked = await admin.post("/tags", {"kind": "conversation", "name": "礼盒" if chinese else "Gift box", "color": "green"})
    await admin.client.put(f"/conversations/{main}/tags", json={"tag_ids": [asked["id"]]})
    level = await admin.post(
        "/customer-fields",
        {"name": "会员等级" if chinese else "Level", "kind": "choice", "options": ["银卡", "金卡"] if chinese else ["Silver", "Gold"]},
    )
    await admin.post("/customer-fields", {"name": "累计消费" if chinese else "Spent", "kind": "number"})
    known = await context_of(admin, main)
    address = "深圳市南山区科苑路 18 号 6 栋 1203" if chinese else "18 Kiln Road, flat 12, Harbour Town"
    fields = {
        "phone": "13800132071",
        "email": "nora@mail.example",
        "gender": "female",
        "address": address,
        level["key"]: level["options"][0],
    }
    answer = await admin.client.patch(
        f"/conversations/{main}/customer", json={"fields": fields, "tag_ids": [one["id"] for one in tags[:4]], "version": known["version"]}
    )
    assert answer.is_success, answer.text
    for text in (
        ("双十一想凑一套 4 只，颜色不同，到货可先联系她。", "偏好哑光釉，不收周日的快递；送人的单会要手写卡片。")
        if chinese
        else ("Wants a set of four.",)
    ):
        await admin.post(f"/customers/{known['id']}/notes", {"text": text})
    for number, one in enumerate((await admin.conversations())[:3]):
        if one["id"] != main:
            reason = ("反复发广告链接", "辱骂客服", "恶意骚扰")[number] if chinese else "Keeps sending advertisements"
            await admin.post(f"/conversations/{one['id']}/block", {"reason": reason, "expires_at": None})
    return main


async def _look(page: Page, camera: Camera, house: House, main: str) -> None:
    base = house.server.url
    await page.goto(f"{base}/app/conversations/{main}")
    side = page.get_by_role("complementary")
    await expect(side.locator(".txt").first).to_be_visible()
    await camera.shoot(page, "card")
    await side.get_by_role("button", name=re.compile("^(添加|Add)( |$)")).first.click()
    await expect(side.get_by_role("option").first).to_be_visible()
    await camera.shoot(page, "card-tags")
    await page.keyboard.press("Escape")
    await side.get_by_role("button", name=re.compile("^(修改记录|Changes)$")).click()
    await expect(side.get_by_role("group", name=re.compile("^(修改记录|Changes)$")).get_by_role("listitem").first).to_be_visible()
    await camera.shoot(page, "card-changes")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name=re.compile("^(更多|More)$")).click()
    await page.get_by_role("menuitem", name=re.compile("^(拉黑|Block)$")).click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await camera.shoot(page, "block")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()


async def test_the_screens_in_chinese(people: People, server: Server) -> None:
    async with house_of(server, name=CHINESE.enterprise, admin=CHINESE.admin) as house:
        main = await _furnish(house, CHINESE)
        camera = Camera("zh-1440", themes=("dark", "light"))
        agent: Agent = await people.agent(house)
        await _look(agent.page, camera, house, main)
        narrow = Camera("zh-1024-light")
        small = await people.agent(house, path=f"/app/conversations/{main}?panel=card", viewport={"width": 1024, "height": 768})
        await expect(card(small.page).locator(".txt").first).to_be_visible()
        await narrow.shoot(small.page, "card")
        phone = Camera("zh-390-light")
        mobile = await people.agent(house, path=f"/app/conversations/{main}?panel=card", viewport=PHONE, has_touch=True, is_mobile=True)
        await expect(card(mobile.page).locator(".txt").first).to_be_visible()
        await phone.shoot(mobile.page, "card-filled")
        await card(mobile.page).get_by_role("button", name=re.compile("^添加")).tap()
        await phone.shoot(mobile.page, "card-tags")
        assert camera.found + narrow.found + phone.found == []


async def test_the_screens_in_english(people: People, server: Server) -> None:
    async with house_of(server, name=ENGLISH.enterprise, admin=ENGLISH.admin) as house:
        me = house.admin.me["agent"]
        await house.admin.client.patch("/me", json={"locale": "en", "version": me["version"]})
        main = await _furnish(house, ENGLISH)
        camera = Camera("en-1440-light", english=True)
        agent = await people.agent(house, locale="en-US")
        await _look(agent.page, camera, house, main)
        camera.check()
