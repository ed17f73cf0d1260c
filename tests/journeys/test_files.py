"""Files both ways (F14): sent in parts with progress, going on after a reload, looked at in a sandbox, saved, and refused on phones."""

from __future__ import annotations

import io
import re
import wave
from pathlib import Path

from playwright.async_api import FilePayload, Locator, Page, Route, expect

from tests.journeys.audit import photograph
from tests.journeys.conftest import People
from tests.journeys.house import House
from tests.journeys.people import Agent, Visitor

COMPUTER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
"""A browser without a screen says so, and is then taken for a machine, which may send no files."""
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1"


def pdf(pages: int = 3) -> bytes:
    """A small real PDF, with text in a standard font."""
    objects = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Count {pages}/Kids[{' '.join(f'{4 + 2 * n} 0 R' for n in range(pages))}]>>"]
    objects.append("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    for number in range(pages):
        words = f"BT /F1 40 Tf 60 700 Td (Kettle, sheet {number + 1}) Tj ET 60 400 200 150 re S"
        objects.append(f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>/Contents {5 + 2 * number} 0 R>>")
        objects.append(f"<</Length {len(words)}>>stream\n{words}\nendstream")
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj{body}endobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    return (
        out
        + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{len(out)}\n%%EOF".encode()
    )


def sound() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as track:
        track.setnchannels(1)
        track.setsampwidth(2)
        track.setframerate(8_000)
        track.writeframes(bytes(16_000))
    return out.getvalue()


def payload(name: str, content: bytes, kind: str = "application/octet-stream") -> FilePayload:
    return FilePayload(name=name, mimeType=kind, buffer=content)


async def choose(page: Page, button: Locator, *files: FilePayload) -> None:
    async with page.expect_file_chooser() as opening:
        await button.click()
    await (await opening.value).set_files(list(files))


def clip(who: Visitor | Agent) -> Locator:
    place = who.panel if isinstance(who, Visitor) else who.page
    return place.get_by_role("button", name="文件", exact=True)


def card(agent: Agent, name: str) -> Locator:
    return agent.thread.get_by_role("group", name=f"文件：{name}")


async def saved(page: Page, button: Locator) -> tuple[str, bytes]:
    async with page.expect_download() as coming:
        await button.click()
    download = await coming.value
    return download.suggested_filename, Path(await download.path()).read_bytes()


async def test_files_go_both_ways_are_looked_at_and_saved(people: People, house: House) -> None:
    agent, visitor = await people.agent(house), await people.visitor(house, user_agent=COMPUTER)
    sheet, tone = pdf(), sound()

    # when the visitor sends a sheet, and the agent a tone and a program
    await visitor.say("看看这张图纸")
    await agent.open("看看这张图纸")
    await choose(visitor.page, clip(visitor), payload("手冲壶尺寸图.pdf", sheet, "application/pdf"))
    await visitor.sees("手冲壶尺寸图.pdf")
    await expect(visitor.log.get_by_text(re.compile("7 天后过期"))).to_be_visible()
    await expect(card(agent, "手冲壶尺寸图.pdf")).to_contain_text("7 天后过期")
    await choose(agent.page, clip(agent), payload("提示音.wav", tone), payload("安装.exe", b"MZ" + bytes(200)))
    await visitor.sees("提示音.wav")
    await visitor.sees("可能是程序，请确认来源")
    await expect(agent.row(re.compile(r"\[文件\] (安装.exe|提示音.wav)"))).to_be_visible()  # the smaller one may have been faster

    # then both save what was sent, and a program is asked about first
    assert await saved(agent.page, card(agent, "手冲壶尺寸图.pdf").get_by_role("button", name="下载 手冲壶尺寸图.pdf")) == (
        "手冲壶尺寸图.pdf",
        sheet,
    )
    assert await saved(visitor.page, visitor.log.get_by_role("button", name="下载 提示音.wav")) == ("提示音.wav", tone)
    await card(agent, "安装.exe").get_by_role("button", name="下载 安装.exe").click()
    await expect(agent.page.get_by_role("dialog", name="下载可能有风险的文件？")).to_be_visible()
    await agent.page.get_by_role("button", name="取消", exact=True).click()
    await photograph(agent.page, "files-thread")

    # and the sheet is drawn in a frame without an origin, page by page
    await card(agent, "手冲壶尺寸图.pdf").get_by_role("button", name=re.compile("^手冲壶尺寸图.pdf")).click()
    frame = agent.page.frame_locator("dialog iframe")
    await expect(frame.get_by_role("img", name="第 1 页，共 3 页")).to_be_visible()
    await expect(frame.get_by_role("status")).to_have_text("第 1 页，共 3 页")
    await _drawn(frame.get_by_role("img", name="第 1 页，共 3 页"))
    await frame.get_by_role("button", name="放大").click()
    await photograph(agent.page, "files-pdf")
    inside = next(one for one in agent.page.frames if "/files/" in one.url)
    assert await inside.evaluate("window.origin") == "null"
    assert (
        await inside.evaluate("(async () => { try { return document.cookie } catch (error) { return error.name } })()") == "SecurityError"
    )
    await agent.page.get_by_role("button", name="关闭预览").click()

    # and the tone plays in the visitor's panel
    await visitor.log.get_by_role("button", name="提示音.wav", exact=True).click()
    player = visitor.panel.frame_locator("dialog iframe").locator("audio")
    await expect(player).to_be_visible()
    await expect(player).to_have_js_property("duration", 1)
    await photograph(visitor.page, "files-widget-audio")


async def _drawn(canvas: Locator) -> None:
    """Something dark stands on the page."""
    script = """(one) => { const data = one.getContext('2d').getImageData(0, 0, one.width, one.height).data;
        for (let at = 0; at < data.length; at += 4) if (data[at] < 100 && data[at + 3] > 200) return true; return false }"""
    for _ in range(100):
        if await canvas.evaluate(script):
            return
        await canvas.page.wait_for_timeout(100)
    raise AssertionError("the page of the PDF stayed empty")


async def test_an_upload_goes_on_after_a_reload_and_can_be_cancelled(people: People, house: House) -> None:
    agent, visitor = await people.agent(house), await people.visitor(house, user_agent=COMPUTER)
    await visitor.say("我等您的文件")
    await agent.open("我等您的文件")
    sent: list[int] = []

    async def slow(route: Route) -> None:
        """The first part arrives, the next ones never do."""
        offset = int(route.request.url.rpartition("=")[2])
        sent.append(offset)
        if offset > 0:
            return
        await route.continue_()

    # given a file whose second part hangs
    await agent.page.route("**/api/v1/uploads/*?offset=*", slow)
    content = bytes(range(256)) * 8 * 1024
    await choose(agent.page, clip(agent), payload("大文件.bin", content), payload("不要了.bin", content))
    going = card(agent, "大文件.bin")
    await expect(going.get_by_role("progressbar")).to_be_visible()
    await expect(going).to_contain_text(re.compile(r"KB / 2 MB"))
    await photograph(agent.page, "files-progress")

    # when one is cancelled and the page is loaded anew
    await card(agent, "不要了.bin").get_by_role("button", name="取消发送 不要了.bin").click()
    await expect(card(agent, "不要了.bin")).to_have_count(0)
    for _ in range(100):
        if len([offset for offset in sent if offset > 0]) >= 1:
            break
        await agent.page.wait_for_timeout(100)
    await agent.page.unroute("**/api/v1/uploads/*?offset=*")
    begun: list[str] = []
    agent.page.on("request", lambda request: begun.append(request.url) if "offset=" in request.url else None)
    await agent.page.reload()

    # then it goes on behind what had arrived, and arrives
    await visitor.sees("大文件.bin")
    await expect(card(agent, "大文件.bin")).to_contain_text("7 天后过期")
    assert begun
    assert not any(url.endswith("offset=0") for url in begun)
    name, got = await saved(visitor.page, visitor.log.get_by_role("button", name="下载 大文件.bin"))
    assert (name, got == content) == ("大文件.bin", True)
    await expect(visitor.log.get_by_text("不要了.bin")).to_have_count(0)


async def test_what_is_too_large_is_said_before_it_is_sent(people: People, house: House) -> None:
    agent, visitor = await people.agent(house), await people.visitor(house)
    await visitor.say("你好")
    await agent.open("你好")
    asked: list[str] = []
    agent.page.on("request", lambda request: asked.append(request.url) if "/uploads" in request.url else None)

    await agent.page.locator("input[type=file]").last.evaluate(
        """(input) => { const data = new DataTransfer(); data.items.add(new File([new Uint8Array(50 * 1024 * 1024 + 1)], '太大.zip')); data.items.add(new File([], '空.txt'))
          input.files = data.files; input.dispatchEvent(new Event('change', { bubbles: true })) }"""
    )

    await expect(agent.page.get_by_text("「太大.zip」超过 50 MB，请压缩或分开发送。")).to_be_visible()
    await expect(agent.page.get_by_text("「空.txt」是空文件。")).to_be_visible()
    assert asked == []


async def test_on_a_phone_files_are_received_only(people: People, house: House) -> None:
    agent = await people.agent(house)
    phone = await people.visitor(house, user_agent=PHONE, viewport={"width": 390, "height": 844}, has_touch=True)
    await phone.say("我用手机")
    await agent.open("我用手机")

    await choose(agent.page, clip(agent), payload("说明.txt", "先烫壶".encode()))

    await phone.sees("说明.txt")
    await expect(clip(phone)).to_have_count(0)
    await expect(phone.panel.get_by_role("button", name="图片", exact=True)).to_be_visible()
    assert (await saved(phone.page, phone.log.get_by_role("button", name="下载 说明.txt")))[1] == "先烫壶".encode()
