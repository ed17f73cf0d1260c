"""Without a mouse."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect

from tests.journeys.conftest import People
from tests.journeys.house import PASSWORD, House
from tests.journeys.people import Agent

_FOCUSED = "(element) => element === document.activeElement && element.matches(':focus-visible')"
LONGEST_WALK = 40


async def test_from_sign_in_to_an_answer_by_keyboard_alone(people: People, house: House) -> None:
    visitor = await people.visitor(house)
    await visitor.say("只用键盘能回吗")
    context, watch = await people.context()
    agent = Agent(context, await context.new_page(), watch)
    await agent.page.goto(f"{house.server.url}/app/")

    # sign in
    await _walk(agent.page, agent.page.get_by_label("邮箱"))
    await agent.page.keyboard.type(house.admin.email)
    await _walk(agent.page, agent.page.get_by_label("密码", exact=True))
    await agent.page.keyboard.type(PASSWORD)
    await agent.page.keyboard.press("Enter")

    # choose the conversation
    await expect(agent.row("只用键盘能回吗")).to_be_visible()
    await _walk(agent.page, agent.row("只用键盘能回吗").get_by_role("link"))
    await agent.page.keyboard.press("Enter")
    await agent.sees("只用键盘能回吗")

    # write and send; the field is also reached with one key
    await _walk(agent.page, agent.field)
    await agent.page.keyboard.type("can do")
    await agent.page.keyboard.press("Enter")
    await visitor.sees("can do")
    await agent.page.keyboard.press("Escape")
    await agent.page.keyboard.press("i")
    await expect(agent.field).to_be_focused()

    # the visitor needs no mouse either
    await visitor.page.keyboard.type("好的")
    await visitor.page.keyboard.press("Enter")
    await agent.sees("好的")
    await visitor.page.keyboard.press("Escape")
    await expect(visitor.field).to_be_hidden()
    await expect(visitor.launcher).to_be_focused()
    await visitor.page.keyboard.press("Enter")
    await expect(visitor.field).to_be_focused()


async def _walk(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus, and shows it."""
    await expect(target).to_be_visible()
    for _ in range(LONGEST_WALK):
        if await target.evaluate(_FOCUSED):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"{target} is not reached with {LONGEST_WALK} tabs")
