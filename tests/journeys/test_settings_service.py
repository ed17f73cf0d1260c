"""How conversations are served, as those who lead a service set it up: rules, queue, working hours, attendance, the chat link."""

from __future__ import annotations

import re

from playwright.async_api import FilePayload, Page, expect

from tests.journeys.conftest import People
from tests.journeys.house import House

RULES = "/app/settings/rules"
QUEUE = "/app/settings/queue"
HOURS = "/app/settings/hours"
ATTENDANCE = "/app/settings/attendance"
EVERYBODY = {"kind": "all", "group_ids": []}
CALENDAR: FilePayload = {
    "name": "holidays.csv",
    "mimeType": "text/csv",
    "buffer": "date,kind,name\n2026-10-01,off,国庆节\n2026-13-01,off,没有这天\n2026-10-10,work,国庆节调休\n2026-10-02,maybe,国庆节\n".encode(),
}


async def _save(page: Page) -> None:
    await page.get_by_role("button", name="保存", exact=True).click()


async def test_delayed_transfers_say_which_rule_is_broken_and_are_saved(people: People, house: House) -> None:
    group = await house.admin.post("/groups", {"name": "售后组", "member_ids": [house.admin.id]})
    admin = await people.agent(house, path=RULES)
    page = admin.page

    # when a first step comes too soon, and the second one not after it
    await page.get_by_role("button", name="添加一次转接").click()
    first = page.get_by_label("第 1 次转接的秒数")
    await first.fill("10")
    # then the page says so in words, and does not save
    await expect(page.get_by_role("alert")).to_have_text("要晚于 10 秒：客服需要时间回复")
    await expect(page.get_by_role("button", name="保存", exact=True)).to_be_disabled()
    await first.fill("60")
    await page.get_by_role("button", name="添加一次转接").click()
    second = page.get_by_label("第 2 次转接的秒数")
    await second.fill("60")
    await expect(page.get_by_role("alert")).to_have_text("第 2 次要晚于第 1 次（60 秒）")

    # when it is right, then the picture shows it, and it is saved together with the other rules
    await second.fill("120")
    await page.get_by_label("第 2 次转给谁").select_option("售后组")
    await expect(page.get_by_role("img", name="第 1 次在 60 秒，转给自动分配，第 2 次在 120 秒，转给售后组")).to_be_visible()
    await page.get_by_role("radio", name="先问对方").check()
    await page.get_by_label("网页渠道静默多少分钟后结束").fill("15")
    await page.get_by_role("switch", name="结束前 1 分钟提醒顾客").check()
    await _save(page)
    await admin.toast("对话规则已保存")
    moving = (await house.admin.get("/routing/transfers"))["settings"]
    assert moving["steps"] == [{"seconds": 60, "group_id": None}, {"seconds": 120, "group_id": group["id"]}]
    assert moving["ask"] is True
    ending = (await house.admin.get("/conversation-rules"))["settings"]
    assert ending["auto_end"] == {"web": {"minutes": 15, "warn": True}}

    # and what was saved is there after a reload
    await page.reload()
    await expect(page.get_by_label("第 2 次转接的秒数")).to_have_value("120")


async def test_a_better_grade_may_not_be_easier_to_earn(people: People, house: House) -> None:
    admin = await people.agent(house, path=RULES)
    page = admin.page
    await page.get_by_label("金牌：顾客至少多少条").fill("4")
    await expect(page.get_by_role("alert")).to_have_text("金牌的顾客条数不能少于银牌")
    await expect(page.get_by_role("button", name="保存", exact=True)).to_be_disabled()
    await page.get_by_label("金牌：顾客至少多少条").fill("20")
    await expect(page.get_by_text("例如：顾客发了 19 条、客服回了 12 条，结果是「银牌」。")).to_be_visible()
    await _save(page)
    await admin.toast("对话规则已保存")
    assert (await house.admin.get("/conversation-rules"))["settings"]["grading"]["gold"] == {"customer": 20, "agent": 10}


