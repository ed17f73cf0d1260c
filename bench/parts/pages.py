"""The workspace in a real browser: first load, switching, typing, scrolling, a message from the socket to the screen, memory."""

from __future__ import annotations

import gzip
import shutil

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.desk import Desk, make_desk, open_page, say, seat, spread
from bench.parts.reactions import switching, typing
from bench.report import Row, at_most
from bench.server import Server
from qiatan.infra.clock import new_id

LOADS = 5
ARRIVALS = 40
MANY = 10_000
FRAMES = 180
SLOWDOWN = 4
_FLAGS = ["--no-sandbox", "--no-first-run", "--disable-background-networking", "--disable-sync", "--enable-precise-memory-info"]
_UNPACED = ["--disable-frame-rate-limit", "--disable-gpu-vsync"]

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


def pages() -> list[Row]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        return [Row("pages", "not measured: there is no Chromium")]
    with Server() as server:
        desk = make_desk(server)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
            unpaced = playwright.chromium.launch(executable_path=chromium, args=[*_FLAGS, *_UNPACED])
            try:
                name = f"in Chromium {browser.version.split('.')[0]} without a screen"
                return [
                    Row(name, "switching: frames begun when asked for, unless said otherwise"),
                    *_first_loads(browser, desk),
                    *switching(unpaced, browser, desk),
                    *typing(unpaced, browser, desk),
                    *_at_work(browser, desk),
                ]
            finally:
                unpaced.close()
                browser.close()


def _first_loads(browser: Browser, desk: Desk) -> list[Row]:
    files: dict[str, float] = {}
    times = []
    for _ in range(LOADS):
        with seat(browser, desk) as context:
            _, files, interactive = open_page(context, desk, slowdown=SLOWDOWN)
            times.append(interactive)
    packed = sum(len(gzip.compress(httpx.get(url).content, compresslevel=9)) for url in files if url.startswith("http"))
    median, high = spread(times)
    return [
        at_most("workspace, first load, gzip", packed / 1024, 300, "KiB"),
        at_most("  as it came over the line", sum(files.values()) / 1024, 300, "KiB"),
        at_most(f"  usable at a {SLOWDOWN}th of the speed, median (p95 {high:.0f} ms)", median, 1_500, "ms", digits=0),
    ]


def _at_work(browser: Browser, desk: Desk) -> list[Row]:
    with seat(browser, desk) as context:
        page, _, _ = open_page(context, desk)
        return [*_arriving(page, desk), *_memory(context, page, desk), *_scrolling(page)]


def _arriving(page: Page, desk: Desk) -> list[Row]:
    times = []
    for number in range(ARRIVALS):
        page.evaluate(_AWAIT, f"arrival-{number}.")
        say(desk.server, desk.visitor, f"arrival-{number}.")
        times.append(float(page.evaluate(_ARRIVED)))
    median, high = spread(times)
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
        Row("  median / longest between two frames", f"{spread(gaps)[0]:.1f} / {max(gaps):.1f} ms"),
    ]
