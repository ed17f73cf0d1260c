"""Visitors and agents at their browsers, with the verbs of the stories."""

from __future__ import annotations

import base64
import re
from io import BytesIO

from PIL import Image, ImageDraw
from playwright.async_api import BrowserContext, FilePayload, FrameLocator, Locator, Page, expect

from tests.journeys.house import COOKIE, House, Member
from tests.journeys.watch import Watch

_PASTE = """(element, data) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))
  const clipboardData = new DataTransfer()
  clipboardData.items.add(new File([bytes], 'image.png', { type: 'image/png' }))
  element.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
}"""


def picture(name: str = "壶.png", *, color: str = "#8a9a8e") -> FilePayload:
    """A small picture that shows something: a kettle on a table."""
    canvas = Image.new("RGB", (480, 360), "#efece6")
    pen = ImageDraw.Draw(canvas)
    pen.rectangle((0, 270, 480, 360), fill="#d8cfc0")
    pen.ellipse((140, 110, 330, 300), fill=color)
    pen.polygon(((315, 170), (400, 120), (410, 136), (325, 215)), fill=color)
    pen.arc((90, 140, 190, 260), 90, 270, fill=color, width=16)
    pen.ellipse((215, 92, 255, 122), fill="#5d6b60")
    out = BytesIO()
    canvas.save(out, "PNG")
    return FilePayload(name=name, mimeType="image/png", buffer=out.getvalue())


async def _paste(field: Locator, shown: FilePayload) -> None:
    await field.evaluate(_PASTE, base64.b64encode(shown["buffer"]).decode())


async def _choose(page: Page, button: Locator, shown: FilePayload) -> None:
    async with page.expect_file_chooser() as opening:
        await button.click()
    await (await opening.value).set_files(shown)


class Visitor:
    """Somebody on a web site with the widget."""

    def __init__(self, context: BrowserContext, page: Page, watch: Watch) -> None:
        self.context = context
        self.page = page
        self.watch = watch

    @property
    def panel(self) -> FrameLocator:
        return self.page.frame_locator("iframe[title='在线客服对话'], iframe[title='Chat']")

    @property
    def launcher(self) -> Locator:
        return self.page.get_by_role("button", name=re.compile("^(在线客服|Chat with us|收起在线客服|Close chat|联系客服)"))

    @property
    def log(self) -> Locator:
        return self.panel.get_by_role("log")

    @property
    def field(self) -> Locator:
        return self.panel.get_by_role("textbox")

    async def open(self) -> None:
        await self.launcher.click()
        await expect(self.field).to_be_visible()

    async def say(self, text: str) -> None:
        await self.field.fill(text)
        await self.field.press("Enter")
        await expect(self.field).to_have_value("")

    async def sees(self, text: str) -> None:
        await expect(self.log.get_by_text(text, exact=False).first).to_be_visible()

    async def texts(self) -> list[str]:
        """What the bubbles say, from top to bottom, without the words for screen readers."""
        found: list[str] = await self.log.locator(".bubble").evaluate_all(
            "(all) => all.map((one) => [...one.childNodes].filter((node) => !node.classList?.contains('hidden')).map((node) => node.textContent).join(''))"
        )
        return found

    async def choose_picture(self, shown: FilePayload) -> None:
        await _choose(self.page, self.panel.get_by_role("button", name=re.compile("^(图片|Picture|Image)$")), shown)

    async def paste_picture(self, shown: FilePayload) -> None:
        await _paste(self.field, shown)


class Agent:
    """Somebody at the workspace."""

    def __init__(self, context: BrowserContext, page: Page, watch: Watch) -> None:
        self.context = context
        self.page = page
        self.watch = watch

    @property
    def inbox(self) -> Locator:
        """The list of conversations."""
        return self.page.get_by_role("region", name=re.compile("^(对话列表|Conversation)"))

    def row(self, text: str | re.Pattern[str]) -> Locator:
        return self.inbox.get_by_role("listitem").filter(has_text=text)

    @property
    def thread(self) -> Locator:
        return self.page.get_by_role("log")

    @property
    def field(self) -> Locator:
        return self.page.get_by_role("textbox", name=re.compile("^(回复|Reply)$"))

    def tab(self, name: str) -> Locator:
        return self.inbox.get_by_role("tab", name=re.compile(f"^{name}"))

    async def open(self, text: str | re.Pattern[str]) -> None:
        await self.row(text).get_by_role("link").click()
        await expect(self.thread).to_be_visible()

    async def answer(self, text: str) -> None:
        await self.field.fill(text)
        await self.field.press("Enter")
        await expect(self.field).to_have_value("")

    async def sees(self, text: str) -> None:
        await expect(self.thread.get_by_text(text, exact=False).first).to_be_visible()

    def line(self, text: str) -> Locator:
        """The message in the thread that says this, with what can be done with it."""
        return self.thread.locator(".line").filter(has_text=text)

    async def act(self, text: str, name: str) -> None:
        """Press one of the buttons that show while the pointer or the focus is on a message.

        The focus holds them: now and then a browser on a busy machine takes the pointer for gone until it moves again.
        """
        await self.line(text).hover()
        button = self.line(text).get_by_role("button", name=name, exact=True)
        await button.focus()
        await button.click()

    async def texts(self) -> list[str]:
        """What the bubbles say, from top to bottom."""
        return [text.strip() for text in await self.thread.locator(".bub").all_inner_texts()]

    async def choose_picture(self, shown: FilePayload) -> None:
        await _choose(self.page, self.page.get_by_role("button", name=re.compile("^图片")), shown)

    async def paste_picture(self, shown: FilePayload) -> None:
        await _paste(self.field, shown)

    async def end(self) -> None:
        await self.page.get_by_role("button", name="结束对话", exact=True).click()
        await self.page.get_by_role("dialog").get_by_role("button", name="结束对话").click()
        await expect(self.page.get_by_role("dialog")).to_be_hidden()

    async def become(self, status: str) -> None:
        """Choose the own status in the menu at the foot of the rail."""
        await self.page.get_by_role("button", name=re.compile("打开个人菜单$")).click()
        await self.page.get_by_role("menuitem", name=re.compile(f"^{status}")).click()
        await expect(self.page.get_by_role("button", name=re.compile(f"，{status}，打开个人菜单$"))).to_be_visible()

    async def toast(self, text: str | re.Pattern[str]) -> None:
        await expect(self.page.get_by_role("region", name="提示").get_by_text(text)).to_be_visible()


async def sign_in_browser(context: BrowserContext, house: House, member: Member) -> None:
    """Put the session of an agent into a browser, as if they had signed in there."""
    await context.add_cookies([{"name": COOKIE, "value": member.session, "url": house.server.url, "httpOnly": True, "sameSite": "Lax"}])
