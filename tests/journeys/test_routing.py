"""Who gets the conversation, at the workspace: queue, transfers, take-over, joining, delays and the automatic end."""

from __future__ import annotations

import asyncio
import re

from playwright.async_api import expect

from tests.journeys.conftest import People
from tests.journeys.desk import act, asleep, dialog, events, note, opened, put, sql, take, waiting, written
from tests.journeys.house import House


async def test_the_queue_shows_places_and_a_vip_is_picked_beyond_the_maximum(people: People, house: House) -> None:
    # given two agents who serve one visitor each, and three who wait
    await house.admin.change(f"/agents/{house.admin.id}", max_conversations=1)
    colleague = await house.hire("顾南乔", max_conversations=1)
    first, second = await people.agent(house), await people.agent(house, colleague)
    await written(people, house, "第一位", "第二位", "想问发货", "想问退货", "婚宴定制八十份")
    for agent in (first, second):
        await agent.tab("排队").click()
        await expect(waiting(agent)).to_have_count(3)
        for place, words in enumerate(("想问发货", "想问退货", "婚宴定制八十份")):
            await expect(waiting(agent).nth(place)).to_contain_text(re.compile(rf"第 {place + 1} 位.*{words}"))
        await expect(agent.inbox).to_contain_text("3 人在等，上限 20")

    # when one of them is marked as a VIP, then both see the mark
    await first.open("婚宴定制八十份")
    await first.page.get_by_role("complementary").get_by_role("button", name="VIP", exact=True).click()
    for agent in (first, second):
        await expect(agent.row("婚宴定制八十份")).to_contain_text("VIP")

    # when the agent takes that one by hand, then they are asked first, and may still say no
    await take(first, "婚宴定制八十份")
    await expect(dialog(first)).to_contain_text("你正在接待 1/1，仍要接待？")
    await dialog(first).get_by_role("button", name="先不接").click()
    await expect(waiting(second)).to_have_count(3)

    # and when they say yes, the visitor is served before those who came earlier, who keep their places
    await take(first, "婚宴定制八十份")
    await dialog(first).get_by_role("button", name="仍要接待").click()
    await expect(first.tab("我的")).to_have_attribute("aria-selected", "true")
    await expect(first.field).to_be_visible()
    await expect(waiting(second)).to_have_count(2)
    await expect(waiting(second).nth(0)).to_contain_text(re.compile("第 1 位.*想问发货"))
    await expect(waiting(second).nth(1)).to_contain_text(re.compile("第 2 位.*想问退货"))

    # and it is counted and written down
    await first.page.get_by_role("button", name=re.compile("打开个人菜单$")).click()
    await expect(first.page.get_by_text("正在接待 2 / 1")).to_be_visible()
    entries = (await house.admin.get("/audit?action=conversation.taken_beyond_maximum"))["items"]
    assert [entry["actor"]["name"] for entry in entries] == ["沈知夏"]


async def test_who_may_not_pass_the_maximum_is_told_and_nothing_changes(people: People, house: House) -> None:
    role = await house.role("只接排队", "conversations.serve", "conversations.take", "conversations.end")
    member = await house.hire("程思远", role_id=role, max_conversations=1)
    agent = await people.agent(house, member)
    await written(people, house, "先来的", "后来的")
    await agent.tab("排队").click()
    await take(agent, "后来的")
    await agent.toast(re.compile("你已在接待 1/1，到了上限"))
    await expect(waiting(agent)).to_have_count(1)
    assert [one["status"] for one in await house.admin.conversations("queue")] == ["waiting"]


async def test_a_transfer_is_refused_then_accepted(people: People, house: House) -> None:
    # given two agents, one of whom talks with a visitor
    await put(house, "/routing/transfers", ask=True)
    agent, visitor = await people.talking(house)
    colleague = await people.agent(house, await house.hire("顾南乔"))

    # when they ask the colleague, who refuses
    await act(agent, "转接")
    await dialog(agent).get_by_role("radio", name=re.compile("顾南乔")).check()
    await dialog(agent).get_by_role("textbox", name=re.compile("给对方的话")).fill("老客户，问茶壶")
    await dialog(agent).get_by_role("button", name="请对方接手").click()
    await expect(agent.page.get_by_text("正在等「顾南乔」接手")).to_be_visible()
    card = colleague.page.get_by_role("region", name="转给你的对话")
    await expect(card).to_contain_text(re.compile("沈知夏 想把.*转给你"))
    await expect(card).to_contain_text("老客户，问茶壶")
    await card.get_by_role("button", name="不接").click()

    # then it stays, and both are told
    await expect(card).to_be_hidden()
    await agent.toast(re.compile("「顾南乔」没有接受"))
    await expect(agent.page.get_by_text("正在等「顾南乔」接手")).to_be_hidden()
    await expect(agent.field).to_be_visible()

    # when they ask once more by the key, and the colleague accepts
    await agent.thread.focus()
    await agent.page.keyboard.press("t")
    await dialog(agent).get_by_role("radio", name=re.compile("顾南乔")).check()
    await dialog(agent).get_by_role("button", name="请对方接手").click()
    await card.get_by_role("button", name="接受").click()

    # then it is theirs, in words for both, and the visitor goes on with them
    await expect(colleague.field).to_be_visible()
    await colleague.sees("沈知夏 把对话转给你")
    await agent.toast(re.compile("「顾南乔」已接手"))
    await expect(waiting(agent)).to_have_count(0)
    await colleague.answer("您好，我接着为您看")
    await visitor.sees("我接着为您看")


