"""Somebody who works without a mouse, and whether they always see where they are."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect

NO_MOUSE = """(() => {
  window.__pressed = 0
  for (const kind of ['pointerdown', 'mousedown', 'touchstart']) addEventListener(kind, () => { window.__pressed += 1 }, { capture: true })
})()"""
"""A page script that counts what only a mouse or a finger does."""

_FOCUSED = "(element) => element === document.activeElement && element.matches(':focus-visible')"
# Where the focus is, unless it is somewhere that nobody sees. The page itself has it before the first key.
_LOST = """() => {
  const focused = document.activeElement
  if (!focused || focused === document.body) return null
  const box = focused.getBoundingClientRect()
  const inside = box.width > 0 && box.height > 0 && box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight
  return inside && focused.matches(':focus-visible') && focused.checkVisibility({ visibilityProperty: true }) ? null : focused.outerHTML.slice(0, 160)
}"""


class Keys:
    """A keyboard at a page. Each key that is pressed leaves the focus where it is seen."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)
            lost = await self.page.evaluate(_LOST)
            assert lost is None, f"after {key} the focus is where nobody sees it: {lost}"

    async def write(self, text: str) -> None:
        await self.page.keyboard.type(text)

    async def to(self, target: Locator, *, most: int = 40, back: bool = False) -> None:
        """Press Tab until the target has the focus, and shows it."""
        await expect(target).to_be_visible()
        for _ in range(most):
            if await target.evaluate(_FOCUSED):
                return
            await self.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"{target} is not reached with {most} tabs")

    async def used_no_mouse(self) -> None:
        assert await self.page.evaluate("window.__pressed") == 0
