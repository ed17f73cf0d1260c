"""The workspace in a real browser: first load, switching, typing, scrolling, a message from the socket to the screen, memory.

What is clocked in the page ends when a frame with it was handed over: in the task after the next animation frame. Chromium makes 60 frames a second
and a key that comes right after one waits for the next, up to 16.7 ms, whatever the page does. Typing and switching are therefore held to their limits in
a Chromium that begins a frame as soon as one is asked for (frames in a row still keep their 16.7 ms); what an empty page takes there, and what the same
takes at 60 frames a second, stands beside it. Whoever waits for something in the page waits from before it begins: a question that comes afterwards
would clock its own way, and a frame more.
"""

from __future__ import annotations

import asyncio
import gzip
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import httpx
import psycopg
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from bench.report import Row, at_most
from bench.server import Server
from bench.world import Person, World, make_world
from qiatan.infra.clock import new_id

OPEN = 1_000
LONG = 500
SHORT = 30
SWITCHED = 24
TARGETS = 6
REST_MS = 250
LOADS = 5
KEYS = 120
ARRIVALS = 40
MANY = 10_000
FRAMES = 180
SLOWDOWN = 4
PATIENCE = 60_000
_FLAGS = ["--no-sandbox", "--no-first-run", "--disable-background-networking", "--disable-sync", "--enable-precise-memory-info"]
_UNPACED = ["--disable-frame-rate-limit", "--disable-gpu-vsync"]
_WINDOW: ViewportSize = {"width": 1440, "height": 900}

_CUSTOMERS = """
INSERT INTO customers (enterprise_id, id, name, created_at, last_seen_at)
SELECT %(enterprise)s, gen_random_uuid(), 'Customer ' || n, now() - n * interval '1 minute', now() FROM generate_series(1, %(open)s) n
"""
_CONVERSATIONS = """
INSERT INTO conversations
    (enterprise_id, id, customer_id, channel_id, status, assignee_id, agent_ids, head, version, last_seq, last_kind, last_sender_kind,
     last_preview, last_at, customer_read_seq, agent_read_seq, agent_unread, customer_unread, created_at, assigned_at)
SELECT %(enterprise)s, gen_random_uuid(), c.id, %(channel)s, 'active', %(agent)s, ARRAY[%(agent)s::uuid], %(short)s, 2, %(short)s, 'text', 'customer',
       'When will it be sent?', now() - c.n * interval '20 seconds', %(short)s, %(short)s, 0, 0, now() - interval '1 day', now() - interval '1 day'
  FROM (SELECT id, row_number() OVER (ORDER BY created_at DESC) AS n FROM customers WHERE enterprise_id = %(enterprise)s AND name IS NOT NULL) c
"""
_MESSAGES = """
INSERT INTO messages (enterprise_id, conversation_id, seq, kind, sender_kind, sender_id, client_message_id, at, text)
SELECT c.enterprise_id, c.id, n, 'text', CASE WHEN n %% 3 = 0 THEN 'agent' ELSE 'customer' END,
       CASE WHEN n %% 3 = 0 THEN %(agent)s ELSE c.customer_id END, gen_random_uuid(), c.created_at + n * interval '1 minute',
       'Line ' || n || ' of ' || c.id || ': ' || repeat('a kettle of stoneware, ', 1 + n %% 4)
  FROM conversations c, generate_series(1, c.head) n WHERE c.enterprise_id = %(enterprise)s AND c.last_kind = 'text'
"""
_PROBES = """(() => {
  const bench = (window.__bench = { arrived: new Map(), socket: null })
  bench.painted = () => new Promise((done) => requestAnimationFrame(() => {
    const channel = new MessageChannel()
    channel.port1.onmessage = () => done(performance.now())
    channel.port2.postMessage(0)
  }))
  bench.until = (holds) => new Promise((done) => {
    const look = () => holds() && (observer.disconnect(), done())
    const observer = new MutationObserver(look)
    observer.observe(document, { childList: true, subtree: true, characterData: true, attributes: true })
    look()
  })
  bench.says = (words) => document.querySelector('[role=log]')?.textContent.includes(words) ?? false
  const Native = window.WebSocket
  window.WebSocket = class extends Native {
    constructor(...given) {
      super(...given)
      this.addEventListener('message', ({ data }) => {
        const found = typeof data === 'string' ? /arrival-\\d+\\./.exec(data) : null
        if (found && !bench.arrived.has(found[0])) bench.arrived.set(found[0], performance.now())
      })
    }
  }
  bench.interactive = bench.until(() => document.querySelector('[data-conversation]') && document.querySelector('[role=log] .bub') && document.querySelector('textarea:enabled'))
    .then(bench.painted)
})()"""
_IN_VIEW = """() => [...document.querySelectorAll('a[data-conversation]')]
  .filter((one) => one.getBoundingClientRect().bottom < innerHeight - 20).map((one) => one.dataset.conversation)"""
