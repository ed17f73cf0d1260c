"""Files in conversations: sent, read in whole and in parts, looked at by a signed address, expired, withdrawn."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import Any, NoReturn
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from qiatan.entrypoints.app import build_app
from qiatan.infra.clock import new_id
from qiatan.infra.resources import Resources
from qiatan.infra.storage import StorageUnavailable
from qiatan.modules.files import jobs
from tests.modules.files.pictures import HTML, PDF, SVG, png
from tests.modules.files.sending import message, send_up, visitor
from tests.modules.files.world import World
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.factories import Factories, Member

CONTENT = PDF + bytes(range(256)) * 20


@dataclass
class Scene:
    world: World
    http: httpx.AsyncClient
    server: Member
    agent: httpx.AsyncClient
    conversation: UUID
    file: dict[str, Any]
    seq: int

    @property
    def path(self) -> str:
        return f"/conversations/{self.conversation}/files/{self.file['id']}"

    async def open(self, url: str, **headers: str) -> httpx.Response:
        """The address as a browser opens it, with no session."""
        return await self.world.doors.stranger(csrf=None).get(f"http://qiatan.test{url}", headers=headers)


@pytest.fixture
async def scene(world: World, factories: Factories) -> Scene:
    http, _ = await visitor(world.doors, await factories.channel(world.tenant.enterprise_id))
    file = await send_up(http, CONTENT, "尺寸图.pdf")
    sent = (await http.post("/widget/messages", json=message(file))).json()
    server = await factories.agent(world.tenant.enterprise_id)
    conversation = UUID(sent["conversation_id"])
    await talk.assign(world.resources.database, conversation, server)
    return Scene(world, http, server, world.doors.agent(server), conversation, file, sent["seq"])


async def test_a_file_is_a_message_that_says_what_it_is_and_how_long_it_stays(scene: Scene) -> None:
    page = (await scene.agent.get(f"/conversations/{scene.conversation}/messages")).json()
    listed = (await scene.agent.get(f"/conversations/{scene.conversation}")).json()

    sent = next(item for item in page["items"] if item["kind"] == "file")
    assert sent["text"] is None
    assert sent["data"] == {
        "file_id": scene.file["id"],
        "name": "尺寸图.pdf",
        "content_type": "application/pdf",
        "size": len(CONTENT),
        "risky": False,
        "expires_at": "2026-03-09T04:00:00Z",
    }
    assert (listed["last"]["kind"], listed["last"]["preview"], listed["agent_unread"]) == ("file", "尺寸图.pdf", 1)


async def test_both_sides_read_it_and_nobody_else_does(scene: Scene, factories: Factories) -> None:
    by_agent = await scene.agent.get(scene.path)
    by_visitor = await scene.http.get(f"/widget/files/{scene.file['id']}")
    colleague = scene.world.doors.agent(await factories.agent(scene.world.tenant.enterprise_id))
    foreign = scene.world.doors.agent((await factories.tenant()).admin)
    stranger, _ = await visitor(scene.world.doors, await factories.channel(scene.world.tenant.enterprise_id))

    assert (by_agent.content, by_visitor.content) == (CONTENT, CONTENT)
    for http, path in ((colleague, scene.path), (foreign, scene.path), (stranger, f"/widget/files/{scene.file['id']}")):
        assert (await http.get(path)).status_code == 404
        assert (await http.get(f"{path}/link")).status_code == 404
    assert (await scene.world.doors.stranger().get(scene.path)).status_code == 401


@pytest.mark.parametrize(
    ("content", "name", "kind", "risky"),
    [
        (HTML, "发票.html", "text/html", True),
        (HTML, "发票.pdf", "text/html", True),
        (SVG, "logo.svg", "image/svg+xml", True),
        (b'<?xml version="1.0"?><x/>', "a.xml", "text/xml", True),
        (b"MZ\x90\x00" + bytes(100), "photo.jpg", "application/x-executable", True),
        (b"#!/bin/sh\nrm -rf ~", "readme", "application/x-executable", True),
        (b"plain words", "invoice.pdf.exe", "text/plain", True),
        (b"plain words", ".htaccess", "text/plain", True),
        (b"plain words", "\u200b.htaccess\u202e", "text/plain", True),
        (PDF + png(), "both.png", "application/pdf", False),
        (png() + HTML, "polyglot.html.png", "image/png", False),
        (b"words of a note", "note.txt", "text/plain", False),
    ],
)
async def test_whatever_a_file_is_it_is_saved_and_never_run(scene: Scene, content: bytes, name: str, kind: str, risky: bool) -> None:
    file = await send_up(scene.http, content, name)
    await scene.http.post("/widget/messages", json=message(file))

    answer = await scene.agent.get(f"/conversations/{scene.conversation}/files/{file['id']}")

    assert (file["content_type"], file["risky"]) == (kind, risky)
    assert answer.content == content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize(
    ("asked", "status", "start", "end"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=100-", 206, 100, len(CONTENT)),
        ("bytes=-5", 206, len(CONTENT) - 5, len(CONTENT)),
        (f"bytes=10-{10**9}", 206, 10, len(CONTENT)),
        ("bytes=0-9,20-29", 200, 0, len(CONTENT)),
        ("pieces=0-9", 200, 0, len(CONTENT)),
        ("bytes=9-3", 200, 0, len(CONTENT)),
    ],
)
async def test_a_part_of_a_file_is_given(scene: Scene, asked: str, status: int, start: int, end: int) -> None:
    answer = await scene.agent.get(scene.path, headers={"Range": asked})

    assert (answer.status_code, answer.content) == (status, CONTENT[start:end])
    assert answer.headers["content-length"] == str(end - start)
    assert answer.headers.get("content-range") == (f"bytes {start}-{end - 1}/{len(CONTENT)}" if status == 206 else None)


async def test_what_lies_beyond_the_end_cannot_be_given(scene: Scene) -> None:
    answer = await scene.agent.get(scene.path, headers={"Range": f"bytes={len(CONTENT)}-"})

    assert (answer.status_code, answer.headers["content-range"], answer.content) == (416, f"bytes */{len(CONTENT)}", b"")


async def test_a_signed_address_shows_or_saves_and_lapses(scene: Scene, clock: FakeClock) -> None:
    shown = (await scene.agent.get(f"{scene.path}/link")).json()
    saved = (await scene.http.get(f"/widget/files/{scene.file['id']}/link?download=true")).json()

    looked, kept = await scene.open(shown["url"], Range="bytes=0-3"), await scene.open(saved["url"])

    assert (shown["preview"], shown["view_url"], saved["preview"], saved["view_url"]) == ("pdf", f"{shown['url']}/view", None, None)
    assert (looked.status_code, looked.content, looked.headers["content-type"]) == (206, b"%PDF", "application/pdf")
    assert looked.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert looked.headers["access-control-allow-origin"] == "*"
    assert (kept.content, kept.headers["content-type"]) == (CONTENT, "application/octet-stream")
    assert kept.headers["content-disposition"].startswith("attachment;")
    assert "access-control-allow-origin" not in kept.headers
    assert "set-cookie" not in looked.headers
    clock.advance(minutes=15)
    assert [(await scene.open(link["url"])).status_code for link in (shown, saved)] == [404, 404]


async def test_an_address_that_was_touched_opens_nothing(scene: Scene) -> None:
    url: str = (await scene.agent.get(f"{scene.path}/link")).json()["url"]
    token = url.removeprefix("/files/")
    whole = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))

    changed = [bytes([*whole[:at], whole[at] ^ 1, *whole[at + 1 :]]) for at in range(0, len(whole), 7)]
    tokens = [base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in changed]

    for forged in (*tokens, token[:-4], token + "AAAA", "x", "%00", "a" * 300):
        assert (await scene.open(f"/files/{forged}")).status_code == 404


async def test_an_address_dies_with_its_file(scene: Scene) -> None:
    link = (await scene.agent.get(f"{scene.path}/link")).json()

    await scene.http.post(
        f"/widget/conversations/{scene.conversation}/messages/{scene.seq}/withdraw", json={"client_message_id": str(new_id())}
    )

    assert (await scene.open(link["url"])).status_code == 404
    assert (await scene.agent.get(scene.path)).status_code == 404
    await scene.world.run_deletions()
    assert scene.world.on_disk() == []


async def test_after_seven_days_it_says_so_and_its_content_is_gone(scene: Scene, clock: FakeClock) -> None:
    clock.advance(days=7, seconds=-1)
    assert (await scene.agent.get(scene.path)).status_code == 200
    link = (await scene.agent.get(f"{scene.path}/link")).json()
    clock.advance(seconds=1)

    expired = await scene.agent.get(scene.path)
    assert (expired.status_code, expired.json()["error"]["code"]) == (410, "file_expired")
    assert (await scene.http.get(f"/widget/files/{scene.file['id']}/link")).status_code == 410
    assert (await scene.open(link["url"])).status_code == 410

    await jobs.purge_expired.run(scene.world.resources)
    await scene.world.run_deletions()
    assert scene.world.on_disk() == []
    assert (await scene.agent.get(scene.path)).status_code == 410


async def test_a_file_goes_into_one_message_of_its_sender(scene: Scene) -> None:
    used = await scene.http.post("/widget/messages", json=message(scene.file))
    mine = await send_up(scene.agent, b"abc", base="/uploads")
    stolen = await scene.http.post("/widget/messages", json=message(mine))
    as_picture = await scene.agent.post(f"/conversations/{scene.conversation}/messages", json=message(mine) | {"kind": "picture"})
    with_text = await scene.agent.post(f"/conversations/{scene.conversation}/messages", json=message(mine) | {"text": "x"})
    without = await scene.agent.post(
        f"/conversations/{scene.conversation}/messages", json={"client_message_id": str(new_id()), "kind": "file"}
    )
    sent = await scene.agent.post(f"/conversations/{scene.conversation}/messages", json=message(mine))

    assert [answer.status_code for answer in (used, stolen, as_picture, with_text, without)] == [404, 404, 404, 422, 422]
    assert sent.status_code == 200
    assert (await scene.http.get(f"/widget/files/{mine['id']}")).content == b"abc"


async def test_what_gave_its_content_up_answers_so(scene: Scene) -> None:
    for path in scene.world.on_disk():
        path.unlink()

    assert (await scene.agent.get(scene.path)).status_code == 404


async def test_with_an_address_of_their_own_files_come_from_there_only(scene: Scene, resources: Resources) -> None:
    apart = replace(resources, settings=replace(resources.settings, files_url="https://files.example.com"))
    app: FastAPI = build_app(apart)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://files.example.com") as files:
        session = "; ".join(f"{name}={value}" for name, value in scene.agent.cookies.items())
        own = dict(scene.agent.headers) | {"host": "qiatan.test", "cookie": session}
        link = (await files.get(f"/api/v1{scene.path}/link", headers=own)).json()
        token_path = link["url"].removeprefix("https://files.example.com")

        there, here = await files.get(token_path), await files.get(token_path, headers={"Host": "qiatan.test"})
        others = [await files.get(path) for path in ("/", "/app/", "/api/v1/me", "/widget.js", "/openapi.json", "/healthz")]

    assert link["url"].startswith("https://files.example.com/files/")
    assert (there.status_code, there.content) == (200, CONTENT)
    assert here.status_code == 404
    assert [answer.status_code for answer in others] == [404] * 6


async def test_a_signed_address_stays_out_of_the_log(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    url: str = (await scene.agent.get(f"{scene.path}/link")).json()["url"]

    def away(*_: object) -> NoReturn:
        raise StorageUnavailable

    monkeypatch.setattr(scene.world.resources.storage, "stream", away)
    with capture_logs() as logged:
        answer = await scene.open(url)

    failed = [entry for entry in logged if entry["event"] == "request.failed"]
    assert (answer.status_code, len(failed)) == (503, 1)
    assert url.rpartition("/")[2] not in str(logged)
    assert failed[0]["route"].startswith("GET /files/{")
