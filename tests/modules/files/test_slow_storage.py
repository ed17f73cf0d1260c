"""A storage that takes its time keeps nobody else from the database."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.storage import Storage
from tests.modules.files.pictures import PDF, png
from tests.modules.files.sending import BYTES, message, send_up, visitor
from tests.modules.files.world import World
from tests.support import talk
from tests.support.factories import Factories

SECONDS = 10
PICTURE = {"file": ("a.png", png(), "image/png")}


class Held:
    """Storage that is read from and written to only when it is told to be; `reached` when somebody waits for it."""

    def __init__(self, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.free = asyncio.Event(), asyncio.Event()
        get, stream, put = storage.get, storage.stream, storage.put

        async def wait_and_get(name: str) -> bytes:
            await self._wait()
            return await get(name)

        async def wait_and_stream(name: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
            await self._wait()
            async for piece in stream(name, start, length):
                yield piece

        async def wait_and_put(name: str, content: bytes) -> None:
            await self._wait()
            await put(name, content)

        monkeypatch.setattr(storage, "get", wait_and_get)
        monkeypatch.setattr(storage, "put", wait_and_put)
        monkeypatch.setattr(storage, "stream", wait_and_stream)

    async def _wait(self) -> None:
        self.reached.set()
        await self.free.wait()


@dataclass
class Scene:
    """A conversation with a picture and a file, an entry's picture and a face."""

    world: World
    guest: httpx.AsyncClient
    agent: httpx.AsyncClient
    conversation: UUID
    picture: str
    file: str

    async def face(self) -> Callable[[], Awaitable[httpx.Response]]:
        me = await self.agent.put("/me/avatar", files={"file": ("me.png", io.BytesIO(png()), "image/png")})
        return lambda: self.guest.get(me.json()["agent"]["avatar_url"].removeprefix("/api/v1"))

    async def reply_picture(self) -> Callable[[], Awaitable[httpx.Response]]:
        answer = await self.agent.post("/reply-pictures", files={"file": ("a.png", png(), "image/png")})
        return lambda: self.guest.get(f"/reply-pictures/{answer.json()['id']}")

    async def picture_of_agent(self) -> Callable[[], Awaitable[httpx.Response]]:
        return lambda: self.agent.get(f"/conversations/{self.conversation}/files/{self.picture}")

    async def picture_of_visitor(self) -> Callable[[], Awaitable[httpx.Response]]:
        return lambda: self.guest.get(f"/widget/files/{self.picture}?size=thumb")

    async def file_of_agent(self) -> Callable[[], Awaitable[httpx.Response]]:
        return lambda: self.agent.get(f"/conversations/{self.conversation}/files/{self.file}")

    async def file_of_visitor(self) -> Callable[[], Awaitable[httpx.Response]]:
        return lambda: self.guest.get(f"/widget/files/{self.file}")

    async def file_by_link(self) -> Callable[[], Awaitable[httpx.Response]]:
        url: str = (await self.agent.get(f"/conversations/{self.conversation}/files/{self.file}/link")).json()["url"]
        return lambda: self.world.doors.stranger(csrf=None).get(f"http://qiatan.test{url}")

    async def sent_face(self) -> httpx.Response:
        return await self.agent.put("/me/avatar", files=PICTURE)

    async def sent_reply_picture(self) -> httpx.Response:
        return await self.agent.post("/reply-pictures", files=PICTURE)

    async def sent_by_agent(self) -> httpx.Response:
        return await self.agent.post("/files", files=PICTURE)

    async def sent_by_visitor(self) -> httpx.Response:
        return await self.guest.post("/widget/files", files=PICTURE)

    async def sent_part(self) -> httpx.Response:
        upload = (await self.guest.post("/widget/uploads", json={"name": "图纸.bin", "size": 3})).json()
        return await self.guest.patch(f"/widget/uploads/{upload['id']}", params={"offset": 0}, content=b"abc", headers=BYTES)


@pytest.fixture
async def scene(world: World, factories: Factories) -> Scene:
    guest, _ = await visitor(world.doors, await factories.channel(world.tenant.enterprise_id))
    file = await send_up(guest, PDF)
    sent: dict[str, Any] = (await guest.post("/widget/messages", json=message(file))).json()
    conversation = UUID(sent["conversation_id"])
    shown = (await guest.post("/widget/files", files={"file": ("a.png", png(), "image/png")})).json()
    told = {"client_message_id": str(new_id()), "kind": "picture", "file_id": shown["id"]}
    assert (await guest.post("/widget/messages", json=told)).status_code == 200
    server = await factories.agent(world.tenant.enterprise_id)
    await talk.assign(world.resources.database, conversation, server)
    return Scene(world, guest, world.doors.agent(server), conversation, shown["id"], file["id"])


@pytest.mark.parametrize(
    "contents",
    [
        Scene.face,
        Scene.reply_picture,
        Scene.picture_of_agent,
        Scene.picture_of_visitor,
        Scene.file_of_agent,
        Scene.file_of_visitor,
        Scene.file_by_link,
    ],
)
async def test_who_waits_for_the_storage_holds_no_transaction(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, contents: Callable[[Scene], Awaitable[Callable[[], Awaitable[httpx.Response]]]]
) -> None:
    # given contents that the storage does not hand out yet
    read = await contents(scene)
    held = Held(scene.world.resources.storage, monkeypatch)

    # when somebody asks for them
    asking = asyncio.ensure_future(read())
    async with asyncio.timeout(SECONDS):
        await held.reached.wait()

    # then nothing of the database is taken
    await _nothing_is_held(scene)
    assert not asking.done()

    held.free.set()
    assert (await asking).status_code == 200


@pytest.mark.parametrize("sent", [Scene.sent_face, Scene.sent_reply_picture, Scene.sent_by_agent, Scene.sent_by_visitor, Scene.sent_part])
async def test_who_waits_until_the_storage_has_it_holds_no_transaction(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, sent: Callable[[Scene], Awaitable[httpx.Response]]
) -> None:
    # given a storage that does not take anything yet
    held = Held(scene.world.resources.storage, monkeypatch)

    # when somebody sends something
    sending = asyncio.ensure_future(sent(scene))
    async with asyncio.timeout(SECONDS):
        await held.reached.wait()

    # then nothing of the database is taken
    await _nothing_is_held(scene)
    assert not sending.done()

    held.free.set()
    assert (await sending).is_success


async def _nothing_is_held(scene: Scene) -> None:
    """No transaction is open, whatever timers begin and end meanwhile, and no place at the gate is taken."""
    database = scene.world.resources.database
    async with asyncio.timeout(SECONDS):
        while database.begun or database.gate.inside:
            await asyncio.sleep(0.01)
