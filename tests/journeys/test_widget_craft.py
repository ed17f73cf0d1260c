"""The widget up close: what customers say of the service, what shows while it is closed, and the pages it stands in."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import expect

from tests.journeys.conftest import People
from tests.journeys.desk import opened, put
from tests.journeys.house import House, house_of
from tests.journeys.people import Agent, Visitor
from tests.journeys.server import Server
from tests.journeys.story import CHINESE, ENGLISH, Words
from tests.journeys.test_screens import PHONE, Camera

LOCALES = {"zh": ("zh-CN", CHINESE), "en": ("en-US", ENGLISH)}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
TOUCH = {"viewport": PHONE, "has_touch": True, "is_mobile": True}


async def _conversation(house: House) -> str:
    return str((await house.admin.conversations())[0]["id"])


async def _talking(people: People, house: House, words: Words, locale: str, **options: Any) -> tuple[Agent, Visitor]:
    """An agent and a customer who has asked and was answered."""
    agent = await people.agent(house, locale=locale)
    address = f"{people.address(house, words.page)}&lang={locale[:2]}"
    visitor = await people.visitor(house, address=address, locale=locale, **options)
    await visitor.say(words.talk[0][1])
    await agent.open(words.talk[0][1])
    answer = next(text for who, text in words.talk if who == "agent")
    await agent.answer(answer)
    await visitor.sees(answer)
    return agent, visitor


async def test_a_customer_is_asked_by_hand_and_says_what_they_think(people: People, house: House) -> None:
    # given two who talk
    agent, visitor = await people.talking(house)
    # when the agent asks
    await agent.page.get_by_role("button", name="邀请评价", exact=True).click()
    await agent.toast("已邀请顾客评价")
    await agent.sees("你邀请顾客评价")
    # then the customer is not interrupted, and finds the question above the composer
    bar = visitor.panel.get_by_role("status").filter(has_text="这次服务怎么样？")
    await expect(bar).to_be_visible()
    await expect(visitor.field).to_be_editable()
    await bar.get_by_role("button", name="评价").click()
    # and says it with the keyboard
    heading = visitor.panel.get_by_role("heading", name="这次服务怎么样？")
    await expect(heading).to_be_focused()
    await visitor.page.keyboard.press("Tab")
    await visitor.page.keyboard.press("Space")
    await expect(visitor.panel.get_by_role("radio", name="满意", exact=True)).to_be_checked()
    await visitor.panel.get_by_role("textbox", name="想说的话").fill("回复很快，尺寸也讲得清楚。")
    await visitor.panel.get_by_role("button", name="提交").click()
    # then both see it
    await expect(visitor.panel.get_by_text("您的评价：满意")).to_be_visible()
    await expect(visitor.field).to_be_focused()
    await agent.sees("顾客评价：满意")
    await agent.sees("回复很快，尺寸也讲得清楚。")
    await expect(opened(agent).get_by_role("heading", level=1)).to_contain_text("满意")
    # when they change it after the end
    await agent.end()
    await visitor.panel.get_by_role("button", name="修改").click()
    await visitor.panel.get_by_text("一般", exact=True).click()
    await visitor.panel.get_by_role("button", name="提交").click()
    # then the change is there, and the agent's menu does not ask again
    await agent.sees("顾客评价：一般")
    said = await house.admin.get(f"/conversations/{(await house.admin.conversations('ended'))[0]['id']}")
    assert (said["evaluation"]["level"], said["evaluation"]["remark"]) == ("medium", "回复很快，尺寸也讲得清楚。")


async def test_who_skips_is_not_asked_again_and_may_say_it_unasked(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)
    await house.admin.post(f"/conversations/{await _conversation(house)}/evaluation-invitation")
    bar = visitor.panel.get_by_role("status").filter(has_text="这次服务怎么样？")
    await bar.get_by_role("button", name="跳过").click()
    await expect(bar).to_be_hidden()
    # when the panel is loaded anew
    await visitor.page.reload()
    await visitor.open()
    await visitor.sees("在的")
    # then they are left alone, and find it in the menu
    await expect(bar).to_be_hidden()
    await visitor.panel.get_by_role("button", name="更多").click()
    await visitor.panel.get_by_role("menuitem", name="评价").click()
    await visitor.panel.get_by_text("不满意", exact=True).click()
    await visitor.panel.get_by_role("button", name="提交").click()
    await agent.sees("顾客评价：不满意")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
async def test_the_end_asks_where_the_rules_say_so(people: People, server: Server, language: str, size: str) -> None:
    locale, words = LOCALES[language]
    camera = Camera(f"{language}-{390 if size == 'phone' else 1280}", english=language == "en")
    async with house_of(server, name=words.enterprise, admin=words.admin) as house:
        await house.dress(**words.settings)
        await put(house, "/conversation-rules", evaluation={"prompt": "", "automatic": True, "by_customer": True})
        _, visitor = await _talking(people, house, words, locale, **(TOUCH if size == "phone" else DESKTOP))
        # when the agent ends it, then the card stands in front of the conversation
        await house.admin.post(f"/conversations/{await _conversation(house)}/end")
        heading = visitor.panel.get_by_role("heading", level=2)
        await expect(heading).to_have_text(re.compile("这次服务怎么样？|How was our service?"))
        await expect(heading).to_be_focused()
        await visitor.panel.get_by_text(re.compile("^(满意|Good)$")).click()
        await camera.shoot(visitor.page, "widget-rating")
        card = visitor.panel.get_by_role("form", name=re.compile("评价|Rate this conversation"))
        await card.get_by_role("button", name=re.compile("提交|Send")).click()
        await expect(visitor.panel.get_by_text(re.compile("您的评价：满意|Your rating: Good"))).to_be_visible()
        await camera.shoot(visitor.page, "widget-rated")
    camera.check()


@pytest.mark.parametrize("size", ["desktop", "phone"])
async def test_what_comes_while_the_panel_is_closed_shows_beside_the_launcher(people: People, server: Server, size: str) -> None:
    camera = Camera("zh-390" if size == "phone" else "zh-1280")
    async with house_of(server, name=CHINESE.enterprise, admin=CHINESE.admin) as house:
        await house.dress(**CHINESE.settings)
        agent, visitor = await _talking(people, house, CHINESE, "zh-CN", **(TOUCH if size == "phone" else DESKTOP))
        # given a closed panel
        await visitor.panel.get_by_role("button", name=re.compile("^(收起|返回)$")).click()
        await expect(visitor.field).to_be_hidden()
        # when the agent writes, then a card says what
        await agent.answer("不会，壶口内径 98 mm，02 号滤杯正好卡住。")
        card = visitor.panel.get_by_role("status").filter(has_text="02 号滤杯正好卡住")
        await expect(card).to_be_visible()
        await agent.answer("要不要我拍一张给您看？")
        card = visitor.panel.get_by_role("status").filter(has_text="要不要我拍一张给您看？")
        await expect(card).to_contain_text("还有 1 条未读")
        await expect(visitor.launcher).to_have_accessible_name(re.compile("2 条未读"))
        await camera.shoot(visitor.page, "widget-peek")
        # when it is closed, it stays closed on the next page, until something new comes
        await card.get_by_role("button", name="关闭提示").click()
        await expect(card).to_be_hidden()
        await visitor.page.reload()
        await expect(visitor.launcher).to_have_accessible_name(re.compile("2 条未读"))
        await expect(card).to_be_hidden()
        await agent.answer("今天下单今天发。")
        card = visitor.panel.get_by_role("status").filter(has_text="今天下单今天发。")
        await expect(card).to_be_visible()
        # and a click on it opens the conversation, where it counts as read
        await card.get_by_role("button", name=re.compile("今天下单今天发")).click()
        await expect(visitor.field).to_be_visible()
        await expect(visitor.launcher if size == "desktop" else visitor.field).to_be_visible()
        await agent.sees("已读")
    camera.check()


async def test_answers_and_changed_words_look_like_it(people: People, server: Server) -> None:
    camera = Camera("zh-1280")
    async with house_of(server, name=CHINESE.enterprise, admin=CHINESE.admin) as house:
        await house.dress(**CHINESE.settings)
        _, visitor = await _talking(people, house, CHINESE, "zh-CN", **DESKTOP)
        base = f"/conversations/{await _conversation(house)}/messages"
        page = await house.admin.get(f"{base}?limit=100")
        asked = next(item["seq"] for item in page["items"] if item["sender_kind"] == "customer")
        # when the agent answers one message, and changes the words of the answer
        sent = await house.admin.post(base, {"client_message_id": str(uuid4()), "text": "口径 96 mm", "reply_to": asked})
        await visitor.sees("口径 96 mm")
        await house.admin.post(f"{base}/{sent['seq']}/edit", {"client_message_id": str(uuid4()), "text": "口径 98 mm"})
        # then the customer reads the new ones, marked, below what they answer
        await visitor.sees("口径 98 mm")
        await expect(visitor.log.get_by_text("口径 96 mm")).to_have_count(0)
        await expect(visitor.log.get_by_text("已编辑")).to_be_visible()
        await expect(visitor.log.locator(".quote")).to_contain_text(CHINESE.talk[0][1])
        await camera.shoot(visitor.page, "widget-quote")
    camera.check()


@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("dark", "document.body.style.cssText = 'background:#14171c;color:#e8eaee;min-height:100vh'"),
        ("rtl", "document.documentElement.dir = 'rtl'"),
    ],
)
async def test_it_stands_in_any_page(people: People, server: Server, name: str, style: str) -> None:
    camera = Camera("zh-1280")
    async with house_of(server, name=CHINESE.enterprise, admin=CHINESE.admin) as house:
        await house.dress(**CHINESE.settings)
        _, visitor = await _talking(people, house, CHINESE, "zh-CN", **DESKTOP)
        await visitor.page.evaluate(style)
        await camera.shoot(visitor.page, f"widget-{name}")
        # the button stays at its side, and nothing of the panel hangs out of the window
        box = await visitor.page.locator("iframe").first.bounding_box() or await visitor.launcher.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 1280
    camera.check()


async def test_at_twice_the_size_everything_can_be_reached(people: People, server: Server) -> None:
    camera = Camera("zh-640")
    async with house_of(server, name=CHINESE.enterprise, admin=CHINESE.admin) as house:
        await house.dress(**CHINESE.settings)
        await put(house, "/conversation-rules", evaluation={"prompt": "", "automatic": True, "by_customer": True})
        # given a window of 1280 by 800 at 200 %, for somebody who wants no motion
        half = {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2, "reduced_motion": "reduce"}
        _, visitor = await _talking(people, house, CHINESE, "zh-CN", **half)
        await camera.shoot(visitor.page, "widget-zoomed")
        await house.admin.post(f"/conversations/{await _conversation(house)}/end")
        send = visitor.panel.get_by_role("button", name="提交")
        await send.scroll_into_view_if_needed()
        await expect(send).to_be_in_viewport()
        await camera.shoot(visitor.page, "widget-zoomed-rating")
    camera.check()
