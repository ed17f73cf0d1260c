"""What somebody who works here all day would mind: keys that mean something else, half-written things that are gone, ways back that lead on."""

from __future__ import annotations

import re

from playwright.async_api import Locator, expect

from tests.journeys.conftest import People
from tests.journeys.desk import opened, sql
from tests.journeys.house import House
from tests.journeys.line import Line
from tests.journeys.people import Agent
from tests.journeys.test_customer_card import card
from tests.journeys.test_files import card as file_card
from tests.journeys.test_files import choose, clip, payload, pdf
from tests.journeys.test_replies import plain, replies_list, write_entry
from tests.journeys.test_screens import PHONE

_PASTE = """(field, [text, html]) => {
  const clipboardData = new DataTransfer()
  clipboardData.setData('text/plain', text)
  clipboardData.setData('text/html', html)
  clipboardData.items.add(new File(['x'], 'image.png', { type: 'image/png' }))
  return field.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
}"""

_LET_GO = """(selector) => {
  const data = new DataTransfer()
  data.items.add(new File(['x'], 'a.png', { type: 'image/png' }))
  const at = document.querySelector(selector)
  return ['dragover', 'drop'].map((kind) => !at.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true })))
}"""


async def composing(field: Locator, key: str) -> None:
    """A key that the input method has for itself, as browsers tell of it."""
    await field.dispatch_event(
        "keydown", {"key": key, "code": key, "keyCode": 229, "isComposing": True, "bubbles": True, "cancelable": True}
    )


def search(agent: Agent) -> Locator:
    return agent.page.get_by_role("textbox", name="查找对话")


async def test_keys_of_an_input_method_close_empty_and_save_nothing(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)
    page = agent.page

    # given a search, a note and an answer that are being composed
    await search(agent).fill("zai")
    await composing(search(agent), "Escape")
    await expect(search(agent)).to_have_value("zai")
    await expect(search(agent)).to_be_focused()
    await search(agent).press("Escape")
    await expect(search(agent)).to_have_value("")

    # a dialog keeps what is written in it
    await page.keyboard.press("e")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await opened(agent).get_by_role("button", name="更多").click()
    await page.get_by_role("menuitem", name="拉黑").click()
    reason = page.get_by_role("dialog").get_by_role("textbox").first
    await reason.fill("ru ma")
    await composing(reason, "Escape")
    await composing(reason, "Enter")
    await expect(reason).to_have_value("ru ma")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()

    # and the visitor's panel stays open
    await visitor.field.fill("ni")
    await composing(visitor.field, "Escape")
    await composing(visitor.field, "Enter")
    await expect(visitor.field).to_have_value("ni")
    await visitor.field.press("Escape")
    await expect(visitor.field).to_be_hidden()


async def test_what_was_begun_is_there_after_a_look_at_another_conversation(people: People, house: House) -> None:
    agent, _ = await people.talking(house)
    other = await people.visitor(house)
    await other.say("发错颜色了")
    page = agent.page

    # when a note on the customer, a changed message and a note to colleagues are half written
    await card(page).get_by_role("button", name="写备注").click()
    await card(page).get_by_role("textbox", name="备注").fill("要发票")
    await agent.field.press("ArrowUp")
    await agent.field.fill("在的，您")
    await agent.open("发错颜色了")
    await page.keyboard.press("Control+Shift+M")
    await page.get_by_role("textbox", name="内部备注", exact=True).fill("他上周也")
    await agent.row("在的").get_by_role("link").click()

    # then each of them is as it was left, and the focus is not pulled away
    await expect(agent.field).to_have_value("在的，您")
    await expect(card(page).get_by_role("textbox", name="备注")).to_have_value("要发票")
    await expect(card(page).get_by_role("textbox", name="备注")).not_to_be_focused()
    await expect(agent.row("他上周也")).to_contain_text("草稿")
    await agent.row("他上周也").get_by_role("link").click()
    await expect(page.get_by_role("textbox", name="内部备注", exact=True)).to_have_value("他上周也")

    # also after the page was loaded anew
    await page.reload()
    await expect(page.get_by_role("textbox", name="内部备注", exact=True)).to_have_value("他上周也")


