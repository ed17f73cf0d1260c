"""How soon the workspace answers a hand: another conversation is opened, a key is pressed.

What is clocked in the page ends when a frame with it was handed over: in the task after the next animation frame. Chromium makes 60 frames a second
and a key that comes right after one waits for the next, up to 16.7 ms, whatever the page does. So what a key takes is told at that pace and beside an
empty page, and, as switching is, in a Chromium that begins a frame as soon as one is asked for (frames in a row still keep their 16.7 ms). Whoever
waits for something in the page waits from before it begins: a question that comes afterwards would clock its own way, and a frame more.
"""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Browser, Page

from bench.desk import LONG, Desk, middle, open_page, seat, spread
from bench.report import Row, at_most

SWITCHED = 24
TARGETS = 6
REST_MS = 250
PRESS_MS = 80
"""How long a hand holds the button of a mouse down in a click."""
KEYS = 120

_IN_VIEW = """() => [...document.querySelectorAll('a[data-conversation]')]
  .filter((one) => one.getBoundingClientRect().bottom < innerHeight - 20).map((one) => one.dataset.conversation)"""
_SWITCH = """async (id) => {
  const began = performance.now()
  document.querySelector(`a[data-conversation="${id}"]`).click()
  await __bench.until(() => __bench.says(`of ${id}:`))
  return (await __bench.painted()) - began
}"""
# The first dozen is fetched while nothing else is to be done.
_FURTHER_DOWN = """async () => {
  const list = document.getElementById('conversation-rows')
  list.scrollTop = 30 * 58
  await __bench.painted()
  const shown = list.getBoundingClientRect()
  const isWhole = (box) => box.top >= shown.top && box.bottom <= shown.bottom
  return [...list.querySelectorAll('a[data-conversation]')].filter((one) => isWhole(one.getBoundingClientRect())).map((one) => one.dataset.conversation)
}"""
_CLICKED = """(id) => {
  const row = document.querySelector(`a[data-conversation="${id}"]`)
  __bench.clicked = new Promise((done) => row.addEventListener('click', () => {
    const began = performance.now()
    void __bench.until(() => __bench.says(`of ${id}:`)).then(__bench.painted).then((at) => done(at - began))
  }, { capture: true, once: true }))
}"""
_OPENED = "() => __bench.clicked"
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


def switching(unpaced: Browser, browser: Browser, desk: Desk) -> list[Row]:
    switched, at_60 = _switched(unpaced, desk), _switched(browser, desk)
    median, high = spread(switched.again)
    return [
        at_most(f"switching to another conversation until painted, median (p95 {high:.0f} ms)", median, 50, "ms"),
        at_most(
            f"  for the first time, after the pointer rested on it for {REST_MS} ms, median (longest {max(switched.rested):.0f} ms)",
            middle(switched.rested),
            50,
            "ms",
        ),
        at_most(
            f"  for the first time, by a click that holds the button for {PRESS_MS} ms, median (longest {max(switched.clicked):.0f} ms)",
            middle(switched.clicked),
            50,
            "ms",
        ),
        Row(
            "  for the first time, without any sign before, median / longest",
            f"{middle(switched.fresh):.1f} / {max(switched.fresh):.1f} ms",
        ),
        Row("  at 60 frames a second, median / p95", _both(at_60.again)),
        Row("  at 60, for the first time, rested / without a sign, medians", f"{middle(at_60.rested):.1f} / {middle(at_60.fresh):.1f} ms"),
    ]


@dataclass(frozen=True, slots=True)
class Switched:
    """Milliseconds until painted: back to what was open before; for the first time where the pointer rested; for the first time by a pointer that
    comes and clicks at once; for the first time from nowhere, as no hand can do it."""

    again: list[float]
    rested: list[float]
    clicked: list[float]
    fresh: list[float]


def _switched(browser: Browser, desk: Desk) -> Switched:
    with seat(browser, desk) as context:
        page, _, _ = open_page(context, desk)
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
        clicked = [_clicked(page, target) for target in page.evaluate(_FURTHER_DOWN)[: 2 * TARGETS : 2]]
        return Switched(again, pointed, clicked, fresh)


def _clicked(page: Page, target: str) -> float:
    """From the click, which comes as the button goes up, until the conversation is painted."""
    page.evaluate(_CLICKED, target)
    page.locator(f'a[data-conversation="{target}"]').click(delay=PRESS_MS)
    return float(page.evaluate(_OPENED))


def typing(unpaced: Browser, browser: Browser, desk: Desk) -> list[Row]:
    """Decision 0033 says why a key is judged by three figures."""
    here, at_60 = _typed_beside(unpaced, desk), _typed_beside(browser, desk)
    (median, high), (_, high_empty) = spread(at_60.waited), spread(at_60.empty)
    asked_median, asked_high = spread(here.waited)
    return [
        at_most(f"a key in the composer beside {LONG} messages at 60 frames a second, median", median, 16, "ms"),
        at_most("  its p95 above that of an empty page with one field", high - high_empty, 1, "ms"),
        Row("  p95 / that of the empty page", f"{high:.1f} / {high_empty:.1f} ms"),
        at_most(f"  frames begun when asked for, p95 (median {asked_median:.1f} ms)", asked_high, 16, "ms"),
        Row("  of it the page's own work, median / p95", _both(here.own)),
        Row("  so in the empty page, median / p95", _both(here.empty)),
    ]


@dataclass(frozen=True, slots=True)
class Typed:
    """Milliseconds for each key: what the page did, how long it took until the next task, and the same in an empty page."""

    own: list[float]
    waited: list[float]
    empty: list[float]


def _typed_beside(browser: Browser, desk: Desk) -> Typed:
    with seat(browser, desk) as context:
        page, _, _ = open_page(context, desk)
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


def _both(times: list[float]) -> str:
    median, high = spread(times)
    return f"{median:.1f} / {high:.1f} ms"