async def test_an_offer_can_be_withdrawn_and_survives_a_reload(people: People, house: House) -> None:
    await put(house, "/routing/transfers", ask=True)
    agent, _ = await people.talking(house)
    colleague = await people.agent(house, await house.hire("顾南乔"))
    await act(agent, "转接")
    await dialog(agent).get_by_role("radio", name=re.compile("顾南乔")).check()
    await dialog(agent).get_by_role("button", name="请对方接手").click()
    card = colleague.page.get_by_role("region", name="转给你的对话")
    await expect(card).to_be_visible()
    await colleague.page.reload()
    await expect(card).to_be_visible()
    await agent.page.get_by_role("button", name="收回").click()
    await expect(card).to_be_hidden()
    await colleague.toast(re.compile("沈知夏 收回了"))
    assert [one["assignee_id"] for one in await house.admin.conversations()] == [house.admin.id]


async def test_a_supervisor_takes_a_conversation_over(people: People, house: House) -> None:
    # given a colleague in a conversation, and a supervisor to whom nothing comes
    supervisor = await asleep(people, house.admin, house)
    colleague = await people.agent(house, await house.hire("顾南乔"))
    (visitor,) = await written(people, house, "你们太慢了")
    await colleague.open("你们太慢了")

    # when the supervisor takes it over, they are told who loses it
    await supervisor.tab("同事").click()
    await supervisor.open("你们太慢了")
    await act(supervisor, "接管")
    await expect(dialog(supervisor)).to_contain_text("顾南乔")
    await dialog(supervisor).get_by_role("button", name="接管").click()

    # then it is theirs, the colleague is told, and the visitor is answered
    await expect(supervisor.tab("我的")).to_have_attribute("aria-selected", "true")
    await supervisor.sees("你从 顾南乔 接管了对话")
    await colleague.toast(re.compile("的对话已转走"))
    await expect(colleague.field).to_be_hidden()
    await supervisor.answer("我是主管，马上处理")
    await visitor.sees("我是主管，马上处理")
    entries = (await house.admin.get("/audit?action=conversation.taken_over"))["items"]
    assert len(entries) == 1


async def test_a_supervisor_whispers_then_joins_and_the_visitor_hears_only_what_is_meant_for_them(people: People, house: House) -> None:
    supervisor = await asleep(people, house.admin, house)
    colleague = await people.agent(house, await house.hire("顾南乔"))
    (visitor,) = await written(people, house, "杯子裂了")
    await colleague.open("杯子裂了")
    await supervisor.tab("同事").click()
    await supervisor.open("杯子裂了")

    # when the supervisor whispers without joining
    await expect(supervisor.page.get_by_text("顾南乔 在接待，你在旁观")).to_be_visible()
    await note(supervisor, "先道歉，再换新")
    # then the agent reads it, marked as a note with its author
    await expect(colleague.thread.locator(".memo")).to_contain_text(re.compile("内部备注.*沈知夏.*先道歉，再换新", re.DOTALL))
    # and answers with a note of their own
    await note(colleague, "好的")
    await expect(supervisor.thread.locator(".memo")).to_have_count(2)

    # when they join and speak
    await act(supervisor, "加入")
    await colleague.sees("沈知夏 加入了对话")
    await expect(opened(colleague).get_by_text("沈知夏 已加入")).to_be_visible()
    await supervisor.answer("我是主管，给您换一只新的")
    await visitor.sees("给您换一只新的")
    await colleague.sees("给您换一只新的")

    # then the visitor has heard nothing of the notes, on the screen and in what their page was sent
    await expect(visitor.log).not_to_contain_text("先道歉")
    await visitor.page.reload()
    await visitor.open()
    await visitor.sees("给您换一只新的")
    await expect(visitor.log).not_to_contain_text("先道歉")
    await expect(visitor.log).not_to_contain_text("好的")

    # and whoever left may only watch again
    await act(supervisor, "退出对话")
    await colleague.sees("沈知夏 退出了对话")
    await expect(supervisor.field).to_be_hidden()