async def test_a_reply_goes_where_the_caret_is_and_can_be_undone(people: People, house: House) -> None:
    await write_entry(house.admin, "delivery", plain("16:00 前付款当天发出"))
    agent, _ = await people.talking(house)
    field = agent.field
    page = agent.page

    # when one is looked for in the middle of a line, and put there
    await field.fill("您好，谢谢")
    await field.press("ArrowLeft")
    await field.press("ArrowLeft")
    await page.keyboard.type("#deli")
    await expect(replies_list(agent).get_by_role("option").first).to_be_visible()
    await field.press("Tab")
    await expect(field).to_have_value("您好，16:00 前付款当天发出谢谢")
    await expect(field).to_be_focused()

    # then what is written next follows it, and undoing takes it back
    await page.keyboard.type("。")
    await expect(field).to_have_value("您好，16:00 前付款当天发出。谢谢")
    for _ in range(6):
        await field.press("Control+z")
    assert "16:00" not in await field.input_value()

    # from the list beside the conversation it gets a line of its own, and the writing goes on
    await field.fill("您好")
    await field.press("Escape")
    await page.keyboard.press("q")
    find = card(page).get_by_role("searchbox")
    await expect(find).to_be_focused()
    await find.fill("delivery")
    await find.press("Tab")
    await expect(field).to_have_value("您好\n16:00 前付款当天发出")
    await expect(field).to_be_focused()


async def test_words_copied_from_a_table_are_pasted_as_words_and_pictures_never_into_a_note(people: People, house: House) -> None:
    agent, _ = await people.talking(house)
    page = agent.page

    # when cells are pasted, which come with a picture of themselves, the browser inserts the words
    assert await agent.field.evaluate(_PASTE, ["17\t240", "<table><td>17</td></table>"]) is True
    # a picture without words is taken
    assert await agent.field.evaluate(_PASTE, ["", "<img>"]) is False
    await expect(agent.thread.get_by_text("未发出")).to_be_visible()

    # in a note it is refused with the reason; let go elsewhere it does not take the page away
    await page.keyboard.press("Control+Shift+M")
    assert await page.get_by_role("textbox", name="内部备注", exact=True).evaluate(_PASTE, ["", "<img>"]) is False
    await expect(page.get_by_role("alert").filter(has_text="这里只能写文字")).to_be_visible()
    assert await page.evaluate(_LET_GO, "[role=log]") == [True, True]
    assert await page.evaluate(_LET_GO, "nav") == [True, True]


async def test_the_keyboard_goes_from_the_search_to_the_conversation_and_on_to_the_answer(people: People, house: House) -> None:
    agent, _ = await people.talking(house)
    other = await people.visitor(house)
    await other.say("发错颜色了")
    await expect(agent.row("发错颜色了")).to_be_visible()
    page = agent.page

    # when somebody is looked for, Enter opens what was found first
    await agent.field.press("Escape")
    await page.keyboard.press("/")
    await expect(search(agent)).to_be_focused()
    await page.keyboard.type("发错颜色")
    await expect(agent.row("在的")).to_have_count(0)
    await page.keyboard.press("Enter")
    await agent.sees("发错颜色了")

    # an arrow goes on to the rows, and Enter on the one that is open to the answer
    await page.keyboard.press("ArrowDown")
    await expect(agent.row("发错颜色了").get_by_role("link").first).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(agent.field).to_be_focused()


async def test_on_a_phone_the_way_back_leads_from_the_card_over_the_conversation_to_the_list(people: People, house: House) -> None:
    visitor = await people.visitor(house)
    await visitor.say("在吗")
    agent = await people.agent(house, viewport=PHONE, has_touch=True, is_mobile=True)
    page = agent.page

    # when the phone's own way back is taken from the card
    await agent.row("在吗").get_by_role("link").tap()
    await expect(agent.thread).to_be_visible()
    await page.get_by_role("button", name="打开名片").tap()
    await expect(card(page)).to_be_visible()
    await page.go_back()
    await expect(agent.thread).to_be_visible()
    await expect(card(page)).to_be_hidden()
    await page.go_back()
    await expect(agent.row("在吗")).to_be_visible()

    # then the page's own leads the same way, and nothing is left to come back to
    await agent.row("在吗").get_by_role("link").tap()
    await page.get_by_role("button", name="打开名片").tap()
    await card(page).get_by_role("button", name="返回对话").tap()
    await expect(agent.thread).to_be_visible()
    await page.get_by_role("button", name="返回列表").tap()
    await expect(agent.row("在吗")).to_be_visible()
    await page.go_forward()
    await expect(agent.thread).to_be_visible()
    await page.go_back()
    await expect(agent.row("在吗")).to_be_visible()


async def test_the_panel_tells_which_pages_the_customer_went_through(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)
    page = agent.page
    await page.get_by_role("tab", name="来源").click()
    track = card(page).get_by_role("list", name="看过的页面")
    await expect(track.get_by_role("listitem")).to_have_count(1)

    # when they go on, the page they are on now comes first, by itself
    await visitor.page.goto(people.address(house, "订单详情", "/order"))
    await expect(track.get_by_role("listitem")).to_have_count(2)
    await expect(track.get_by_role("listitem").first).to_contain_text(re.compile(r"订单详情.*正在看"))
    await expect(track.get_by_role("listitem").last).to_contain_text("在这一页发起对话")

    # and it is all there when one comes later
    await page.reload()
    await page.get_by_role("tab", name="来源").click()
    await expect(track.get_by_role("listitem")).to_have_count(2)


