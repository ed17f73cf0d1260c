"""Text from strangers is text, wherever it is shown."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Frame, Page, expect

from tests.journeys.conftest import People
from tests.journeys.house import House

SCRIPT = "<script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(2)>"
LINK = "javascript:alert(3)"
DATA_LINK = "data:text/html,<script>alert(4)</script>"
BIDI = "报价\u202egnp.exe"
TEMPLATE = "{{7*7}} ${7*7}"
MESSAGES = [SCRIPT, IMAGE, LINK, DATA_LINK, BIDI, TEMPLATE]
NAME = "<b onclick=alert(5)>{{7*7}}</b>"

_TRACES = """() => [
  ...document.querySelectorAll('[onerror], [onclick], script:not([src]), img[src="x"], a[href^="javascript:" i], a[href^="data:" i]')
].map((element) => element.outerHTML)"""


async def test_hostile_text_in_every_field_is_shown_as_text_everywhere(people: People, house: House) -> None:
    # given an enterprise whose own names are hostile too
    colleague = await house.hire(NAME, role="admin", public_name=NAME)
    await house.admin.post("/groups", {"name": NAME, "member_ids": [colleague.id]})
    await house.dress(title=NAME, greeting=SCRIPT, offline_text=IMAGE, launcher="pill", launcher_text="<i>{{7*7}}</i>")
    await house.admin.change(f"/agents/{house.admin.id}", max_conversations=0)
    agent = await people.agent(house, colleague)

    # when a visitor on a page with a hostile title writes hostile messages
    visitor = await people.visitor(house, title=SCRIPT, opened=False)
    await visitor.page.get_by_role("button", name="<i>{{7*7}}</i>").click()
    await visitor.sees(SCRIPT)
    for words in MESSAGES:
        await visitor.say(words)
    await agent.row(re.compile("7\\*7")).get_by_role("link").click()

    # then both sides read them as they were written
    for words in MESSAGES:
        await agent.sees(words)
        await visitor.sees(words)
    assert await agent.texts() == MESSAGES
    await expect(agent.page.get_by_role("region", name=re.compile("^与.+的对话$"))).to_contain_text(SCRIPT)
    # and the agent's name where visitors see it, and the frame's title
    await agent.answer(TEMPLATE)
    await expect(visitor.panel.get_by_role("heading", name=NAME)).to_be_visible()
    panel = next(frame for frame in visitor.page.frames if "/panel" in frame.url)
    assert NAME in await panel.title()

    # when the customer gets a hostile name
    conversation = (await colleague.conversations())[0]
    version = (await colleague.get(f"/conversations/{conversation['id']}/context"))["customer"]["version"]
    answer = await colleague.client.patch(f"/conversations/{conversation['id']}/customer", json={"name": NAME, "version": version})
    assert answer.status_code == 200
    # then list, header and card show it
    await expect(agent.row(NAME)).to_be_visible()
    await expect(agent.page.get_by_role("complementary", name="顾客资料")).to_contain_text(NAME)

    # and so do the settings
    for path, shown in (("agents", NAME), (f"agents/{colleague.id}", NAME), ("web", NAME), ("profile", "个人资料")):
        await agent.page.goto(f"{house.server.url}/app/settings/{path}")
        await expect(agent.page.get_by_role("main").get_by_text(shown).first).to_be_visible()
        await _unharmed(agent.page)
    await agent.page.goto(f"{house.server.url}/app/conversations/{conversation['id']}")
    for tab in ("来源", "历史", "名片"):
        await agent.page.get_by_role("tab", name=tab).click()
        await _unharmed(agent.page)
    await _unharmed(visitor.page.frames[-1])
    assert await agent.page.title() == "对话 · 洽谈"


@pytest.mark.parametrize("words", ["https://example.com/壶?a=1&b=<2>", "http://example.com/javascript:alert(1)"])
async def test_addresses_become_links_that_lead_nowhere_else(people: People, house: House, words: str) -> None:
    agent, visitor = await people.talking(house)
    await visitor.say(words)
    # the agent is shown first where it leads
    links = {
        "^/app/away#https?://example\\.com/": agent.thread.get_by_role("link"),
        "^https?://example\\.com/": visitor.log.get_by_role("link"),
    }
    for leads_to, link in links.items():
        await expect(link).to_have_attribute("href", re.compile(leads_to))
        await expect(link).to_have_attribute("rel", re.compile("noopener"))


async def _unharmed(page: Page | Frame) -> None:
    assert await page.evaluate(_TRACES) == []
