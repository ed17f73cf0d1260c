"""Text from strangers is text, wherever it is shown: each source of security.md part B in each place that shows it, in one walk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Locator, expect

from tests.journeys.conftest import People
from tests.journeys.desk import act, dialog, opened, put
from tests.journeys.hostile import Hostile, Talk, attach, draft, fill, message, rich, sent, until
from tests.journeys.house import House, house_of
from tests.journeys.payloads import MARKUP, PAYLOADS, TRAP, caught, reads, unharmed
from tests.journeys.people import Agent
from tests.journeys.server import Server

TALL = {"width": 1440, "height": 2600}
"""Lists and threads keep only what is near the window: all of it is."""
SCRIPT_FILE = b"document.documentElement.dataset.ran = 'yes'"
PAGE_FILE = b"<!doctype html><script>alert(1)</script>"
SETTINGS = [
    "profile",
    "own-security",
    "enterprise",
    "agents",
    "roles",
    "security",
    "sso",
    "web",
    "assignment",
    "rules",
    "queue",
    "hours",
    "replies",
    "attendance",
    "tags",
    "customer-fields",
    "blacklist",
    "api-keys",
    "audit",
]


@pytest.fixture(scope="module")
async def hostile(server: Server) -> AsyncIterator[Hostile]:
    async with house_of(server) as house:
        made = await fill(house)
        yield made
        for talk in made.talks:
            await talk.visitor.aclose()


async def test_the_trap_sees_what_would_run(browser: Browser) -> None:
    # given a page without a policy, which takes words for markup
    context = await browser.new_context()
    context.on("dialog", lambda opened: asyncio.ensure_future(opened.dismiss()))
    await context.add_init_script(TRAP)
    page = await context.new_page()
    await page.goto("about:blank")
    assert await caught(page) == []
    missed = []
    for words in MARKUP:
        before = len(await caught(page))
        await page.evaluate(
            "(html) => { const div = document.createElement('div'); document.body.append(div); div.innerHTML = html; div.remove() }", words
        )
        if len(await caught(page)) == before:
            missed.append(words)
    # and a link to a script, made without markup
    await page.evaluate("document.body.append(Object.assign(document.createElement('a'), { href: ' java\\tscript:1' }))")
    assert "javascript:1" in (await caught(page))[-1].replace("\t", "").replace("\\t", "")
    await context.close()
    assert missed == []


async def test_what_strangers_write_is_text_all_over_the_workspace(people: People, hostile: Hostile) -> None:
    agent = await people.agent(hostile.house, script=TRAP, viewport=TALL)
    # given everybody in the list, under names and last words of their own choice
    await reads(agent.inbox, [text for talk in hostile.talks for text in (talk.name, talk.words[:60])])
    await unharmed(agent.page)
    # when each is looked at, then thread, header and card tell what was written
    for talk in hostile.talks:
        await _look_at(agent, talk)
    await unharmed(agent.page)
    await _sources(agent, hostile.talks)
    await _lists(agent, hostile)
    await _pickers(agent, hostile)
    assert await agent.page.title() == "对话 · 洽谈"
    await unharmed(agent.page)
    await _palette_and_home(agent, hostile)


NOTIFICATIONS = """(() => {
  window.__told = []
  window.Notification = class {
    static permission = 'granted'
    constructor(title, { body }) { window.__told.push([title, body]) }
    close() {}
  }
})()"""
"""A page script that keeps what the page has the operating system show: the system draws it, and knows no markup."""


# Before the stories that block some of them.
async def test_what_the_operating_system_shows_is_what_was_written(people: People, hostile: Hostile) -> None:
    # given an agent who is on another page and wants to be told
    house = hostile.house
    await put(house, "/me/preferences", desktop=True)
    # and something unread, whose count shows that the page has begun to listen
    await sent(hostile.talks[0].visitor.post("/widget/messages", json=message(text="在吗")))
    agent = await people.agent(house, path="/app/home", script=TRAP + ";" + NOTIFICATIONS)
    await expect(agent.page.get_by_role("link", name=re.compile("^对话"))).to_contain_text(re.compile(r"\d"))

    # when every customer writes
    expected = []
    for talk in hostile.talks:
        told = await sent(talk.visitor.post("/widget/messages", json=message(text=talk.words)))
        if told["conversation_id"] == talk.id:
            kept = (await house.admin.get(f"/conversations/{talk.id}/messages?limit=100"))["items"]
            expected.append([talk.name, next(one["text"] for one in kept if one["seq"] == told["seq"])])

    # then title and body are their name and their words, character for character
    async def all_told() -> bool:
        return len(await agent.page.evaluate("window.__told")) >= len(expected)

    await until(all_told, "everything is told")
    assert len(expected) == len(hostile.talks)
    assert sorted(await agent.page.evaluate("window.__told")) == sorted(expected)
    assert agent.watch.dialogs == []
    await unharmed(agent.page)


async def test_what_comes_in_is_text_in_every_notice(people: People, hostile: Hostile) -> None:
    house, colleague = hostile.house, hostile.colleague
    await put(house, "/routing/transfers", ask=True)
    agent = await people.agent(house, script=TRAP, viewport=TALL)
    talk = hostile.talks[1]
    await agent.page.goto(f"{house.server.url}/app/conversations/{hostile.talks[2].id}")
    await agent.sees(hostile.talks[2].words)

    # when a colleague takes one over, calls by name in a note, and hands it back with words
    await colleague.post(f"/conversations/{talk.id}/take-over", {})
    note = {"client_message_id": message()["client_message_id"], "text": PAYLOADS[3], "mentions": [house.admin.id]}
    await colleague.post(f"/conversations/{talk.id}/notes", note)
    await colleague.post(f"/conversations/{talk.id}/transfer", {"agent_id": house.admin.id, "note": PAYLOADS[1]})
    offer = agent.page.get_by_role("region", name="转给你的对话")
    await reads(offer, [PAYLOADS[1], hostile.names[0], talk.name])
    await unharmed(agent.page)
    await offer.get_by_role("button", name="接受").click()

    # then the thread tells of it in words
    await reads(opened(agent), ["把对话转给你", PAYLOADS[1], PAYLOADS[3], talk.name])
    # and so it does of a rating with a remark, of a draft, and of who is kept out for what
    await house.admin.post(f"/conversations/{talk.id}/messages", message(text=PAYLOADS[0], reply_to=1))
    await sent(talk.visitor.put(f"/widget/conversations/{talk.id}/evaluation", json={"level": "bad", "remark": PAYLOADS[1]}))
    await draft(house.admin, talk.id, PAYLOADS[2])
    file = await attach(talk.visitor, None, "../<img src=x onerror=alert(1)>\u202egpj.exe", b"MZ")
    await reads(opened(agent), [PAYLOADS[0], "顾客评价：不满意", PAYLOADS[1], file["name"]])
    await expect(agent.field).to_have_value(PAYLOADS[2])
    await unharmed(agent.page)
    blocked = hostile.talks[4]
    await house.admin.post(f"/conversations/{blocked.id}/block", {"reason": PAYLOADS[4]})
    await agent.page.goto(f"{house.server.url}/app/conversations/{blocked.id}")
    await reads(_card(agent), [PAYLOADS[4], blocked.name])
    await unharmed(agent.page)


async def test_the_settings_show_names_as_text(people: People, hostile: Hostile) -> None:
    house = hostile.house
    agent = await people.agent(house, script=TRAP, viewport=TALL, path="/app/settings/profile")
    blocked = hostile.talks[5]
    await house.admin.post(f"/conversations/{blocked.id}/block", {"reason": PAYLOADS[5]})
    shown = {
        "profile": [hostile.names[1]],
        "agents": [*hostile.names[:2], *hostile.groups],
        "roles": [hostile.names[2]],
        "web": [PAYLOADS[2]],
        "rules": [PAYLOADS[1]],
        "replies": hostile.titles,
        "attendance": hostile.names[:2],
        "tags": [one["name"] for one in hostile.tags],
        "customer-fields": [text for one in hostile.fields for text in (one["name"], *one["options"])],
        "blacklist": [PAYLOADS[5], blocked.name],
        "api-keys": [hostile.names[3]],
        "audit": [hostile.names[1], hostile.names[2]],
    }
    for place in SETTINGS:
        await agent.page.locator(f"a[href='/app/settings/{place}']").first.click()
        await agent.page.wait_for_url(f"**/app/settings/{place}**")
        await expect(agent.page.get_by_role("main").get_by_role("heading").first).to_be_visible()
        await reads(agent.page.get_by_role("main"), shown.get(place, []))
        await unharmed(agent.page)
    assert re.fullmatch("[^<>{}]+ · 洽谈", await agent.page.title())


async def test_what_agents_write_is_text_in_the_widget(people: People, server: Server) -> None:
    async with house_of(server) as house:
        # given an enterprise that is hostile itself
        await house.admin.change(f"/agents/{house.admin.id}", name=PAYLOADS[1], public_name=PAYLOADS[0])
        await house.dress(title=PAYLOADS[0], greeting=PAYLOADS[2], launcher="pill", launcher_text="<i>{{7*191}}</i>")
        await put(house, "/conversation-rules", evaluation={"prompt": PAYLOADS[1], "automatic": False, "by_customer": True})
        visitor = await people.visitor(house, title=PAYLOADS[0], opened=False, script=TRAP, viewport=TALL)
        await visitor.page.get_by_role("button", name="<i>{{7*191}}</i>").click()
        await visitor.sees(PAYLOADS[2])
        await visitor.say(PAYLOADS[1])
        await visitor.sees("已送达")
        (mine, *_) = await house.admin.conversations("queue")
        await house.admin.post(f"/conversations/{mine['id']}/take")

        # when everything there is comes as text, as rich text, as a quote and as a file's name
        path = f"/conversations/{mine['id']}/messages"
        for words in PAYLOADS:
            await house.admin.post(path, message(text=words))
        await house.admin.post(path, message(kind="rich", document=rich(*PAYLOADS)))
        await house.admin.post(path, message(text="引用", reply_to=1))
        file = await attach(house.admin.client, mine["id"], "<img src=x onerror=alert(1)>.txt", b"words")
        await house.admin.post(f"/conversations/{mine['id']}/evaluation-invitation")

        # then it reads as it was written, and its links lead nowhere else
        await reads(visitor.log, [*PAYLOADS, file["name"]])
        await reads(visitor.panel, [PAYLOADS[0], PAYLOADS[1], "请您评价这次服务"])
        for link in await visitor.log.get_by_role("link").all():
            assert re.match("https?://x\\.example/", await link.get_attribute("href") or "")
            assert "noopener" in (await link.get_attribute("rel") or "")
        await unharmed(visitor.page)
        panel = next(frame for frame in visitor.page.frames if "/panel" in frame.url)
        assert PAYLOADS[0] in await panel.title()

        # and beside the closed panel as well
        await visitor.panel.get_by_role("button", name=re.compile("^(收起|返回)$")).click()
        await house.admin.post(path, message(text=PAYLOADS[1]))
        await reads(visitor.panel.get_by_role("status").filter(has_text="onerror"), [PAYLOADS[1]])
        await unharmed(visitor.page)
        # and what the visitor wrote reads so at the other side, where the rich text is drawn too
        agent = await people.agent(house, script=TRAP, viewport={"width": 1440, "height": 5000}, path=f"/app/conversations/{mine['id']}")
        await reads(agent.thread, [*PAYLOADS, file["name"]])
        await unharmed(agent.page)


async def test_no_page_runs_an_uploaded_file(people: People, house: House) -> None:
    # given a script and a page among the files of a conversation
    agent, _ = await people.talking(house)
    (mine,) = await house.admin.conversations()
    script = await attach(house.admin.client, mine["id"], "a.js", SCRIPT_FILE)
    page = await attach(house.admin.client, mine["id"], "b.html", PAGE_FILE)
    base = f"/api/v1/conversations/{mine['id']}/files"
    link = await house.admin.get(f"{base.removeprefix('/api/v1')}/{page['id']}/link")
    assert (link["preview"], link["view_url"]) == (None, None)

    # when the workspace itself were made to load them as scripts, styles and workers, from its own origin
    refused = await agent.page.evaluate(
        """async (urls) => {
          const outcome = []
          for (const url of urls) {
            const script = Object.assign(document.createElement('script'), { src: url })
            const style = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: url })
            for (const element of [script, style]) {
              outcome.push(await new Promise((done) => {
                element.onload = () => done(`loaded ${element.localName} ${url}`)
                element.onerror = () => done('refused')
                document.head.append(element)
              }))
            }
            try {
              const worker = new Worker(url)
              outcome.push(await new Promise((done) => {
                worker.onmessage = () => done(`a worker ran ${url}`)
                worker.onerror = (event) => { event.preventDefault(); done('refused') }
              }))
            } catch {
              outcome.push('refused')
            }
          }
          return outcome
        }""",
        [f"{base}/{script['id']}", link["url"]],
    )
    # then nothing ran
    assert set(refused) == {"refused"}
    assert await agent.page.evaluate("document.documentElement.dataset.ran ?? ''") == ""
    # and opened as a page it is saved, not shown
    tab = await agent.context.new_page()
    async with tab.expect_download() as saving:
        await tab.evaluate("(url) => { location.href = url }", f"{house.server.url}{link['url']}")
    assert (await saving.value).suggested_filename == "b.html"
    assert tab.url == "about:blank"
    # The page's policy forbids the worker by itself, and says so.
    agent.watch.violations.clear()


async def test_addresses_become_links_that_lead_nowhere_else(people: People, house: House) -> None:
    agent, visitor = await people.talking(house)
    for words in ("https://example.com/壶?a=1&b=<2>", "http://example.com/javascript:alert(1)"):
        await visitor.say(words)
    # the agent is shown first where it leads
    leads = {agent.thread: "/app/away#https?://example\\.com/", visitor.log: "https?://example\\.com/"}
    for place, there in leads.items():
        links = place.get_by_role("link")
        await expect(links).to_have_count(2)
        for link in await links.all():
            await expect(link).to_have_attribute("href", re.compile(f"^{there}"))
            await expect(link).to_have_attribute("rel", re.compile("noopener"))


def _card(agent: Agent) -> Locator:
    return agent.page.get_by_role("complementary", name="顾客资料")


async def _look_at(agent: Agent, talk: Talk) -> None:
    await agent.page.locator(f"a[data-conversation='{talk.id}']").first.click()
    await reads(opened(agent), [talk.name, talk.words, f"@{talk.words}", *talk.labels])
    await reads(_card(agent), [*talk.card, talk.words])


async def _sources(agent: Agent, talks: list[Talk]) -> None:
    """Where they are and what with, what their card was before, and who they were: of every fourth."""
    for talk in talks[::4]:
        await agent.page.locator(f"a[data-conversation='{talk.id}']").first.click()
        await agent.page.get_by_role("tab", name="来源").click()
        await reads(_card(agent), talk.source)
        hrefs = await _card(agent).get_by_role("link").evaluate_all("(all) => all.map((one) => one.getAttribute('href'))")
        assert all(re.match("/app/away#https?://", href) for href in hrefs), hrefs
        await agent.page.get_by_role("tab", name="历史").click()
        await unharmed(agent.page)
        await agent.page.get_by_role("tab", name="名片").click()
    await _card(agent).get_by_role("button", name="修改记录").click()
    await reads(_card(agent).get_by_role("group", name="修改记录"), talks[::4][-1].card[-2:])
    await agent.page.keyboard.press("Escape")


async def _lists(agent: Agent, hostile: Hostile) -> None:
    """What is found, and the names of what one filters by."""
    search = agent.page.get_by_role("textbox", name="查找对话")
    for words in ("alert(", "7*191", "proto"):
        await search.fill(words)
        await expect(agent.inbox.locator("mark").first).to_be_visible()
        await unharmed(agent.page)
    await search.fill("<img src=x")
    await reads(agent.inbox, [PAYLOADS[1]])
    await search.fill("<b>没有</b>")
    await expect(agent.page.get_by_role("heading", name="没有找到「<b>没有</b>」")).to_be_visible()
    await search.fill("")
    await agent.page.get_by_role("button", name="筛选").click()
    await unharmed(agent.page)
    await agent.page.keyboard.press("Escape")


async def _palette_and_home(agent: Agent, hostile: Hostile) -> None:
    """What is found from anywhere, and the day with its leaderboard."""
    page = agent.page
    await page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="命令面板")
    for words in ("alert(", "7*191", "<img"):
        await palette.get_by_role("combobox").fill(words)
        await expect(palette.get_by_role("option").filter(has_text=words).first).to_be_visible()
        await unharmed(page)
    await page.keyboard.press("Escape")
    await page.get_by_role("navigation", name="主导航").get_by_role("link", name="首页").click()
    await reads(page.get_by_role("region", name="今天的排行"), [hostile.names[1]])
    await unharmed(page)


async def _pickers(agent: Agent, hostile: Hostile) -> None:
    """Lists that open over the composer and the header: quick replies with their preview, colleagues, targets, tags."""
    page = agent.page
    await agent.field.fill("")
    await agent.field.press_sequentially("#alert")
    options = page.get_by_role("listbox", name="快捷回复").get_by_role("option")
    await expect(options.first).to_be_visible()
    for _ in range(3):
        await agent.field.press("ArrowDown")
        await unharmed(page)
    await agent.field.press("Escape")
    await agent.field.fill("")
    await page.get_by_role("tab", name="快捷回复").click()
    await reads(_card(agent), hostile.titles)
    await page.get_by_role("button", name="内部备注", exact=True).click()
    await page.keyboard.type("@")
    await reads(page.get_by_role("listbox", name=re.compile("同事|提到")), [hostile.names[0]])
    await page.keyboard.press("Escape")
    await page.get_by_role("textbox", name="内部备注").fill("")
    await page.get_by_role("button", name="内部备注", exact=True).click()
    await act(agent, "转接")
    await reads(dialog(agent), [hostile.names[0], *hostile.groups])
    await unharmed(page)
    await dialog(agent).get_by_role("button", name="取消").click()
