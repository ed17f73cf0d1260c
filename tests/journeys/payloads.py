"""What strangers write to break pages (security.md B 9 to 12, 14, 16), and a trap that sees when a page took some of it for more than text."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from playwright.async_api import Frame, FrameLocator, Locator, Page

PAYLOADS: tuple[str, ...] = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    '"><svg onload=alert(3)>',
    "'\"--><b onclick=alert(4)>x</b>",
    '<iframe srcdoc="<script>parent.alert(5)</script>">',
    "javascript:alert(6)",
    "JaVaScRiPt&colon;alert(7)",
    "\x01java\tscript:alert(8)",
    "data:text/html,<script>alert(9)</script>",
    "vbscript:alert(10)",
    "{{constructor.constructor('alert(11)')()}}",
    "{{7*191}} ${7*191} #{7*191} <%= 7*191 %>",
    "${alert(13)} `${alert(13)}`",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=alert(14)&gt;'>",
    '<noscript><p title="</noscript><img src=x onerror=alert(15)>">',
    "<details open ontoggle=alert(16)>",
    "<div id=harm style=position:fixed;inset:0>",
    '<a href="javascript:alert(18)">x</a>',
    "[x](javascript:alert(19))",
    "https://x.example/javascript:alert(20)",
    "<base href=//x.example>",
    "<form id=harm action=//x.example>",
    "<object data=javascript:alert(23)>",
    "<meta http-equiv=refresh content=0;url=//x.example>",
    "<style id=harm>*{display:none}</style>",
    "&lt;script&gt;alert(26)&lt;/script&gt;",
    "</title></textarea></script><script>alert(27)</script>",
    "__proto__",
    "constructor",
    "报价\u202egnp.exe",
    "pay\u200bpal \u2066x\u2069 \u0430pple.com",
    "x\r\nSet-Cookie: a=b",
    '=HYPERLINK("http://x.example","y")',
)
"""Each runs something, or stands out, where it is not taken for text. `7*191` is 1337 where it is computed."""

MARKUP = tuple(text for text in PAYLOADS if text.startswith(("<", '"><', "'\"--><")))
"""Those that the trap has to see where they become markup."""

TRAP = """(() => {
  const caught = (window.__caught = [])
  const scheme = /^(javascript|vbscript):|^data:text\\/html/i
  const leads = ['href', 'xlink:href', 'src', 'action', 'formaction', 'data']
  const tags = ['base', 'object', 'embed', 'applet', 'mglyph', 'frameset']
  const reason = (element) => {
    const name = element.localName
    if (tags.includes(name) || element.id === 'harm') return name
    if (name === 'script' && !element.src && element.type !== 'application/json') return name
    if (name === 'meta' && /refresh/i.test(element.httpEquiv)) return name
    for (const { name: attribute, value } of element.attributes) {
      if (/^on/i.test(attribute) || attribute === 'srcdoc') return attribute
      // eslint-disable-next-line no-control-regex
      if (leads.includes(attribute) && (value === 'x' || scheme.test(value.replace(/[\\s\\x00-\\x1f]/g, '')))) return `${attribute}=${value}`
    }
    return null
  }
  const look = (node) => {
    if (node.nodeType !== Node.ELEMENT_NODE) return
    for (const element of [node, ...node.querySelectorAll('*')]) {
      const found = reason(element)
      if (found) caught.push(`${found}: ${element.outerHTML.slice(0, 200)}`)
    }
  }
  const watch = (root) => new MutationObserver((changes) => {
    for (const change of changes) {
      if (change.type === 'attributes') look(change.target)
      else change.addedNodes.forEach(look)
    }
  }).observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: ['id', 'srcdoc', ...leads] })
  watch(document)
  const attach = Element.prototype.attachShadow
  Element.prototype.attachShadow = function (options) {
    const root = attach.call(this, options)
    watch(root)
    return root
  }
})()"""
"""A page script that remembers every element that runs or leads somewhere a stranger says, also one that was there for a moment only."""

_COMPUTED = "1337"
_PATIENCE = 20.0


def squeezed(text: str) -> str:
    """As a page shows it: runs of white space and controls are one space."""
    return " ".join(text.replace("\x01", " ").split())


def within(limit: int) -> list[str]:
    """The payloads that a field of this length takes."""
    return [text for text in PAYLOADS if len(text) <= limit]


async def reads(place: Locator | FrameLocator, words: Iterable[str]) -> None:
    """Wait until all of these stand in the place as text, character for character."""
    wanted = [squeezed(word) for word in words]
    locator = place.locator("body") if isinstance(place, FrameLocator) else place
    missing = wanted
    for _ in range(int(_PATIENCE * 10)):
        found = squeezed(
            await locator.evaluate(
                "(element) => element.textContent + ' ' + [...element.querySelectorAll('input, textarea')].map((one) => one.value).join(' ')"
            )
        )
        missing = [word for word in wanted if word not in found]
        if not missing:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"not shown as text: {missing}")


async def unharmed(page: Page) -> None:
    """Nothing of what strangers wrote is more than text, in any frame of the page, now or at any moment since it was opened."""
    for frame in page.frames:
        if not frame.is_detached():
            assert await caught(frame) == [], f"in {frame.url}"
            assert _COMPUTED not in await frame.evaluate("document.body?.innerText ?? ''"), f"{frame.url} computed a template"


async def caught(frame: Frame | Page) -> list[str]:
    found: list[str] = await frame.evaluate("window.__caught ?? ['no trap here']")
    return found