_SWITCH = """async (id) => {
  const began = performance.now()
  document.querySelector(`a[data-conversation="${id}"]`).click()
  await __bench.until(() => __bench.says(`of ${id}:`))
  return (await __bench.painted()) - began
}"""
_KEYS = """() => {
  const bench = (window.__bench ??= {})
  bench.keys = []
  bench.waited = []
  let pressed = 0, began = 0, work = 0
  for (const kind of ['keydown', 'input']) {
    window.addEventListener(kind, () => {
      began = performance.now()
      if (kind === 'keydown') { pressed = began; work = 0 }
    }, { capture: true })
    // Behind everybody else's listeners and what they set off at once; what is still to be laid out is laid out now, and counted.
    window.addEventListener(kind, () => {
      document.body.getBoundingClientRect()
      work += performance.now() - began
      if (kind === 'keydown') return
      bench.keys.push(work)
      const first = pressed, channel = new MessageChannel()
      channel.port1.onmessage = () => bench.waited.push(performance.now() - first)
      channel.port2.postMessage(0)
    })
  }
}"""
_SCROLL = """async (frames) => {
  const list = document.getElementById('conversation-rows')
  const gaps = []
  let last = await new Promise(requestAnimationFrame)
  for (let frame = 0; frame < frames; frame += 1) {
    list.scrollTop += list.scrollTop + list.clientHeight + 60 >= list.scrollHeight ? -list.scrollHeight : 60
    const now = await new Promise(requestAnimationFrame)
    gaps.push(now - last)
    last = now
  }
  return gaps
}"""
_LOAD_ALL = """async () => {
  const log = document.querySelector('[role=log]')
  const wait = (time) => new Promise((done) => setTimeout(done, time))
  for (let tries = 0; !log.textContent.includes('Line 1 of'); tries += 1) {
    if (tries > 200) throw new Error('the conversation was not loaded to its beginning')
    log.scrollTop = 0
    await wait(50)
  }
  log.scrollTop = log.scrollHeight
  await wait(500)
}"""
_FILL_LIST = """async () => {
  const list = document.getElementById('conversation-rows')
  for (let height = -1, still = 0; still < 5; still = height === list.scrollHeight ? still + 1 : 0) {
    height = list.scrollHeight
    list.scrollTop = height
    await new Promise((done) => setTimeout(done, 400))
  }
  const loaded = Math.round(list.scrollHeight / 58)
  list.scrollTop = 0
  return loaded
}"""
_AWAIT = """(word) => {
  __bench.awaited = __bench.until(() => __bench.says(word)).then(__bench.painted).then((at) => at - __bench.arrived.get(word))
}"""
_ARRIVED = "() => __bench.awaited"
_SAID = "(word) => __bench.until(() => __bench.says(word))"


@dataclass(frozen=True, slots=True)
class Desk:
    """An agent with a full list, and the visitor whose long conversation is on the screen."""

    server: Server
    agent: Person
    long: UUID
    visitor: Person


def pages() -> list[Row]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        return [Row("pages", "not measured: there is no Chromium")]
    with Server() as server:
        desk = _desk(server, asyncio.run(make_world(server.database_url(), agents=1, visitor_count=1)))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
            unpaced = playwright.chromium.launch(executable_path=chromium, args=[*_FLAGS, *_UNPACED])
            try:
                name = f"in Chromium {browser.version.split('.')[0]} without a screen"
                return [
                    Row(name, "switching: frames begun when asked for, unless said otherwise"),
                    *_first_loads(browser, desk),
                    *_switching(unpaced, browser, desk),
                    *_typing(unpaced, browser, desk),
                    *_at_work(browser, desk),
                ]
            finally:
                unpaced.close()
                browser.close()


def _desk(server: Server, world: World) -> Desk:
    agent, visitor = world.agents[0], world.visitors[0]
    begun = _say(server, visitor, "hello")
    long = UUID(begun["conversation_id"])
    values = {
        "enterprise": world.enterprise_id,
        "channel": world.channel_id,
        "agent": agent.id,
        "open": OPEN - 1,
        "short": SHORT,
        "long": long,
    }
    with psycopg.connect(server.database_url(), autocommit=True) as connection:
        connection.execute("DELETE FROM messages WHERE conversation_id = %(long)s", values)
        connection.execute(_CUSTOMERS, values)
        connection.execute(_CONVERSATIONS, values)
        shift = "UPDATE conversations SET head = %(head)s, last_seq = %(head)s, last_kind = 'text', created_at = now() - interval '1 day' WHERE id = %(long)s"
        connection.execute(shift, values | {"head": LONG})
        connection.execute(_MESSAGES, values)
        taken = "UPDATE conversations SET status = 'active', assignee_id = %(agent)s, agent_ids = ARRAY[%(agent)s::uuid], waiting_since = NULL WHERE id = %(long)s"
        connection.execute(taken, values)
        connection.execute("ANALYZE")
    return Desk(server, agent, long, visitor)