async def test_without_an_answer_a_conversation_goes_on_three_times_and_then_stays(people: People, house: House) -> None:
    # given four agents and three short steps
    await put(house, "/routing/transfers", steps=[{"seconds": seconds, "group_id": None} for seconds in (11, 12, 13)])
    for name in ("顾南乔", "程思远", "唐砚"):
        await people.agent(house, await house.hire(name))
    agent = await people.agent(house)
    await written(people, house, "有人吗")

    # then it goes to each of the others in turn, and stays with the last
    conversation = await _placed(house)
    owners: list[str] = []
    for _ in range(3):
        owners = await _moved(house, conversation, len(owners) + 1)
    assert len({*owners}) == 3
    told = await events(house.admin, conversation)
    first = next(event["agent_id"] for event in told if event["name"] == "assigned")
    moves = [event for event in told if event["name"] == "transferred"]
    assert [event["how"] for event in moves] == ["delayed"] * 3
    assert [event["from_id"] for event in moves] == [first, *owners[:2]]
    assert {first, *owners} == {member.id for member in house.members}
    # and the reasons can be read
    await agent.page.goto(f"{house.server.url}/app/conversations/{conversation}")
    await expect(agent.thread).to_contain_text("没有及时回复")
    await agent.page.get_by_role("button", name="更多", exact=True).click()
    await agent.page.get_by_role("menuitem", name="为什么这样分配").click()
    await expect(dialog(agent).get_by_role("listitem").filter(has_text="延误转接").first).to_be_visible()


async def test_the_deadline_is_shown_and_gone_with_the_first_answer(people: People, house: House) -> None:
    await put(house, "/routing/transfers", steps=[{"seconds": 40, "group_id": None}])
    agent = await people.agent(house)
    await people.agent(house, await house.hire("顾南乔", max_conversations=0))
    await written(people, house, "在吗")
    await agent.open("在吗")
    bar = agent.page.get_by_text("转接倒计时")
    await expect(bar).to_be_visible()
    await expect(agent.row("在吗").locator(".wait.soon")).to_be_visible()
    await agent.answer("在的")
    await expect(bar).to_be_hidden()
    await expect(agent.row("在的").locator(".wait")).to_be_hidden()


async def test_who_has_nothing_more_to_say_is_warned_and_then_the_conversation_ends_by_itself(people: People, house: House) -> None:
    # given a conversation in which nobody has written for ten minutes
    agent, visitor = await people.talking(house)
    conversation = (await house.admin.conversations())[0]["id"]
    await sql(
        house,
        "UPDATE conversations SET created_at = created_at - interval '10 minutes', assigned_at = assigned_at - interval '10 minutes',"
        " last_at = last_at - interval '10 minutes' WHERE id = %s",
        conversation,
    )
    # when it may be quiet for two, then both are warned
    await put(house, "/conversation-rules", auto_end={"web": {"minutes": 2, "warn": True}})
    await agent.sees("将自动结束")
    # and when the minute of the warning is over, it ends
    await sql(house, "UPDATE conversations SET idle_warned_at = idle_warned_at - interval '1 minute' WHERE id = %s", conversation)
    await put(house, "/conversation-rules", auto_end={"web": {"minutes": 3, "warn": True}})
    await agent.sees("长时间没有消息，对话自动结束")
    await expect(agent.field).to_be_hidden()
    assert (await house.admin.get(f"/conversations/{conversation}"))["ended_by"] == "system"
    await expect(visitor.panel.get_by_text(re.compile("结束")).first).to_be_visible()


async def _placed(house: House) -> str:
    """Wait until the house's only conversation is with an agent."""
    for _ in range(60):
        for view in ("mine", "colleagues"):
            for found in await house.admin.conversations(view):
                return str(found["id"])
        await asyncio.sleep(0.5)
    raise AssertionError("no agent got the conversation within 30 s")


async def _moved(house: House, conversation: str, times: int) -> list[str]:
    """Wait until the conversation has been transferred so often; to whom, in order."""
    owners: list[str] = []
    for _ in range(60):
        owners = [str(event["agent_id"]) for event in await events(house.admin, conversation) if event["name"] == "transferred"]
        if len(owners) >= times:
            return owners
        await asyncio.sleep(0.5)
    raise AssertionError(f"transferred {len(owners)} times, not {times}, within 30 s")
