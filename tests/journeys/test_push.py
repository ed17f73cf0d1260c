"""The service worker at work: a push becomes a notification that leads to its conversation, and a page without a line says so."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, Worker, expect

from tests.journeys.conftest import People
from tests.journeys.house import House
from tests.journeys.server import Server
from tests.journeys.site import Site

# The system's click cannot be made from here: the worker gets the event that the system would send, with a wait of our own.
_CLICK = """async (title) => {
  const notification = (await self.registration.getNotifications()).find((one) => one.title === title)
  const event = new NotificationEvent('notificationclick', { notification })
  const left = []
  Object.defineProperty(event, 'waitUntil', { value: (work) => left.push(work) })
  self.dispatchEvent(event)
  // Only a real click lets a worker raise a window.
  return (await Promise.allSettled(left)).map((one) => one.status === 'fulfilled' ? '' : one.reason.name).join()
}"""
_SHOWN = (
    """async () => (await (await navigator.serviceWorker.ready).getNotifications()).map(({ title, body, tag }) => ({ title, body, tag }))"""
)


class Push:
    """The push service's end of one browser."""

    def __init__(self, page: Page, origin: str) -> None:
        self._page = page
        self._origin = origin
        self._registrations: list[str] = []
        self._session: Any = None

    async def connect(self) -> None:
        await self._page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
        self._session = await self._page.context.new_cdp_session(self._page)
        self._session.on("ServiceWorker.workerRegistrationUpdated", self._seen)
        await self._session.send("ServiceWorker.enable")
        for _ in range(100):
            if self._registrations:
                return
            await self._page.wait_for_timeout(50)
        raise AssertionError("the browser told of no service worker")

    def _seen(self, event: dict[str, Any]) -> None:
        self._registrations += [one["registrationId"] for one in event["registrations"] if not one["isDeleted"]]

    async def deliver(self, **told: str) -> None:
        message = {"origin": self._origin, "registrationId": self._registrations[-1], "data": json.dumps(told)}
        await self._session.send("ServiceWorker.deliverPushMessage", message)


async def _worker(context: BrowserContext) -> Worker:
    """A worker sleeps between its events, and is told of again when it wakes."""
    for _ in range(100):
        if context.service_workers:
            return context.service_workers[-1]
        await asyncio.sleep(0.05)
    raise AssertionError("no service worker is awake")


async def _shown(page: Page, count: int) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for _ in range(200):
        found = await page.evaluate(_SHOWN)
        if len(found) == count:
            return found
        await page.wait_for_timeout(50)
    raise AssertionError(f"{count} notifications should be shown: {found}")


async def test_a_push_shows_a_notification_that_leads_to_its_conversation(
    whole_browser: Browser, server: Server, site: Site, house: House
) -> None:
    # given an agent whose browser may notify, and a conversation
    people = People(whole_browser, server, site)
    agent = await people.agent(house, path="/app/settings/profile", service_workers="allow", permissions=["notifications"])
    visitor = await people.visitor(house)
    await visitor.say("还有现货吗")
    await expect(visitor.panel.get_by_role("banner")).to_contain_text("沈知夏")
    (conversation,) = await house.admin.conversations()
    push = Push(agent.page, server.url)
    await push.connect()

    # when two messages of one conversation and a mention in another are pushed, with markup in them
    first: dict[str, str] = {"kind": "message", "conversation_id": conversation["id"], "name": "<b>陈禾</b>", "locale": "zh-CN"}
    await push.deliver(**first, text="还有现货吗")
    await push.deliver(**first, text="<img src=x onerror=alert(1)>")
    await push.deliver(kind="mention", conversation_id="other", name="顾南乔", text="", locale="zh-CN")

    # then each conversation has one notification, the newest, as text
    shown = {one["tag"]: (one["title"], one["body"]) for one in await _shown(agent.page, 2)}
    assert shown == {
        f"qiatan-{conversation['id']}": ("<b>陈禾</b>", "<img src=x onerror=alert(1)>"),
        "qiatan-other": ("顾南乔 在备注里提到了你", "点开查看"),
    }

    # and a click on it opens the conversation in the page that is there
    assert await (await _worker(agent.context)).evaluate(_CLICK, "<b>陈禾</b>") in ("", "InvalidAccessError")
    await expect(agent.page).to_have_url(f"{server.url}/app/conversations/{conversation['id']}")
    await agent.sees("还有现货吗")
    await _shown(agent.page, 1)
    await people.close(check=True)


async def test_without_a_line_a_page_says_so_and_comes_back_with_it(people: People, house: House) -> None:
    agent = await people.agent(house, path="/app/settings/profile", service_workers="allow")
    page = agent.page
    await page.wait_for_function("() => navigator.serviceWorker.controller !== null")

    # when the line is gone, and another page is asked for
    await agent.context.set_offline(True)
    answer = await page.goto(f"{house.server.url}/app/conversations")

    # then the worker says what is missing, in a page that runs nothing
    assert answer is not None
    assert (answer.status, answer.from_service_worker) == (503, True)
    await expect(page.get_by_role("heading", name=re.compile("^(没有网络|No connection)$"))).to_be_visible()

    # and with the line back, another try brings the page
    await agent.context.set_offline(False)
    await page.get_by_role("link", name=re.compile("^(再试一次|Try again)$")).click()
    await expect(agent.inbox).to_be_visible()