async def test_the_queue_is_previewed_as_the_visitor_sees_it(people: People, house: House) -> None:
    admin = await people.agent(house, path=QUEUE)
    page = admin.page
    preview = page.get_by_role("complementary", name="顾客看到的")
    await page.get_by_role("textbox", name="排队提示语").fill("今天咨询多，请稍等。")
    await expect(preview).to_contain_text("今天咨询多，请稍等。")
    await page.get_by_role("spinbutton", name="人数上限").fill("2")
    await page.get_by_role("spinbutton", name="人数上限").press("Enter")
    await expect(page.get_by_text("全企业同时最多 2 人排队")).to_be_visible()
    await preview.get_by_role("button", name="队满时").click()
    await expect(preview).to_contain_text("已收到您的留言")
    if await page.get_by_role("button", name="保存", exact=True).is_enabled():
        await _save(page)
    await admin.toast("排队设置已保存")
    saved = (await house.admin.get("/routing/queue"))["settings"]
    assert (saved["limit"], saved["text"]) == (2, "今天咨询多，请稍等。")
    await expect(page.get_by_text("0 / 2 人在排队")).to_be_visible()


async def test_working_hours_are_set_for_the_week_and_days_come_from_a_file(people: People, house: House) -> None:
    admin = await people.agent(house, path=HOURS)
    page = admin.page
    await page.get_by_role("switch", name="工作时间").check()
    monday = page.get_by_role("group", name="周一", exact=True)

    # when the afternoon overlaps the morning, then it is said
    await monday.get_by_role("button", name="周一，添加时段").click()
    await monday.get_by_label("周一，第 2 段，开始").fill("17")
    await expect(monday.get_by_role("alert")).to_have_text("时段重叠了，或没有按先后排")
    await monday.get_by_label("周一，第 2 段，开始").fill("1930")
    await monday.get_by_label("周一，第 2 段，结束").fill("24:00")
    await expect(monday.get_by_role("alert")).to_have_count(0)
    await monday.get_by_role("button", name="把周一复制到别的日子").click()
    await page.get_by_role("menuitem", name="复制到每天").click()

    # when a calendar file is chosen, then its days and its faults are shown before anything is taken
    await page.get_by_role("button", name="导入文件").click()
    dialog = page.get_by_role("dialog", name="导入特殊日期")
    async with page.expect_file_chooser() as chooser:
        await dialog.get_by_role("button", name="选择文件").click()
    await (await chooser.value).set_files(CALENDAR)
    await expect(dialog.get_by_role("status")).to_have_text("新增 2 天，改动 0 天，0 天没有变。")
    await expect(dialog.get_by_text("第 3 行：「2026-13-01」不是日期，请写成 2026-10-01")).to_be_visible()
    await expect(dialog.get_by_text("第 5 行：「maybe」不是 off 或 work")).to_be_visible()
    assert (await house.admin.get("/routing/hours"))["version"] == 0
    await dialog.get_by_role("button", name="导入 2 天").click()

    # when all of it is saved, then the head of the page says whether it is open, and until when
    await _save(page)
    await admin.toast("工作时间已保存")
    saved = (await house.admin.get("/routing/hours"))["settings"]
    day = [{"start": "09:00", "until": "18:00"}, {"start": "19:30", "until": "24:00"}]
    assert saved["week"] == [day] * 7
    assert [(one["day"], one["open"]) for one in saved["exceptions"]] == [("2026-10-01", False), ("2026-10-10", True)]
    await expect(page.get_by_role("banner").or_(page.locator("header")).get_by_text(re.compile("接待中|已下班")).first).to_be_visible()


