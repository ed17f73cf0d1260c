from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.http import uploads
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.kit.errors import NotAllowed, StorageFull
from qiatan.modules.files import service
from qiatan.modules.files.contracts import File
from qiatan.modules.files.errors import FileNotFound
from qiatan.modules.files.service import pictures
from tests.modules.files.pictures import HTML, PDF, SVG, jpeg_with_secrets, png, png_header
from tests.modules.files.world import World

BOUNDARY = "----boundary"


async def _send(client: httpx.AsyncClient, path: str, content: bytes, name: str = "photo.jpg", kind: str = "image/jpeg") -> httpx.Response:
    return await client.post(path, files={"file": (name, content, kind)})


async def test_a_visitor_sends_a_picture_up(world: World) -> None:
    answer = await _send(world.doors.visitor(world.token), "/widget/files", jpeg_with_secrets(), "../手冲\u202e.html")

    file = answer.json()
    assert answer.status_code == 201
    assert file == {
        "id": file["id"],
        "name": "手冲.html.jpg",
        "content_type": "image/jpeg",
        "size": file["size"],
        "width": 200,
        "height": 300,
    }
    kept = [path.read_bytes() for path in world.on_disk()]
    assert sorted(path.suffix for path in world.on_disk()) == [".jpg", ".webp"]
    assert all(b"SECRET" not in content for content in kept)
    assert file["size"] in {len(content) for content in kept}


async def test_an_agent_sends_a_picture_up(world: World) -> None:
    answer = await _send(world.doors.agent(world.tenant.admin), "/files", png(), "图.PNG", "text/html")

    assert (answer.status_code, answer.json()["name"], answer.json()["content_type"]) == (201, "图.png", "image/png")


@pytest.mark.parametrize("content", [SVG, HTML, PDF + png(), b"", png()[:50]], ids=["svg", "html", "pdf-polyglot", "empty", "cut"])
@pytest.mark.parametrize(("name", "kind"), [("a.png", "image/png"), ("a.svg", "image/svg+xml; charset=utf-8")])
async def test_what_is_not_a_picture_is_refused_whatever_it_is_called(world: World, content: bytes, name: str, kind: str) -> None:
    answer = await _send(world.doors.visitor(world.token), "/widget/files", content, name, kind)

    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "not_a_picture")
    assert (await world.rows(), world.on_disk()) == (0, [])


async def test_a_bomb_is_refused(world: World) -> None:
    answer = await _send(world.doors.visitor(world.token), "/widget/files", png_header(30_000, 30_000))

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert (await world.rows(), world.on_disk()) == (0, [])


async def test_more_than_ten_mebibytes_are_refused_by_their_own_word(world: World) -> None:
    answer = await _send(world.doors.visitor(world.token), "/widget/files", bytes(service.MAX_BYTES + 20_000))

    assert (answer.status_code, answer.json()["error"]["message"]) == (413, "This is larger than 10 MiB. Send something smaller.")


async def test_a_body_without_a_length_is_read_no_further_than_the_limit(world: World) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield _part_head()
        while True:
            sent += 1
            yield bytes(1024 * 1024)

    answer = await world.doors.visitor(world.token).post("/widget/files", content=endless(), headers=_form_type())

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert sent <= 12
    assert await world.rows() == 0


async def test_just_over_the_limit_within_the_overhead_is_refused_too(world: World) -> None:
    answer = await _send(world.doors.visitor(world.token), "/widget/files", bytes(service.MAX_BYTES + 1))

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize("token", [None, "qv_" + "A" * 43])
async def test_without_a_valid_token_not_a_byte_is_read(world: World, token: str | None) -> None:
    client = world.doors.visitor(token) if token else world.doors.stranger()
    touched = False

    async def body() -> AsyncIterator[bytes]:
        nonlocal touched
        touched = True
        yield _part_head()

    answer = await client.post("/widget/files", content=body(), headers=_form_type())

    assert (answer.status_code, touched) == (401, False)
    assert (await world.rows(), world.on_disk()) == (0, [])


