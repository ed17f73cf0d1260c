"""A file is made of what has come up (F14): once, of nothing else, and without much work for who asks for it again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from qiatan.infra.resources import Resources
from qiatan.infra.throttle import Rate
from qiatan.kit.errors import StorageFull
from qiatan.modules.files import routes, service
from qiatan.modules.files.models import UploadRow
from tests.modules.files.sending import part, start
from tests.modules.files.uploads import Scene


async def test_finishing_again_gives_the_same_file(scene: Scene) -> None:
    begun = await start(scene.http, 3)
    await part(scene.http, begun["id"], 0, b"abc")

    answers = await asyncio.gather(*(scene.http.post(f"/widget/uploads/{begun['id']}/finish", json={}) for _ in range(4)))

    assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]}
    await scene.world.run_deletions()
    assert (await scene.counts())[0] == 1
    assert len(scene.on_disk()) == 1


async def test_who_finishes_while_another_call_has_done_so_gets_its_file(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = await start(scene.http, 3)
    await part(scene.http, begun["id"], 0, b"abc")
    finish, put_together = f"/widget/uploads/{begun['id']}/finish", service.put_together
    faster: list[httpx.Response] = []

    async def late(*arguments: Any, **named: Any) -> Any:
        monkeypatch.undo()
        faster.append(await scene.http.post(finish, json={}))
        await scene.world.run_deletions()
        return await put_together(*arguments, **named)

    monkeypatch.setattr(service, "put_together", late)
    slower = await scene.http.post(finish, json={})

    assert (slower.status_code, slower.json()) == (200, faster[0].json())
    assert [path.read_bytes() for path in scene.on_disk()] == [b"abc"]


async def test_another_content_than_was_promised_is_given_up_before_anything_is_written(
    scene: Scene, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an upload that is here whole
    written: list[str] = []
    join = resources.storage.join

    async def noted(parts: Sequence[str], into: str) -> None:
        written.append(into)
        await join(parts, into)

    monkeypatch.setattr(resources.storage, "join", noted)
    begun = await start(scene.http, 6)
    await part(scene.http, begun["id"], 0, b"abc")
    await part(scene.http, begun["id"], 3, b"def")

    # when it is to be something else
    finish = f"/widget/uploads/{begun['id']}/finish"
    refused = await scene.http.post(finish, json={"sha256": "0" * 64})

    # then no file was made of it for that, and it cannot be asked for again
    assert (refused.status_code, refused.json()["error"]["fields"][0]) == (
        422,
        {"field": "sha256", "code": "mismatch", "message": "What has arrived is not what was sent. Send the file again."},
    )
    assert written == []
    assert [
        (await scene.http.post(finish, json={"sha256": "0" * 64})).status_code,
        (await scene.http.post(finish, json={})).status_code,
    ] == [
        404,
        404,
    ]
    await scene.world.run_deletions()
    assert (await scene.counts(), scene.on_disk()) == ((0, 1), [])


async def test_what_has_become_a_file_meanwhile_is_not_given_up(scene: Scene) -> None:
    # given two calls, of which the one with another sum comes to its end after the other
    begun = await start(scene.http, 3)
    await part(scene.http, begun["id"], 0, b"abc")
    finish = f"/widget/uploads/{begun['id']}/finish"
    file = (await scene.http.post(finish, json={})).json()
    async with scene.world.resources.database.tenant(scene.world.tenant.enterprise_id) as tx:
        row = (await tx.session.execute(select(UploadRow))).scalar_one()
        uploader = replace(scene.world.visitor, customer_id=row.uploader_id)
        await service.cancel_differing(tx, uploader, row.id)

    # then the file is there
    await scene.world.run_deletions()
    assert (await scene.http.post(finish, json={})).json() == file
    assert [path.read_bytes() for path in scene.on_disk()] == [b"abc"]


async def test_a_whole_file_is_not_written_anew_without_end(scene: Scene, resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    # given two whole uploads, and a disk that is full
    monkeypatch.setattr(routes, "FINISHES", Rate(burst=4, per_minute=1))
    monkeypatch.setattr(routes, "FINISHES_OF_ONE", Rate(burst=2, per_minute=1))

    async def full(parts: Sequence[str], into: str) -> None:
        raise StorageFull

    monkeypatch.setattr(resources.storage, "join", full)
    first, second = [await start(scene.http, 3) for _ in range(2)]
    for begun in (first, second):
        await part(scene.http, begun["id"], 0, b"abc")

    # then each is tried so often, and both together
    answers = [
        (await scene.http.post(f"/widget/uploads/{begun['id']}/finish", json={})).status_code for begun in [first] * 3 + [second] * 2
    ]
    assert answers == [503, 503, 429, 503, 429]
