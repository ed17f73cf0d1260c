"""What is done with the mouse held down, and what is let go over a page: order by dragging, files dropped into a conversation, a film looked at."""

from __future__ import annotations

import base64
import re

from playwright.async_api import Locator, Page, expect

from tests.journeys.conftest import People
from tests.journeys.house import House
from tests.journeys.test_files import COMPUTER, card, choose, clip, payload, saved
from tests.journeys.test_replies import stocked

_FILM = """async () => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 160, height: 120 })
  const pen = canvas.getContext('2d')
  const recorder = new MediaRecorder(canvas.captureStream(10), { mimeType: 'video/webm' })
  const parts = []
  recorder.ondataavailable = ({ data }) => parts.push(data)
  const done = new Promise((resolve) => { recorder.onstop = resolve })
  recorder.start()
  for (let frame = 0; frame < 6; frame += 1) {
    pen.fillStyle = frame % 2 ? '#8a9a8e' : '#efece6'
    pen.fillRect(0, 0, 160, 120)
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 100)))
  }
  recorder.stop()
  await done
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer())
  return btoa(String.fromCharCode(...bytes))
}"""
"""A film of half a second, as a browser records one."""

_DRAGGED = """([kind, files]) => {
  const data = new DataTransfer()
  for (const [name, content] of files) data.items.add(new File([content], name))
  const at = document.querySelector('[role=log]')
  at.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }))
}"""


async def _drag(page: Page, grip: Locator, target: Locator) -> None:
    """Hold the grip, carry it over the upper edge of the target, let go."""
    await grip.hover()
    await page.mouse.down()
    box = await target.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=8)
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 2, steps=8)
    await page.mouse.up()


async def test_groups_and_entries_of_quick_replies_are_put_in_order_by_dragging(people: People, house: House) -> None:
    await stocked(house)
    page = (await people.agent(house, path="/app/settings/replies")).page

    # when the second group is dragged before the first
    async with page.expect_response(re.compile("/reply-groups/order$")) as ordering:
        await _drag(
            page,
            page.get_by_role("button", name=re.compile("^「发货」，第 2 个")),
            page.get_by_role("button", name=re.compile("^「退换」，第 1 个")),
        )
    assert (await ordering.value).status == 204
    await expect(page.get_by_role("button", name=re.compile("^「发货」，第 1 个"))).to_be_visible()

    # and an entry before another one of its group
    await page.get_by_role("link", name=re.compile("^退换")).click()
    async with page.expect_response(re.compile("/replies/order$")) as ordering:
        await _drag(
            page,
            page.get_by_role("button", name=re.compile("^「换新流程（免寄回）」，第 2 个")),
            page.get_by_role("button", name=re.compile("^「换货地址确认」，第 1 个")),
        )
    assert (await ordering.value).status == 204

    # then that is the order, here and for everybody
    await expect(page.get_by_role("button", name=re.compile("^「换新流程（免寄回）」，第 1 个"))).to_be_visible()
    index = await house.admin.get("/replies")
    groups = sorted((one for one in index["groups"] if one["owner"] == "enterprise"), key=lambda one: one["position"])
    entries = sorted((one for one in index["entries"] if one["title"].startswith("换")), key=lambda one: one["position"])
    assert [one["name"] for one in groups] == ["发货", "退换"]
    assert [one["title"] for one in entries] == ["换新流程（免寄回）", "换货地址确认"]


async def test_files_that_are_dropped_on_a_conversation_are_sent(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)
    files = [["说明.txt", "先烫壶"], ["尺寸.csv", "口径,98"]]

    # when files are carried over the conversation, it says that they may be dropped
    await agent.page.evaluate(_DRAGGED, ["dragenter", files])
    await expect(agent.page.get_by_text("松开发送图片或文件")).to_be_visible()
    # and no more when they are carried away
    await agent.page.evaluate(_DRAGGED, ["dragleave", files])
    await expect(agent.page.get_by_text("松开发送图片或文件")).to_have_count(0)

    # when they are let go, then both arrive as they were
    await agent.page.evaluate(_DRAGGED, ["dragenter", files])
    await agent.page.evaluate(_DRAGGED, ["drop", files])
    for name, content in files:
        await visitor.sees(name)
        assert (await saved(visitor.page, visitor.log.get_by_role("button", name=f"下载 {name}")))[1] == content.encode()
    await expect(agent.page.get_by_text("松开发送图片或文件")).to_have_count(0)


async def test_a_film_is_looked_at_where_it_was_sent(people: People, house: House) -> None:
    agent = await people.agent(house)
    visitor = await people.visitor(house, user_agent=COMPUTER)
    await visitor.say("壶盖会响，录了一段")
    await agent.open("壶盖会响，录了一段")
    film = base64.b64decode(await visitor.page.evaluate(_FILM))
    await choose(visitor.page, clip(visitor), payload("壶盖.webm", film, "video/webm"))

    # when the agent opens it, then it plays in a frame without an origin
    await card(agent, "壶盖.webm").get_by_role("button", name=re.compile("^壶盖.webm")).click()
    shown = agent.page.frame_locator("dialog iframe").locator("video")
    await expect(shown).to_be_visible()
    await expect(shown).to_have_js_property("videoWidth", 160)
    inside = next(one for one in agent.page.frames if "/files/" in one.url)
    assert await inside.evaluate("window.origin") == "null"
    await agent.page.get_by_role("button", name="关闭预览").click()
    await expect(agent.page.locator("dialog iframe")).to_have_count(0)