async def test_agents_and_visitors_have_doors_of_their_own(world: World) -> None:
    by_visitor = await _send(world.doors.visitor(world.token), "/files", png())
    by_agent = await _send(world.doors.agent(world.tenant.admin), "/widget/files", png())
    forged = world.doors.agent(world.tenant.admin)
    forged.headers["x-qiatan-csrf"] = "1"

    assert (by_visitor.status_code, by_agent.status_code) == (401, 401)
    assert (await _send(forged, "/files", png())).status_code == 403
    assert await world.rows() == 0


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{}", "application/json", 400, "bad_request"),
        (b"x", "multipart/form-data", 400, "bad_request"),
        (b"nonsense", f"multipart/form-data; boundary={BOUNDARY}", 400, "bad_request"),
        (b"", f"multipart/form-data; boundary={BOUNDARY}", 422, "invalid_input"),
        (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--{BOUNDARY}--\r\n'.encode(),
            f"multipart/form-data; boundary={BOUNDARY}",
            422,
            "invalid_input",
        ),
        (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="other"; filename="a"\r\n\r\nx\r\n--{BOUNDARY}--\r\n'.encode(),
            f"multipart/form-data; boundary={BOUNDARY}",
            422,
            "invalid_input",
        ),
    ],
    ids=["json", "no-boundary", "broken", "empty", "not-a-file", "another-field"],
)
async def test_a_form_that_is_none_is_refused(world: World, content: bytes, kind: str, status: int, code: str) -> None:
    answer = await world.doors.visitor(world.token).post("/widget/files", content=content, headers={"Content-Type": kind})

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert await world.rows() == 0


async def test_an_upload_that_does_not_come_to_its_end_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "RECEIVE_SECONDS", 0.01)

    async def stalled() -> AsyncIterator[bytes]:
        yield _part_head()
        await asyncio.Event().wait()

    answer = await world.doors.visitor(world.token).post("/widget/files", content=stalled(), headers=_form_type())

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
    assert "three minutes" in answer.json()["error"]["message"]
    assert await world.rows() == 0


async def test_two_files_in_one_form_are_refused(world: World) -> None:
    files = [("file", ("a.png", png(), "image/png")), ("file", ("b.png", png(), "image/png"))]

    answer = await world.doors.visitor(world.token).post("/widget/files", files=files)

    assert answer.status_code == 400
    assert await world.rows() == 0


async def test_a_visitor_sends_thirty_pictures_an_hour(world: World) -> None:
    visitor = world.doors.visitor(world.token)

    statuses = [(await visitor.post("/widget/files", content=b"x")).status_code for _ in range(31)]

    assert statuses == [400] * 30 + [429]


async def test_a_full_disk_keeps_nothing_and_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(name: str, content: bytes) -> None:
        if name.endswith(".webp"):
            raise StorageFull
        await real(name, content)

    real = world.resources.storage.put
    monkeypatch.setattr(world.resources.storage, "put", full)

    answer = await _send(world.doors.visitor(world.token), "/widget/files", png())

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "storage_full")
    assert (await world.rows(), world.on_disk()) == (0, [])


async def test_an_agent_without_the_point_keeps_nothing(world: World) -> None:
    powerless = replace(world.agent, points=frozenset())

    with pytest.raises(NotAllowed):
        await world.keep(powerless)

    assert (await world.rows(), world.on_disk()) == (0, [])


async def test_of_pictures_never_used_the_newest_twenty_stay(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_UNATTACHED", 2)
    by_agent = await world.keep(world.agent)
    first, second, third = [await world.keep(world.visitor) for _ in range(3)]
    assert await world.run_deletions() == 1

    conversation = new_id()
    with pytest.raises(FileNotFound):
        await world.attach(world.visitor, first, conversation, new_id())
    kept: list[tuple[AgentActor | VisitorActor, File]] = [(world.visitor, second), (world.visitor, third), (world.agent, by_agent)]
    for actor, file in kept:
        await world.attach(actor, file, conversation, new_id())
        assert (await world.read(world.tenant.enterprise_id, conversation, file.id)).content
    assert len(world.on_disk()) == 6


def _form_type() -> dict[str, str]:
    return {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def _part_head() -> bytes:
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'.encode()
