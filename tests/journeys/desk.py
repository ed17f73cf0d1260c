"""What the stories about who gets a conversation share: settings, tables, and the verbs of the workspace."""

from __future__ import annotations

import re
from typing import Any

import psycopg
from playwright.async_api import Locator, expect

from qiatan.infra.postgres.lock import holder_of
from tests.journeys.conftest import People
from tests.journeys.house import House, Member
from tests.journeys.people import Agent, Visitor


async def put(house: House, path: str, **changed: Any) -> None:
    """Save a part of the settings: what is there, with what is named here changed."""
    present = await house.admin.get(path)
    body = {"settings": present["settings"] | changed, "version": present["version"]}
    answer = await house.admin.client.put(path, json=body)
    assert answer.is_success, answer.text


async def sql(house: House, statement: str, *values: object) -> None:
    """Shift times in the test's own database, where a story would last minutes."""
    holder = holder_of(house.server.directory / "data")
    assert holder is not None
    assert holder.url is not None
    async with await psycopg.AsyncConnection.connect(holder.url) as connection:
        await connection.execute(statement, values)


async def written(people: People, house: House, *words: str) -> list[Visitor]:
    """Visitors who each write one line, one after the other."""
    visitors = []
    for line in words:
        visitor = await people.visitor(house)
        await visitor.say(line)
        await visitor.sees(line)
        await visitor.sees("已送达")
        visitors.append(visitor)
    return visitors


async def asleep(people: People, member: Member, house: House) -> Agent:
    """A colleague at the workspace to whom nothing comes by itself."""
    agent = await people.agent(house, member)
    await agent.become("隐身")
    return agent


def dialog(agent: Agent) -> Locator:
    return agent.page.get_by_role("dialog")


def waiting(agent: Agent) -> Locator:
    """The rows of the list that is shown."""
    return agent.inbox.get_by_role("tabpanel").get_by_role("listitem")


async def take(agent: Agent, words: str) -> None:
    await agent.row(words).get_by_role("button", name=re.compile("^接待")).click()


def opened(agent: Agent) -> Locator:
    """The conversation on the screen, with its header."""
    return agent.page.get_by_role("region", name=re.compile("^(与.*的对话|Conversation with .*)$"))


async def act(agent: Agent, name: str) -> None:
    """A button of the conversation's header."""
    await opened(agent).get_by_role("button", name=name, exact=True).click()


async def note(agent: Agent, text: str) -> None:
    """Write an internal note where the composer is in that mode, or can be put into it."""
    toggle = agent.page.get_by_role("button", name="内部备注", exact=True)
    field = agent.page.get_by_role("textbox", name="内部备注", exact=True)
    if await toggle.count() and await toggle.get_attribute("aria-pressed") == "false":
        await toggle.click()
    await field.fill(text)
    await field.press("Enter")
    await expect(field).to_have_value("")


async def events(member: Member, conversation: str) -> list[dict[str, Any]]:
    """What happened in a conversation, in its order."""
    page = await member.get(f"/conversations/{conversation}/messages?limit=100")
    return [item["data"] for item in page["items"] if item["kind"] == "event"]
