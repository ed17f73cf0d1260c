"""Files of any kind go up in parts (F14): what arrived stays, what is too much or not allowed leaves nothing behind."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest

from qiatan.infra.resources import Resources
from qiatan.kit.errors import StorageFull
from qiatan.modules.files import jobs, repository, rules
from tests.modules.files.pictures import PDF, png
from tests.modules.files.sending import BYTES, PHONE, TABLET, message, part, send_up, start, visitor
from tests.modules.files.uploads import Scene
from tests.support.clock import FakeClock
from tests.support.factories import Factories

MIB = 1024 * 1024


async def test_a_file_goes_up_in_parts_and_is_what_was_sent(scene: Scene) -> None:
    content = PDF + bytes(range(256)) * 10_000

    begun = await start(scene.http, len(content), "../手冲\u202e尺寸.pdf")
    first = await part(scene.http, begun["id"], 0, content[:1_000_000])
    there = await scene.http.get(f"/widget/uploads/{begun['id']}")
    second = await part(scene.http, begun["id"], 1_000_000, content[1_000_000:])
    file = (await scene.http.post(f"/widget/uploads/{begun['id']}/finish", json={"sha256": hashlib.sha256(content).hexdigest()})).json()

    assert (begun["offset"], begun["chunk_bytes"], begun["name"]) == (0, 4 * MIB, "手冲尺寸.pdf")
    assert (first.json()["offset"], there.json()["offset"], second.json()["offset"]) == (1_000_000, 1_000_000, len(content))
    assert file == {"id": file["id"], "name": "手冲尺寸.pdf", "content_type": "application/pdf", "size": len(content), "risky": False}
    await scene.world.run_deletions()
    assert [path.read_bytes() for path in scene.on_disk()] == [content]


async def test_fifty_mebibytes_go_and_one_byte_more_does_not(scene: Scene) -> None:
    over = await scene.http.post("/widget/uploads", json={"name": "a", "size": rules.MAX_FILE_BYTES + 1})
    empty = await scene.http.post("/widget/uploads", json={"name": "a", "size": 0})
    file = await send_up(scene.http, bytes(rules.MAX_FILE_BYTES), "大.bin")

    assert (over.status_code, over.json()["error"]["code"]) == (413, "too_large")
    assert (empty.status_code, empty.json()["error"]["fields"][0]["code"]) == (422, "empty")
    assert file["size"] == 50 * MIB
    assert (await scene.counts()) == (1, 1)


async def test_no_part_is_read_further_than_the_file_goes(scene: Scene) -> None:
    begun = await start(scene.http, 10)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield bytes(65_536)

    declared = await part(scene.http, begun["id"], 0, b"01234567890")
    undeclared = await scene.http.patch(f"/widget/uploads/{begun['id']}?offset=0", content=endless(), headers=BYTES)

    assert [declared.status_code, undeclared.status_code] == [413, 413]
    assert sent <= 2
    assert (await scene.http.get(f"/widget/uploads/{begun['id']}")).json()["offset"] == 0
    assert scene.on_disk() == []


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [(b"", "application/octet-stream", 400), (b"abc", "text/plain", 400), (b"abc", "application/octet-stream; charset=utf-8", 400)],
)
async def test_a_part_that_is_none_is_refused(scene: Scene, content: bytes, kind: str, status: int) -> None:
    begun = await start(scene.http, 10)

    answer = await scene.http.patch(f"/widget/uploads/{begun['id']}?offset=0", content=content, headers={"Content-Type": kind})

    assert answer.status_code == status
    assert scene.on_disk() == []


async def test_a_part_at_another_place_changes_nothing(scene: Scene) -> None:
    begun = await start(scene.http, 6)
    await part(scene.http, begun["id"], 0, b"abc")

    repeated = await part(scene.http, begun["id"], 0, b"xyz")
    ahead = await part(scene.http, begun["id"], 4, b"xy")
    early = await scene.http.post(f"/widget/uploads/{begun['id']}/finish", json={})

    assert [answer.json()["error"]["code"] for answer in (repeated, ahead, early)] == ["upload_moved", "upload_moved", "upload_incomplete"]
    assert [path.read_bytes() for path in scene.on_disk()] == [b"abc"]


async def test_of_two_parts_at_once_one_counts_and_the_other_leaves_nothing(scene: Scene) -> None:
    begun = await start(scene.http, 3)

    answers = await asyncio.gather(*(part(scene.http, begun["id"], 0, b"abc") for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert [path.read_bytes() for path in scene.on_disk()] == [b"abc"]


async def test_a_cancelled_upload_is_gone(scene: Scene) -> None:
    begun = await start(scene.http, 6)
    await part(scene.http, begun["id"], 0, b"abc")

    assert (await scene.http.delete(f"/widget/uploads/{begun['id']}")).status_code == 204

    assert (await part(scene.http, begun["id"], 3, b"def")).status_code == 404
    assert (await scene.http.post(f"/widget/uploads/{begun['id']}/finish", json={})).status_code == 404
    await scene.world.run_deletions()
    assert scene.on_disk() == []


async def test_nobody_touches_somebody_elses_upload(scene: Scene, factories: Factories) -> None:
    begun = await start(scene.http, 6)
    other, _ = await visitor(scene.world.doors, scene.channel)
    foreign = await factories.tenant()
    agents = [scene.world.doors.agent(scene.world.tenant.admin), scene.world.doors.agent(foreign.admin)]

    for http, base in [(other, "/widget/uploads"), *((agent, "/uploads") for agent in agents)]:
        assert (await http.get(f"{base}/{begun['id']}")).status_code == 404
        assert (await part(http, begun["id"], 0, b"abc", base=base)).status_code == 404
        assert (await http.delete(f"{base}/{begun['id']}")).status_code == 404
        assert (await http.post(f"{base}/{begun['id']}/finish", json={})).status_code == 404

    assert (await scene.http.get(f"/widget/uploads/{begun['id']}")).json()["offset"] == 0
    assert scene.on_disk() == []


@pytest.mark.parametrize("device", [PHONE, TABLET, "", "Googlebot/2.1 (+http://www.google.com/bot.html)"])
async def test_only_visitors_at_a_computer_send_files(scene: Scene, device: str) -> None:
    http, told = await visitor(scene.world.doors, scene.channel, device)

    refused = await http.post("/widget/uploads", json={"name": "a.pdf", "size": 3})
    picture = await http.post("/widget/files", files={"file": ("a.png", png(), "image/png")})

    assert told["files"] is False
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    assert picture.status_code == 201
    assert (await scene.counts())[1] == 0


async def test_a_channel_may_take_no_files(scene: Scene) -> None:
    admin = scene.world.doors.agent(scene.world.tenant.admin)
    changed = await admin.patch(f"/channels/{scene.channel.id}", json={"version": 1, "settings": {"visitor_files": False}})
    assert changed.status_code == 200

    _, told = await visitor(scene.world.doors, scene.channel)
    refused = await scene.http.post("/widget/uploads", json={"name": "a.pdf", "size": 3})

    assert told["files"] is False
    assert refused.status_code == 403


async def test_who_has_no_token_sends_nothing(scene: Scene) -> None:
    touched = False

    async def body() -> AsyncIterator[bytes]:
        nonlocal touched
        touched = True
        yield b"abc"

    begun = await start(scene.http, 3)
    stranger = scene.world.doors.visitor("qv_unknown")
    answer = await stranger.patch(f"/widget/uploads/{begun['id']}?offset=0", content=body(), headers=BYTES)

    assert (answer.status_code, touched) == (401, False)
    assert (await stranger.post("/widget/uploads", json={"name": "a", "size": 3})).status_code == 401


async def test_one_visitor_has_ten_files_on_their_way(scene: Scene) -> None:
    for _ in range(10):
        await start(scene.http, 3)

    answer = await scene.http.post("/widget/uploads", json={"name": "a", "size": 3})

    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "quota_reached")
    assert int(answer.headers["Retry-After"]) == 60


async def test_of_more_uploads_than_are_counted_the_newest_count(scene: Scene, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "MAX_COUNTED", 1)
    monkeypatch.setattr(rules, "OF_VISITOR", rules.Quota(unfinished=1, bytes=10))
    await send_up(scene.http, b"a")
    clock.advance(seconds=1)
    await start(scene.http, 3)

    answer = await scene.http.post("/widget/uploads", json={"name": "a", "size": 3})

    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "quota_reached")
    assert await scene.counts() == (1, 2)


async def test_a_visitor_sends_three_hundred_mebibytes_a_day_also_by_cancelling(
    scene: Scene, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "OF_VISITOR", rules.Quota(unfinished=10, bytes=10))
    first = await start(scene.http, 6)
    await part(scene.http, first["id"], 0, b"abcd")
    clock.advance(hours=1)

    over = await scene.http.post("/widget/uploads", json={"name": "a", "size": 5})
    await scene.http.delete(f"/widget/uploads/{first['id']}")
    fits = await scene.http.post("/widget/uploads", json={"name": "a", "size": 6})
    again = await scene.http.post("/widget/uploads", json={"name": "a", "size": 1})
    clock.advance(hours=23, seconds=1)
    later = await scene.http.post("/widget/uploads", json={"name": "a", "size": 4})

    assert [answer.status_code for answer in (over, fits, again, later)] == [429, 201, 429, 201]
    assert int(over.headers["Retry-After"]) == 23 * 3600


async def test_unfinished_uploads_go_after_a_day(scene: Scene, clock: FakeClock) -> None:
    begun = await start(scene.http, 6)
    await part(scene.http, begun["id"], 0, b"abc")
    clock.advance(hours=24)

    assert (await scene.http.get(f"/widget/uploads/{begun['id']}")).status_code == 404
    await jobs.purge_expired.run(scene.world.resources)
    await scene.world.run_deletions()

    assert (await scene.counts()) == (0, 0)
    assert scene.on_disk() == []


async def test_a_finished_file_that_is_never_sent_goes_after_a_day(scene: Scene, clock: FakeClock) -> None:
    file = await send_up(scene.http, b"abc")
    clock.advance(hours=24, seconds=1)
    await jobs.purge_unused.run(scene.world.resources)
    await scene.world.run_deletions()

    answer = await scene.http.post("/widget/messages", json=message(file))

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "file_not_found")
    assert scene.on_disk() == []


async def test_a_full_disk_keeps_nothing_and_the_upload_goes_on_later(
    scene: Scene, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = await start(scene.http, 3)

    async def full(name: str, content: bytes) -> None:
        raise StorageFull

    with monkeypatch.context() as broken:
        broken.setattr(resources.storage, "put", full)
        refused = await part(scene.http, begun["id"], 0, b"abc")
    taken = await part(scene.http, begun["id"], 0, b"abc")

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "storage_full")
    assert taken.json()["offset"] == 3


async def test_an_agent_needs_the_point(scene: Scene, factories: Factories) -> None:
    powerless = await factories.agent(scene.world.tenant.enterprise_id, points=frozenset({"conversations.serve"}))
    http = scene.world.doors.agent(powerless)
    able = await send_up(scene.world.doors.agent(scene.world.tenant.admin), b"abc", base="/uploads")

    refused = await http.post("/uploads", json={"name": "a", "size": 3})

    assert able["size"] == 3
    assert refused.status_code == 403


async def test_a_file_in_crumbs_is_refused_and_leaves_nothing_more(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_PARTS", 2)
    begun = await start(scene.http, 4)

    answers = [(await part(scene.http, begun["id"], at, b"a")).status_code for at in range(3)]

    assert answers == [200, 200, 400]
    assert len(scene.on_disk()) == 2
    assert (await scene.http.get(f"/widget/uploads/{begun['id']}")).json()["offset"] == 2
