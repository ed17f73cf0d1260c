"""Pictures are looked at in turn: one enterprise's crowd waits for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from threading import Semaphore
from typing import Any

import httpx
import pytest

from qiatan.infra import pictures
from qiatan.infra.fair import Gate
from qiatan.infra.pictures import Picture
from qiatan.kit.errors import Busy
from qiatan.modules.files import service
from tests.modules.files.pictures import png
from tests.modules.files.sending import visitor
from tests.modules.files.world import World
from tests.support.factories import Factories

SECONDS = 60


class Desk:
    """Looks at a picture when it is told to; `begun` is what it has begun with, in order."""

    def __init__(self) -> None:
        self.begun: list[bytes] = []
        self.free = Semaphore(0)

    def look(self, content: bytes, *_: Any, **__: Any) -> Picture:
        self.begun.append(content)
        assert self.free.acquire(timeout=SECONDS)
        return Picture(png(), "image/png", 40, 30, None)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    desk = Desk()
    monkeypatch.setattr(pictures, "_sanitize", desk.look)
    yield desk
    desk.free.release(100)


async def _until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not reached():
            await asyncio.sleep(0.005)


async def test_a_crowds_pictures_keep_nobody_elses_waiting(
    world: World, factories: Factories, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given six pictures of one enterprise's visitor, two of which are looked at
    came = 0
    prepare = service.prepare_picture

    async def noted(*arguments: Any) -> Any:
        nonlocal came
        came += 1
        return await prepare(*arguments)

    monkeypatch.setattr(service, "prepare_picture", noted)

    def send(http: httpx.AsyncClient, content: bytes) -> asyncio.Task[httpx.Response]:
        return asyncio.create_task(http.post("/widget/files", files={"file": ("a.png", content, "image/png")}))

    crowd, _ = await visitor(world.doors, await factories.channel(world.tenant.enterprise_id))
    other, _ = await visitor(world.doors, await factories.channel((await factories.tenant()).enterprise_id))
    sent = [send(crowd, b"crowd") for _ in range(6)]
    await _until(lambda: came == 6 and len(desk.begun) == 2)

    # when another enterprise's visitor sends one
    sent.append(send(other, b"other"))
    await _until(lambda: came == 7)
    desk.free.release()
    await _until(lambda: len(desk.begun) == 3)
    desk.free.release()
    await _until(lambda: len(desk.begun) == 4)

    # then it is the second to come to it, and not the last
    assert desk.begun == [b"crowd", b"crowd", b"crowd", b"other"]
    desk.free.release(7)
    assert [answer.status_code for answer in await asyncio.gather(*sent)] == [201] * 7


async def test_a_place_is_taken_until_the_work_has_ended_whoever_still_waits_for_it(desk: Desk) -> None:
    # given two pictures that are looked at, and a third that waits
    first, second = [asyncio.create_task(pictures.sanitize(b"first", max_side=10, whose="a")) for _ in range(2)]
    third = asyncio.create_task(pictures.sanitize(b"third", max_side=10, whose="a"))
    await _until(lambda: len(desk.begun) == 2)

    # when those who sent them go away
    first.cancel()
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)

    # then the third still waits for one of them
    assert pictures._TURNS.inside == 2
    assert desk.begun == [b"first", b"first"]
    desk.free.release()
    await _until(lambda: len(desk.begun) == 3)
    desk.free.release(2)
    assert (await third).width == 40
    await _until(lambda: pictures._TURNS.inside == 0)


async def test_who_has_too_many_waiting_is_refused_and_others_are_not(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a place, and one that may wait of each
    gate = Gate(1, 1, waiting=10, waiting_of_each=1, seconds=SECONDS, name="pictures")
    monkeypatch.setattr(pictures, "_TURNS", gate)
    waiting = [asyncio.create_task(pictures.sanitize(b"crowd", max_side=10, whose="a")) for _ in range(2)]
    await _until(lambda: gate.waiting == 1 and len(desk.begun) == 1)

    # when one more of the same comes, and one of somebody else
    with pytest.raises(Busy) as refused:
        await pictures.sanitize(b"crowd", max_side=10, whose="a")
    other = asyncio.create_task(pictures.sanitize(b"other", max_side=10, whose="b"))
    await _until(lambda: gate.waiting == 2)

    # then only that one is sent away
    assert (refused.value.code, gate.refused) == ("try_again", 1)
    desk.free.release(3)
    assert [picture.width for picture in await asyncio.gather(*waiting, other)] == [40] * 3
    assert desk.begun == [b"crowd", b"crowd", b"other"]