async def test_attendance_shows_who_is_here(people: People, house: House) -> None:
    admin = await people.agent(house, path=ATTENDANCE)
    page = admin.page
    # the page may have been there before its own line made anybody present
    await expect(page.get_by_role("button", name=f"{house.admin.name}，在线，打开个人菜单")).to_be_visible()
    await page.get_by_role("button", name="刷新").click()
    await expect(page.get_by_role("row", name=re.compile(rf"^{house.admin.name} \d\d:\d\d 在线"))).to_be_visible()
    await page.get_by_label("从", exact=True).fill("2020-01-01")
    await expect(page.get_by_role("alert")).to_have_text("一次最多看 31 天")


async def test_whoever_may_only_look_changes_nothing(people: People, house: House) -> None:
    role = await house.role("观察员", "routing.view", "conversations.view_rules")
    reader = await house.hire("谢流云", role_id=role, scope=EVERYBODY)
    agent = await people.agent(house, reader, path=RULES)
    page = agent.page
    await expect(page.get_by_text("只能查看", exact=True)).to_be_visible()
    await expect(page.get_by_role("button", name="添加一次转接")).to_be_disabled()
    await expect(page.get_by_role("switch", name="为结束的对话评级")).to_be_disabled()
    await page.goto(f"{house.server.url}{HOURS}")
    await expect(page.get_by_role("switch", name="工作时间")).to_be_disabled()
    await page.goto(f"{house.server.url}{ATTENDANCE}")
    await expect(page.get_by_text("你没有查看这一页的权限")).to_be_visible()


async def test_a_chat_link_opens_the_panel_as_a_page(people: People, house: House) -> None:
    admin = await people.agent(house, path="/app/settings/web")
    link = house.channel["chat_link"]
    await expect(admin.page.get_by_text(link, exact=True)).to_be_visible()
    await expect(admin.page.get_by_role("img", name="聊天链接的二维码")).to_be_visible()

    # when somebody comes by it, they write without a launcher, and the agent named is asked first
    context, _ = await people.context(locale="en-US")
    page = await context.new_page()
    await page.goto(f"{house.server.url}/chat/{house.key}?agent={house.admin.id}&lang=en")
    await page.get_by_role("textbox", name="Write a message").fill("Hello by link")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("log").get_by_text(f"{house.admin.name} is here for you")).to_be_visible()

    # and a link of nobody says no more than that
    answer = await page.goto(f"{house.server.url}/chat/{'x' * 24}")
    assert answer is not None
    assert answer.status == 404
    await expect(page.get_by_role("heading", name="对话链接不可用")).to_be_visible()


async def test_a_site_says_whom_its_visitor_wants_before_the_script_is_there(people: People, house: House) -> None:
    colleague = await house.hire("程思远")
    await people.agent(house)
    await people.agent(house, colleague)
    # given a page that speaks to the widget before it is loaded
    early = (
        "if (window === window.top) { window.qiatan = function () { (window.qiatan.q = window.qiatan.q || []).push(arguments) };"
        f" window.qiatan('assign', {{ agents: ['{colleague.id}'] }}); window.qiatan('metadata', {{ order: 'S2511041093', level: 3 }}) }}"
    )
    visitor = await people.visitor(house, script=early)

    # when its visitor writes, then the colleague named is the one
    await visitor.say("订单的事")
    await visitor.sees("程思远为您服务")

    # and what the page knows stands with the customer
    conversation = (await colleague.conversations())[0]
    customer = (await colleague.get(f"/conversations/{conversation['id']}/context"))["customer"]
    assert customer["metadata"] == {"order": "S2511041093", "level": "3"}

    # when nothing may be given to anybody else, and the next one named is not there, then it is left as a message
    await colleague.post(f"/conversations/{conversation['id']}/end")
    await visitor.sees("对话已结束")
    async with visitor.page.expect_response(
        lambda answer: answer.url.endswith("/widget/wish") and "nobody" in (answer.request.post_data or "")
    ):
        await visitor.page.evaluate("() => window.qiatan('assign', { agents: ['nobody'], fallback: 1 })")
    await visitor.say("还有一件事")
    await expect(visitor.panel.get_by_role("heading", name="已收到您的留言")).to_be_visible()