def _say(server: Server, visitor: Person, text: str) -> dict[str, str]:
    body = {"client_message_id": str(new_id()), "kind": "text", "text": text}
    headers = {"Authorization": f"Bearer {visitor.token}"}
    answer = httpx.post(f"{server.address}/api/v1/widget/messages", json=body, headers=headers, timeout=30)
    answer.raise_for_status()
    told: dict[str, str] = answer.json()
    return told


@contextmanager
def _seat(browser: Browser, desk: Desk) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=_WINDOW, locale="zh-CN")
    context.set_default_timeout(PATIENCE)
    context.add_cookies([{"name": "qiatan_session", "value": desk.agent.token, "url": desk.server.address, "httpOnly": True}])
    context.add_init_script(_PROBES)
    try:
        yield context
    finally:
        context.close()


def _open(context: BrowserContext, desk: Desk, *, slowdown: float = 1) -> tuple[Page, dict[str, float], float]:
    """The page, the bytes of each of its files as they came over the line, and milliseconds until it could be worked with."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    sizes: dict[str, float] = {}
    files: dict[str, str] = {}
    session.on("Network.responseReceived", lambda event: files.update({event["requestId"]: event["response"]["url"]}))
    session.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    session.send("Network.enable")
    if slowdown > 1:
        session.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
    page.goto(f"{desk.server.address}/app/conversations/{desk.long}")
    interactive = float(page.evaluate("window.__bench.interactive"))
    return page, {url: sizes[request] for request, url in files.items() if request in sizes and "/api/" not in url}, interactive


def _first_loads(browser: Browser, desk: Desk) -> list[Row]:
    files: dict[str, float] = {}
    times = []
    for _ in range(LOADS):
        with _seat(browser, desk) as context:
            _, files, interactive = _open(context, desk, slowdown=SLOWDOWN)
            times.append(interactive)
    packed = sum(len(gzip.compress(httpx.get(url).content, compresslevel=9)) for url in files if url.startswith("http"))
    median, high = _spread(times)
    return [
        at_most("workspace, first load, gzip", packed / 1024, 300, "KiB"),
        at_most("  as it came over the line", sum(files.values()) / 1024, 300, "KiB"),
        at_most(f"  usable at a {SLOWDOWN}th of the speed, median (p95 {high:.0f} ms)", median, 1_500, "ms", digits=0),
    ]


def _at_work(browser: Browser, desk: Desk) -> list[Row]:
    with _seat(browser, desk) as context:
        page, _, _ = _open(context, desk)
        return [*_arriving(page, desk), *_memory(context, page, desk), *_scrolling(page)]


def _switching(unpaced: Browser, browser: Browser, desk: Desk) -> list[Row]:
    switched, at_60 = _switched(unpaced, desk), _switched(browser, desk)
    median, high = _spread(switched.again)
    return [
        at_most(f"switching to another conversation until painted, median (p95 {high:.0f} ms)", median, 50, "ms"),
        at_most(
            f"  for the first time, after the pointer rested on it for {REST_MS} ms, median (longest {max(switched.rested):.0f} ms)",
            _middle(switched.rested),
            50,
            "ms",
        ),
        Row(
            "  for the first time, without any sign before, median / longest",
            f"{_middle(switched.fresh):.1f} / {max(switched.fresh):.1f} ms",
        ),
        Row("  at 60 frames a second, median / p95", f"{_spread(at_60.again)[0]:.1f} / {_spread(at_60.again)[1]:.1f} ms"),
        Row(
            "  at 60, for the first time, rested / without a sign, medians", f"{_middle(at_60.rested):.1f} / {_middle(at_60.fresh):.1f} ms"
        ),
    ]


@dataclass(frozen=True, slots=True)
class Switched:
    """Milliseconds until painted: back to what was open before; for the first time where the pointer rested; for the first time from nowhere."""

    again: list[float]
    rested: list[float]
    fresh: list[float]


def _switched(browser: Browser, desk: Desk) -> Switched:
    with _seat(browser, desk) as context:
        page, _, _ = _open(context, desk)
        page.locator("a[data-conversation]").nth(2 * TARGETS).wait_for()
        shown = page.evaluate(_IN_VIEW)
        others = [one for one in shown if one != str(desk.long)]
        rested = others[-TARGETS // 2 :]
        # Every second one: what stands next to the one on the screen has been fetched.
        targets = [one for one in others[1::2] if one not in rested][: TARGETS // 2]
        fresh = [float(page.evaluate(_SWITCH, target)) for target in targets]
        pointed = []
        for target in rested:
            page.locator(f'a[data-conversation="{target}"]').hover()
            page.wait_for_timeout(REST_MS)
            pointed.append(float(page.evaluate(_SWITCH, target)))
        visited = [*targets, *rested]
        again = [float(page.evaluate(_SWITCH, visited[number % len(visited)])) for number in range(SWITCHED)]
        return Switched(again, pointed, fresh)


def _typing(unpaced: Browser, browser: Browser, desk: Desk) -> list[Row]:
    here, at_60 = _typed_beside(unpaced, desk), _typed_beside(browser, desk)
    median, high = _spread(at_60.waited)
    return [
        at_most(f"a key in the composer beside {LONG} messages at 60 frames a second, p95 (median {median:.1f} ms)", high, 16, "ms"),
        Row("  in an empty page with one field, median / p95", f"{_spread(at_60.empty)[0]:.1f} / {_spread(at_60.empty)[1]:.1f} ms"),
        Row("  frames begun when asked for, median / p95", f"{_spread(here.waited)[0]:.1f} / {_spread(here.waited)[1]:.1f} ms"),
        Row("  of it the page's own work, median / p95", f"{_spread(here.own)[0]:.1f} / {_spread(here.own)[1]:.1f} ms"),
        Row("  so in the empty page, median / p95", f"{_spread(here.empty)[0]:.1f} / {_spread(here.empty)[1]:.1f} ms"),
    ]


@dataclass(frozen=True, slots=True)
class Typed:
    """Milliseconds for each key: what the page did, how long it took until the next task, and the same in an empty page."""

    own: list[float]
    waited: list[float]
    empty: list[float]


def _typed_beside(browser: Browser, desk: Desk) -> Typed:
    with _seat(browser, desk) as context:
        page, _, _ = _open(context, desk)
        page.evaluate(_LOAD_ALL)
        own, waited = _typed(page)
        blank = context.new_page()
        blank.set_content("<textarea></textarea>")
        _, empty = _typed(blank)
        return Typed(own, waited, empty)


def _typed(page: Page) -> tuple[list[float], list[float]]:
    """For each key: what the page did, and how long it took until the next task. The browser may make a frame between them, whatever the page."""
    page.evaluate(_KEYS)
    page.locator("textarea").first.focus()
    page.keyboard.type("a kettle of stoneware " * (KEYS // 22 + 1), delay=30)
    own, waited = page.evaluate("[window.__bench.keys, window.__bench.waited]")
    page.locator("textarea").first.fill("")
    return own, waited


def _arriving(page: Page, desk: Desk) -> list[Row]:
    times = []
    for number in range(ARRIVALS):
        page.evaluate(_AWAIT, f"arrival-{number}.")
        _say(desk.server, desk.visitor, f"arrival-{number}.")
        times.append(float(page.evaluate(_ARRIVED)))
    median, high = _spread(times)
    return [at_most(f"a message from the socket to the screen, p95 (median {median:.1f} ms)", high, 30, "ms")]


def _memory(context: BrowserContext, page: Page, desk: Desk) -> list[Row]:
    session = context.new_cdp_session(page)

    def held() -> float:
        session.send("HeapProfiler.collectGarbage")
        return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 2**20

    before = held()
    _flood(desk)
    page.evaluate(_SAID, f"flood-{MANY - 1}.")
    after, elements = held(), int(page.evaluate("document.querySelectorAll('*').length"))
    return [
        at_most(f"memory gained by {MANY:,} messages", after - before, 20, "MiB"),
        Row("  elements on the page then", f"{elements:,}"),
    ]


def _flood(desk: Desk) -> None:
    """As fast as one visitor may, in order."""
    headers = {"Authorization": f"Bearer {desk.visitor.token}"}
    with httpx.Client(base_url=desk.server.address, headers=headers, timeout=30) as client:
        for number in range(MANY):
            body = {"client_message_id": str(new_id()), "kind": "text", "text": f"flood-{number}."}
            client.post("/api/v1/widget/messages", json=body).raise_for_status()


def _scrolling(page: Page) -> list[Row]:
    loaded = int(page.evaluate(_FILL_LIST))
    page.evaluate(_SCROLL, 20)
    gaps = page.evaluate(_SCROLL, FRAMES)
    late = sum(1 for gap in gaps if gap > 25)
    return [
        Row(f"frames missed while {loaded:,} rows are scrolled", f"{late} of {FRAMES}", "0", late == 0),
        Row("  median / longest between two frames", f"{_spread(gaps)[0]:.1f} / {max(gaps):.1f} ms"),
    ]


def _middle(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]


def _spread(times: list[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    ordered = sorted(times)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
