"""What is wrong with a screen: axe's findings, what does not fit, what was not translated, and words of the other language."""

from __future__ import annotations

import os

from playwright.async_api import Frame, Page

from tests.journeys.server import ROOT

_CATALOGUES = ROOT / "web" / "apps" / "workspace" / "src" / "i18n" / "en"
_AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
# The frame inside a page is audited by itself: the page's policy keeps axe from reaching into it.
_RUN = """async (rules) => {
  // What still fades in has less contrast than it will have.
  await Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => undefined)))
  const { violations } = await axe.run(document, { iframes: false, resultTypes: ['violations'], ...(rules && { runOnly: rules }) })
  return violations.map(({ id, help, nodes }) => `${id} (${help}): ` + nodes.slice(0, 4).map(({ target, any }) => `${target.join(' ')} ${any[0]?.message ?? ''}`).join(' | '))
}"""
# All that a colour scheme can change of what axe looks at.
_COLOURS = ["color-contrast", "link-in-text-block"]
_HAN = """(allowed) => {
  const found = new Set()
  const look = (text) => { if (text && /\\p{Script=Han}/u.test(text) && !allowed.includes(text.trim())) found.add(text.trim()) }
  for (const element of document.querySelectorAll('body *')) {
    if (!element.checkVisibility()) continue
    for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) look(node.textContent)
    for (const name of ['aria-label', 'title', 'placeholder', 'alt']) look(element.getAttribute(name))
  }
  look(document.title)
  return [...found]
}"""

# Tables and code may be moved sideways within their frame; nothing else, and never the page.
_MISFITS = """(names) => {
  const found = new Set()
  const { scrollWidth } = document.documentElement
  if (scrollWidth > innerWidth) found.add(`the page is ${scrollWidth} px wide on a screen of ${innerWidth}`)
  const key = new RegExp(`^(${names.join('|')})([.]\\\\w+)+$`)
  const look = (text) => { if (text && key.test(text.trim())) found.add(`not translated: ${text.trim()}`) }
  for (const element of document.querySelectorAll('body *')) {
    if (!element.checkVisibility()) continue
    for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) look(node.textContent)
    for (const name of ['aria-label', 'title', 'placeholder', 'alt']) look(element.getAttribute(name))
    const { overflowX } = getComputedStyle(element)
    const wider = element.scrollWidth - element.clientWidth
    if (wider > 1 && ['auto', 'scroll'].includes(overflowX) && !element.querySelector('table, pre') && !element.matches('pre, code, input, textarea'))
      found.add(`${element.tagName.toLowerCase()}.${element.className} is ${wider} px too narrow for what is in it`)
  }
  look(document.title)
  return [...found]
}"""


SHOTS = ROOT / "screenshots"
_ASKED = os.environ.get("SCREENSHOTS", "") not in ("", "0")
_DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"


async def drawn(page: Page) -> None:
    """The page has been drawn as it is now, in its present size and colours."""
    await page.evaluate(_DRAWN)


async def photograph(page: Page, name: str, *, wrong: bool = False) -> None:
    """A picture into screenshots/, where SCREENSHOTS=1 asks for it or something is wrong: a run would take hundreds, a tenth of a second each."""
    if _ASKED or wrong:
        await page.screenshot(path=SHOTS / f"{name}.png", animations="disabled")


async def axe(frame: Frame | Page, *, only_colours: bool = False) -> list[str]:
    """The violations axe finds in a document, each in one line; `only_colours` where the same screen was looked at in another scheme."""
    assert _AXE.is_file(), "axe-core is not installed: run `npm ci` in web/"
    if not await frame.evaluate("typeof axe === 'object'"):
        # Evaluated, not added: the pages' policy forbids script elements that are not theirs.
        await frame.evaluate(_AXE.read_text())
    found: list[str] = await frame.evaluate(_RUN, _COLOURS if only_colours else None)
    return found


async def chinese_words(frame: Frame | Page, *allowed: str) -> list[str]:
    """What is written in Chinese on a screen, apart from the allowed texts."""
    found: list[str] = await frame.evaluate(_HAN, list(allowed))
    return found


async def misfits(frame: Frame | Page) -> list[str]:
    """Where the page, or a part of it, is wider than its screen; and keys that stand where a sentence should."""
    names = sorted(one.stem for one in _CATALOGUES.glob("*.ts"))
    found: list[str] = await frame.evaluate(_MISFITS, names)
    return found