async def test_a_conversation_that_could_not_be_fetched_comes_by_itself_with_the_line(people: People, house: House) -> None:
    line = Line()
    agent, _ = await people.talking(house, agents_line=line)
    other = await people.visitor(house)
    await other.say("发错颜色了")
    await expect(agent.row("发错颜色了")).to_be_visible()

    # given neither a line nor an answer
    messages = re.compile("/api/v1/conversations/[^/]+/messages")
    await agent.page.route(messages, lambda route: route.abort("internetdisconnected"))
    await agent.page.reload()
    await expect(agent.row("发错颜色了")).to_be_visible()
    await line.cut()
    await agent.row("发错颜色了").get_by_role("link").click()
    await expect(agent.page.get_by_role("button", name="重试")).to_be_visible()

    # when both are back, then nobody has to ask again
    await agent.page.unroute(messages)
    line.join()
    await agent.sees("发错颜色了")


async def test_a_file_that_is_looked_at_is_left_with_the_same_key_wherever_one_pressed_and_told_by_name_when_closed(
    people: People, house: House
) -> None:
    agent, visitor = await people.talking(house)
    page = agent.page

    # given a visitor who has closed the panel, and a file
    await visitor.field.press("Escape")
    await expect(visitor.field).to_be_hidden()
    await choose(page, clip(agent), payload("尺寸图.pdf", pdf(), "application/pdf"))

    # then what waits for them is told by its name
    await expect(visitor.panel.locator(".peek")).to_contain_text("尺寸图.pdf")

    # and Esc closes it for the agent, also where they have pressed into its pages
    await file_card(agent, "尺寸图.pdf").get_by_role("button", name=re.compile("^尺寸图.pdf")).click()
    shown = page.get_by_role("dialog", name=re.compile("尺寸图.pdf"))
    await shown.locator("iframe").content_frame.locator("canvas").first.click()
    await page.keyboard.press("Escape")
    await expect(shown).to_be_hidden()


async def test_who_hands_on_by_keyboard_finds_a_colleague_by_name_and_a_press_beside_loses_nothing(people: People, house: House) -> None:
    colleague = await house.hire("Gu Nanqiao", role="admin")
    await people.agent(house, colleague)
    agent, _ = await people.talking(house)
    page = agent.page
    await agent.field.press("Escape")
    await page.keyboard.press("t")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("radio", name=re.compile("Gu Nanqiao"))).to_be_visible()

    # when they are looked for, Enter chooses who was found first
    await dialog.locator("input[type=text]").first.fill("Gu")
    await dialog.locator("input[type=text]").first.press("Enter")
    await expect(dialog.get_by_role("radio", name=re.compile("Gu Nanqiao"))).to_be_checked()

    # a press beside the dialog loses neither the choice nor the words for them
    await dialog.get_by_role("textbox").last.fill("麻烦今天寄出")
    await page.mouse.click(8, 500)
    await expect(dialog).to_be_visible()
    await expect(dialog.get_by_role("textbox").last).to_have_value("麻烦今天寄出")


async def test_on_a_phone_a_plain_reply_goes_into_the_input_first(people: People, house: House) -> None:
    await write_entry(house.admin, "delivery", plain("16:00 前付款当天发出"))
    visitor = await people.visitor(house)
    await visitor.say("在吗")
    agent = await people.agent(house, viewport=PHONE, has_touch=True, is_mobile=True)
    await agent.row("在吗").get_by_role("link").tap()

    await agent.field.press_sequentially("#deli")
    await replies_list(agent).get_by_role("option").first.tap()

    await expect(agent.field).to_have_value("16:00 前付款当天发出")
    assert await visitor.texts() == ["您好，请问有什么可以帮您？", "在吗"]


async def test_whoever_comes_back_another_day_is_told_with_the_page_they_land_on(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)
    (mine,) = await house.admin.conversations()
    await sql(
        house,
        "UPDATE visits SET last_seen_at = last_seen_at - interval '1 hour' WHERE enterprise_id = %s",
        house.admin.me["enterprise"]["id"],
    )

    # when they come to another page, on which the panel wakes by itself
    address = people.address(house, "订单详情", "/order")
    await visitor.page.goto(address)
    await expect(opened(agent)).to_contain_text("正在看「订单详情」")

    # then the new stay begins there, not somewhere on that site
    context = await house.admin.get(f"/conversations/{mine['id']}/context")
    assert (context["visit"]["landing_url"], [page["title"] for page in context["pages"]]) == (address, ["订单详情"])
