"""Quick replies: written with one editor, found while typing, looked at before they go, and what the visitor receives."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import xlsxwriter
from playwright.async_api import FilePayload, Locator, expect

from tests.journeys.conftest import People
from tests.journeys.house import House, Member
from tests.journeys.people import Agent, Visitor, picture
from tests.journeys.test_screens import PHONE

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def paragraph(*spans: dict[str, Any], align: str = "left") -> dict[str, Any]:
    return {"kind": "paragraph", "align": align, "spans": list(spans)}


def plain(text: str) -> dict[str, Any]:
    return {"blocks": [paragraph({"text": line}) for line in text.split("\n")]}


EXCHANGE = {
    "blocks": [
        paragraph({"text": "给您添麻烦了，换新分三步："}),
        {
            "kind": "list",
            "ordered": True,
            "items": [[{"text": "核对收件地址"}], [{"text": "16:00 前", "bold": True}, {"text": "确认，当天发出"}]],
        },
        paragraph({"text": "详见"}, {"text": "换新说明", "href": "https://pine.example/exchange"}),
    ]
}


async def write_entry(
    member: Member, title: str, document: dict[str, Any], *, owner: str = "enterprise", group: str | None = None
) -> dict[str, Any]:
    entry: dict[str, Any] = await member.post("/replies", {"owner": owner, "group_id": group, "title": title, "document": document})
    return entry


async def stocked(house: House) -> None:
    """A few entries of everybody's, in two groups, and one of the administrator's own."""
    after = await house.admin.post("/reply-groups", {"owner": "enterprise", "name": "退换"})
    sending = await house.admin.post("/reply-groups", {"owner": "enterprise", "name": "发货"})
    await write_entry(house.admin, "换货地址确认", plain("请您发一下收件人、电话和详细地址"), group=after["id"])
    await write_entry(house.admin, "换新流程（免寄回）", EXCHANGE, group=after["id"])
    await write_entry(house.admin, "当天发货时间", plain("16:00 前付款当天发出"), group=sending["id"])
    await write_entry(house.admin, "问候", plain("{{customer.name}}您好，我是{{agent.name}}"), owner="own")


def replies_list(agent: Agent) -> Locator:
    return agent.page.get_by_role("listbox", name=re.compile("^(快捷回复|Quick replies)$"))


def dialog(agent: Agent) -> Locator:
    return agent.page.get_by_role("dialog")


async def talking(people: People, house: House, **options: Any) -> tuple[Agent, Visitor]:
    agent = await people.agent(house, **options)
    visitor = await people.visitor(house)
    await visitor.say("在吗")
    await agent.open("在吗")
    return agent, visitor


async def test_a_word_behind_the_hash_finds_a_reply_and_enter_sends_it(people: People, house: House) -> None:
    await stocked(house)
    agent, visitor = await talking(people, house)
    await agent.field.press_sequentially("好的#hhdz")
    await expect(replies_list(agent).get_by_role("option")).to_have_count(1)
    await expect(replies_list(agent).get_by_role("option")).to_contain_text("换货地址确认")
    await agent.field.press("Enter")
    await visitor.sees("请您发一下收件人、电话和详细地址")
    await expect(agent.field).to_have_value("好的")
    await expect(replies_list(agent)).to_be_hidden()
    # Used once, it leads among those that match alike.
    index = await house.admin.get("/replies")
    assert {one["title"]: one["uses"] for one in index["entries"]}["换货地址确认"] == 1


async def test_escape_leaves_the_hash_as_text_and_tab_inserts(people: People, house: House) -> None:
    await stocked(house)
    agent, visitor = await talking(people, house)
    await agent.field.press_sequentially("#fahuo")
    await expect(replies_list(agent).get_by_role("option")).to_have_count(1)
    await agent.field.press("Escape")
    await expect(replies_list(agent)).to_be_hidden()
    await agent.field.press("Enter")
    await visitor.sees("#fahuo")
    await agent.field.press_sequentially("#fahuo")
    await expect(replies_list(agent).get_by_role("option")).to_have_count(1)
    await agent.field.press("Tab")
    await expect(agent.field).to_have_value("16:00 前付款当天发出")
    await expect(agent.field).to_be_focused()


async def test_a_rich_reply_arrives_with_its_form_on_both_sides(people: People, house: House) -> None:
    await stocked(house)
    agent, visitor = await talking(people, house)
    await agent.field.press_sequentially("#换新")
    await expect(agent.page.locator(".qr .dt").get_by_role("listitem")).to_have_count(2)
    await replies_list(agent).get_by_role("option").first.click()
    for log in (agent.thread, visitor.log):
        await expect(log.get_by_role("list").get_by_role("listitem")).to_have_text(["核对收件地址", "16:00 前确认，当天发出"])
    link = visitor.log.get_by_role("link", name="换新说明")
    assert await link.get_attribute("href") == "https://pine.example/exchange"
    assert "noopener" in (await link.get_attribute("rel") or "")


async def test_a_picture_in_a_reply_is_seen_on_both_sides(people: People, house: House) -> None:
    shown = picture()
    answer = await house.admin.client.post("/reply-pictures", files={"file": (shown["name"], shown["buffer"], shown["mimeType"])})
    assert answer.status_code == 201, answer.text
    lines = [paragraph({"text": text}) for text in ("这样包", *"一二三四五六七八九十")]
    await write_entry(house.admin, "包装", {"blocks": [*lines, {"kind": "picture", "alt": "壶", **answer.json()}]})
    agent, visitor = await talking(people, house)
    await agent.field.press_sequentially("#baoz")
    await expect(replies_list(agent).get_by_role("option")).to_have_count(1)
    await agent.field.press("Enter")
    for log in (agent.thread, visitor.log):
        drawn = log.locator("img[alt='壶']")
        await expect(drawn).to_be_visible()
        await expect(drawn).to_have_js_property("complete", True)
        assert await drawn.evaluate("(element) => element.naturalWidth") == 480
    # The end stays in sight, although what draws it had to be fetched first.
    await expect(visitor.log.get_by_role("img", name="壶")).to_be_in_viewport(ratio=0.9)
    await agent.thread.get_by_role("button", name="壶").click()
    viewer = dialog(agent).filter(has_text="1 / 1")
    await expect(viewer.get_by_role("img", name="壶")).to_be_visible()
    await agent.page.keyboard.press("Escape")
    await expect(viewer).to_be_hidden()


async def test_what_is_not_known_is_asked_before_it_goes(people: People, house: House) -> None:
    await stocked(house)
    agent, visitor = await talking(people, house)
    await agent.field.press_sequentially("#wenhou")
    await expect(agent.page.locator(".qr .dt")).to_contain_text("还不知道：顾客姓名")
    await agent.field.press("Enter")
    await expect(dialog(agent).get_by_role("button", name="发送")).to_be_disabled()
    await dialog(agent).get_by_label("顾客姓名").fill("陈女士")
    await expect(dialog(agent).get_by_role("group", name="顾客会看到")).to_contain_text("陈女士您好，我是")
    await dialog(agent).get_by_role("button", name="发送").click()
    await expect(dialog(agent)).to_be_hidden()
    await visitor.sees("陈女士您好，我是")


async def test_the_list_beside_the_conversation_sends_by_a_double_click_and_inserts_when_told_to(people: People, house: House) -> None:
    await stocked(house)
    agent, visitor = await talking(people, house)
    side = agent.page.get_by_role("complementary")
    await side.get_by_role("tab", name="快捷回复").click()
    row = side.get_by_role("option", name=re.compile("当天发货时间"))
    await row.hover()
    await expect(agent.page.get_by_role("tooltip")).to_contain_text("16:00 前付款当天发出")
    await row.click()
    await expect(row).to_have_attribute("aria-selected", "true")
    assert not [text for text in await visitor.texts() if "16:00" in text]
    await row.dblclick()
    await visitor.sees("16:00 前付款当天发出")
    await side.get_by_role("switch", name="先放进输入框").check()
    await row.dblclick()
    await expect(agent.field).to_have_value("16:00 前付款当天发出")
    # The switch is remembered.
    await agent.page.reload()
    await side.get_by_role("tab", name="快捷回复").click()
    await expect(side.get_by_role("switch", name="先放进输入框")).to_be_checked()


async def test_an_entry_is_written_and_its_kind_follows_from_its_form(people: People, house: House) -> None:
    agent = await people.agent(house, path="/app/settings/replies")
    await agent.page.get_by_role("button", name="新建", exact=True).first.click()
    form = dialog(agent)
    await form.get_by_label("标题").fill("开箱")
    editor = form.get_by_role("textbox", name="内容")
    await editor.fill("请拍一下")
    await expect(form.get_by_text("纯文本")).to_be_visible()
    await form.get_by_role("button", name="加粗").click()
    await editor.press_sequentially("整个箱子")
    await expect(form.locator(".tag").get_by_text("富文本")).to_be_visible()
    async with agent.page.expect_file_chooser() as choosing:
        await form.get_by_role("button", name="插入图片").click()
    await (await choosing.value).set_files(picture())
    await expect(editor.locator("img")).to_be_visible()
    await form.get_by_role("button", name="微信").click()
    await expect(form.get_by_text("会依次发出 2 条消息")).to_be_visible()
    await form.get_by_role("button", name="保存").click()
    await expect(form).to_be_hidden()
    entry = (await house.admin.get("/replies"))["entries"][0]
    assert (entry["kind"], entry["title"], entry["text"]) == ("rich", "开箱", "请拍一下整个箱子")
    document = (await house.admin.get(f"/replies/{entry['id']}"))["document"]
    assert [(span["text"], span["bold"]) for span in document["blocks"][0]["spans"]] == [("请拍一下", False), ("整个箱子", True)]
    assert document["blocks"][1]["kind"] == "picture"
    # Without its form and its picture it is plain again.
    await agent.page.get_by_role("button", name="编辑「开箱」").click()
    await expect(editor.locator("img")).to_be_visible()
    await editor.press("ControlOrMeta+a")
    await editor.press("Backspace")
    await editor.press_sequentially("请拍一下整个箱子")
    await editor.press("ControlOrMeta+a")
    await form.get_by_role("button", name="清除样式").click()
    await form.get_by_role("button", name="保存").click()
    await expect(form).to_be_hidden()
    assert (await house.admin.get("/replies"))["entries"][0]["kind"] == "plain"


async def test_pasted_markup_brings_no_more_than_the_editor_knows(people: People, house: House) -> None:
    agent = await people.agent(house, path="/app/settings/replies")
    await agent.page.get_by_role("button", name="新建", exact=True).first.click()
    await dialog(agent).get_by_label("标题").fill("粘贴")
    editor = dialog(agent).get_by_role("textbox", name="内容")
    await editor.click()
    await editor.evaluate(
        """(element, html) => {
          const clipboardData = new DataTransfer()
          clipboardData.setData('text/html', html)
          element.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
        }""",
        "<h1 onclick='alert(1)' style='position:fixed'>大标题</h1><p><a href='javascript:alert(1)'>点我</a><b>粗</b><img src=x onerror='alert(1)'>"
        "<iframe src='https://pine.example'></iframe><script>alert(1)</script><a href='https://pine.example/a'>好</a></p>",
    )
    await expect(editor).to_contain_text("大标题")
    await dialog(agent).get_by_role("button", name="保存").click()
    await expect(dialog(agent)).to_be_hidden()
    entry = (await house.admin.get("/replies"))["entries"][0]
    blocks = (await house.admin.get(f"/replies/{entry['id']}"))["document"]["blocks"]
    spans = [span for block in blocks for span in block["spans"]]
    assert [span["href"] for span in spans if span.get("href")] == ["https://pine.example/a"]
    assert {block["kind"] for block in blocks} == {"paragraph"}
    assert entry["text"].replace("\n", "") == "大标题点我粗好"


async def test_groups_and_entries_are_put_in_order_by_keys(people: People, house: House) -> None:
    await stocked(house)
    agent = await people.agent(house, path="/app/settings/replies")
    grip = agent.page.get_by_role("button", name=re.compile("^「发货」，第 2 个"))
    await grip.focus()
    async with agent.page.expect_response(re.compile("/reply-groups/order$")) as ordering:
        await grip.press("ArrowUp")
    assert (await ordering.value).status == 204
    await expect(agent.page.get_by_role("button", name=re.compile("^「发货」，第 1 个"))).to_be_focused()
    await agent.page.get_by_role("link", name=re.compile("^退换")).click()
    entry = agent.page.get_by_role("button", name=re.compile("^「换新流程（免寄回）」，第 2 个"))
    await entry.focus()
    async with agent.page.expect_response(re.compile("/replies/order$")) as ordering:
        await entry.press("ArrowUp")
    assert (await ordering.value).status == 204
    await expect(agent.page.get_by_role("button", name=re.compile("^「换新流程（免寄回）」，第 1 个"))).to_be_focused()
    await expect(agent.page.get_by_role("status").filter(has_text="「换新流程（免寄回）」移到第 1 个")).to_have_count(1)
    index = await house.admin.get("/replies")
    assert [one["name"] for one in sorted(index["groups"], key=lambda one: one["position"]) if one["owner"] == "enterprise"] == [
        "发货",
        "退换",
    ]
    ordered = sorted((one for one in index["entries"] if one["title"].startswith("换")), key=lambda one: one["position"])
    assert [one["title"] for one in ordered] == ["换新流程（免寄回）", "换货地址确认"]


def sheet(*rows: tuple[str, str, str]) -> FilePayload:
    out = BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        page = book.add_worksheet()
        for at, row in enumerate((("分组", "标题", "内容"), *rows)):
            page.write_row(at, 0, row)
    return FilePayload(name="话术.xlsx", mimeType=XLSX, buffer=out.getvalue())


async def test_a_spreadsheet_is_looked_at_before_it_comes_in(people: People, house: House) -> None:
    await stocked(house)
    agent = await people.agent(house, path="/app/settings/replies")
    await agent.page.get_by_role("button", name="导入").click()
    async with agent.page.expect_file_chooser() as choosing:
        await dialog(agent).get_by_role("button", name="选择文件").click()
    await (await choosing.value).set_files(
        sheet(
            ("发货", "当天发货时间", "16:00 前付款当天发出"),
            ("售后", "发票", "发票随货寄出"),
            ("", "", "没有标题"),
            ("", "变量", "{{customer.nam}}"),
        )
    )
    await expect(dialog(agent).get_by_role("status")).to_contain_text("可导入1")
    await expect(dialog(agent)).to_contain_text("第 4 行：标题：没有填写")
    await expect(dialog(agent)).to_contain_text("第 5 行：内容：有不认识的变量")
    await expect(dialog(agent)).to_contain_text("新建的分组：售后")
    assert len((await house.admin.get("/replies"))["entries"]) == 4, "a look changes nothing"
    await dialog(agent).get_by_role("button", name="导入 1 条").click()
    await agent.toast("已导入 1 条")
    await expect(agent.page.get_by_role("link", name=re.compile("^售后"))).to_contain_text("1")
    async with agent.page.expect_download() as downloading:
        await agent.page.get_by_role("button", name="导出").click()
    assert (await downloading.value).suggested_filename.endswith(".xlsx")
    await agent.toast(re.compile("有 1 条没有包含在内"))


async def test_a_colleague_sees_a_new_entry_at_once_and_may_not_change_it(people: People, house: House) -> None:
    await stocked(house)
    colleague = await house.hire("顾南乔")
    agent = await people.agent(house, colleague, path="/app/settings/replies")
    await expect(agent.page.get_by_text("换货地址确认")).to_be_visible()
    await expect(agent.page.get_by_text("问候")).to_have_count(0)
    await expect(agent.page.get_by_role("button", name=re.compile("^编辑"))).to_have_count(0)
    await write_entry(house.admin, "新品上架", plain("下周三十点"))
    await expect(agent.page.get_by_text("新品上架")).to_be_visible()
    await agent.page.get_by_role("link", name="全部").nth(1).click()
    await expect(agent.page.get_by_role("button", name="新建", exact=True).first).to_be_visible()


async def test_on_a_phone_a_rich_reply_is_shown_before_it_goes(people: People, house: House) -> None:
    await stocked(house)
    agent, visitor = await talking(people, house, viewport=PHONE, has_touch=True, is_mobile=True)
    await agent.field.press_sequentially("#换新")
    await replies_list(agent).get_by_role("option").first.click()
    await expect(dialog(agent).get_by_role("listitem")).to_have_count(2)
    assert not await visitor.log.get_by_role("listitem").count()
    await dialog(agent).get_by_role("button", name="发送").click()
    await expect(visitor.log.get_by_role("listitem")).to_have_count(2)


async def test_on_a_phone_a_tap_in_the_list_beside_the_conversation_leads_back_to_what_comes_of_it(people: People, house: House) -> None:
    await stocked(house)
    agent, visitor = await talking(people, house, viewport=PHONE, has_touch=True, is_mobile=True)
    card = agent.page.get_by_role("button", name="打开名片")
    side = agent.page.get_by_role("complementary")

    await card.tap()
    await side.get_by_role("tab", name="快捷回复").tap()
    await side.get_by_role("option", name=re.compile("当天发货时间")).tap()
    await expect(side).to_be_hidden()
    await expect(agent.field).to_be_visible()
    await expect(agent.field).to_have_value("16:00 前付款当天发出")
    assert not [text for text in await visitor.texts() if "16:00" in text]

    await card.tap()
    await side.get_by_role("tab", name="快捷回复").tap()
    await side.get_by_role("option", name=re.compile("换新流程")).tap()
    await expect(dialog(agent).get_by_role("listitem")).to_have_count(2)
    assert not await visitor.log.get_by_role("listitem").count()
    await dialog(agent).get_by_role("button", name="发送").tap()
    await expect(visitor.log.get_by_role("listitem")).to_have_count(2)
    await expect(agent.field).to_have_value("16:00 前付款当天发出")


ENGLISH_EXCHANGE = {
    "blocks": [
        paragraph({"text": "Sorry for the trouble. An exchange takes three steps:"}),
        {
            "kind": "list",
            "ordered": True,
            "items": [[{"text": "Confirm the address"}], [{"text": "Before 16:00", "bold": True}, {"text": " we send it the same day"}]],
        },
        paragraph({"text": "See "}, {"text": "how it works", "href": "https://pine.example/exchange"}),
    ]
}
