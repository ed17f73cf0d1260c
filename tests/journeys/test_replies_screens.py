"""The screens of quick replies, in both languages, as pictures to be looked at."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import expect

from tests.journeys.conftest import People
from tests.journeys.house import House, house_of
from tests.journeys.people import Agent, Visitor
from tests.journeys.server import Server
from tests.journeys.test_replies import ENGLISH_EXCHANGE, EXCHANGE, dialog, plain, write_entry
from tests.journeys.test_screens import PHONE, Camera


async def _shelves(house: House, *, english: bool) -> None:
    def said(chinese: str, other: str) -> str:
        return other if english else chinese

    after = await house.admin.post("/reply-groups", {"owner": "enterprise", "name": said("退换", "Exchange")})
    sending = await house.admin.post("/reply-groups", {"owner": "enterprise", "name": said("发货", "Delivery")})
    await house.admin.post("/reply-groups", {"owner": "enterprise", "name": said("釉色和保养", "Glaze and care")})
    await write_entry(
        house.admin, said("换新流程（免寄回）", "Exchange, nothing to send back"), ENGLISH_EXCHANGE if english else EXCHANGE, owner="own"
    )
    for title, other, text, words, group in (
        (
            "换货地址确认",
            "Exchange address",
            "请您发一下收件人、电话和详细地址，我来改单。",
            "Please send me the name, phone and full address.",
            after,
        ),
        (
            "七天无理由退换",
            "Seven days to exchange",
            "签收次日起 7 天内，不影响二次销售即可退换，运费各担一半。",
            "Within seven days, unused, either way.",
            after,
        ),
        (
            "换色：雾灰 / 釉下青 / 米白",
            "Exchange the colour",
            "三色同价，现货都有；釉下青每窑略有深浅差别。",
            "All three colours cost the same.",
            after,
        ),
        ("当天发货时间", "Same-day delivery", "16:00 前付款当天发出", "Paid before 16:00, sent the same day", sending),
        ("偏远地区时效", "Remote regions", "新疆、西藏 6 到 9 天", "Six to nine days", sending),
        ("问候", "Greeting", "{{customer.name}}您好，我是{{agent.name}}", "Hello {{customer.name}}, I am {{agent.name}}", None),
    ):
        await write_entry(house.admin, said(title, other), plain(said(text, words)), group=group["id"] if group else None)


async def _photograph(people: People, server: Server, camera: Camera, **options: Any) -> None:
    english = camera.english
    locale = "en-US" if english else "zh-CN"
    name, admin = ("Pine & Clay", "Ada Shen") if english else ("松间器物", "沈知夏")
    async with house_of(server, name=name, admin=admin) as house:
        if english:
            version = house.admin.me["agent"]["version"]
            assert (await house.admin.client.patch("/me", json={"locale": "en", "version": version})).is_success
        small = options.get("viewport") == PHONE
        agent = await people.agent(house, path="/app/settings/replies", locale=locale, **options)
        await _settings(agent, house, camera, small=small)
        visitor = await people.visitor(house, title="Pine shop" if english else "松间小店", locale=locale)
        await visitor.say("My cup is cracked" if english else "杯子裂了")
        await agent.page.goto(f"{server.url}/app/conversations")
        await _serving(agent, visitor, camera, small=small)


async def _settings(agent: Agent, house: House, camera: Camera, *, small: bool) -> None:
    page, english = agent.page, camera.english
    await expect(page.get_by_role("link", name=re.compile("^(全部|All)")).first).to_be_visible()
    if not small:
        await expect(page.get_by_role("heading", name=re.compile("^(还没有企业快捷回复|No company quick replies yet)$"))).to_be_visible()
    await camera.shoot(page, "replies-settings-empty")
    await _shelves(house, english=english)
    if small:
        await page.get_by_role("link", name=re.compile("^(全部|All)")).first.click()
    await expect(page.locator("[data-reply]")).to_have_count(6)
    if not small:
        await page.locator("[data-reply]").nth(1).hover()
        await expect(page.get_by_role("tooltip")).to_be_visible()
    await camera.shoot(page, "replies-settings")
    await page.mouse.move(5, 5)
    await page.get_by_role("button", name=re.compile("^(新建|New)$")).first.click()
    form = dialog(agent)
    await form.get_by_role("textbox").first.fill("Parcel" if english else "开箱")
    editor = form.get_by_role("textbox").nth(1)
    await editor.fill("Please take a picture of " if english else "请拍一下")
    await form.get_by_role("button", name=re.compile("^(加粗|Bold)$")).click()
    await editor.press_sequentially("the whole parcel" if english else "整个箱子")
    await form.get_by_role("button", name=re.compile("^(微信|WeChat)$")).click()
    await camera.shoot(page, "replies-form")
    await form.get_by_role("button", name=re.compile("^(取消|Cancel)$")).click()
    await dialog(agent).get_by_role("button", name=re.compile("^(放弃|Discard)$")).click()
    await expect(form).to_be_hidden()


async def _serving(agent: Agent, visitor: Visitor, camera: Camera, *, small: bool) -> None:
    page, english = agent.page, camera.english
    await agent.open("cracked" if english else "裂了")
    await agent.field.press_sequentially("#exc" if english else "#换")
    await expect(page.locator(".qr").get_by_role("option").nth(3)).to_be_visible()
    await camera.shoot(page, "replies-picker", kept="官网")
    await agent.field.press("Enter")
    if small:
        await expect(dialog(agent).get_by_role("listitem")).to_have_count(2)
        await camera.shoot(page, "replies-review", kept="官网")
        await dialog(agent).get_by_role("button", name=re.compile("^(发送|Send)$")).click()
    await expect(visitor.log.get_by_role("listitem")).to_have_count(2)
    await camera.shoot(page, "replies-sent", kept="官网")
    # The widget speaks the channel's language, which is another matter.
    await replace(camera, english=False).shoot(visitor.page, "replies-received")
    if small:
        return
    side = page.get_by_role("complementary")
    await side.get_by_role("tab", name=re.compile("^(快捷回复|Replies)$")).click()
    await side.get_by_role("option").first.hover()
    await expect(page.get_by_role("tooltip")).to_be_visible()
    await camera.shoot(page, "replies-side", kept="官网")
    await agent.field.press_sequentially("#greet" if english else "#问候")
    await agent.field.press("Enter")
    await expect(dialog(agent).get_by_role("textbox")).to_be_focused()
    await camera.shoot(page, "replies-missing", kept="官网")


@pytest.mark.parametrize("english", [False, True], ids=["zh", "en"])
async def test_the_screens_of_quick_replies(people: People, server: Server, *, english: bool) -> None:
    camera = Camera(f"{'en' if english else 'zh'}-1440", english=english, themes=("light", "dark"))
    await _photograph(people, server, camera)
    camera.check()


async def test_the_screens_of_quick_replies_on_a_phone(people: People, server: Server) -> None:
    camera = Camera("zh-390", themes=("light", "dark"))
    await _photograph(people, server, camera, viewport=PHONE, has_touch=True, is_mobile=True)
    camera.check()
