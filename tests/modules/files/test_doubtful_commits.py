"""A line to the database that breaks during a commit does not tell whether it was stored: no content that is named may go for it."""

from __future__ import annotations

import httpx
import pytest

from tests.modules.files.pictures import png
from tests.modules.files.sending import message, part, start, visitor
from tests.modules.files.world import World
from tests.support.doubt import Line
from tests.support.factories import Factories


@pytest.fixture
async def guest(world: World, factories: Factories) -> httpx.AsyncClient:
    http, _ = await visitor(world.doors, await factories.channel(world.tenant.enterprise_id))
    return http


@pytest.fixture
def line(world: World, guest: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> Line:
    return Line(world.resources.database, monkeypatch)


async def test_a_file_whose_commit_was_not_heard_of_is_there_when_it_is_sent(world: World, guest: httpx.AsyncClient, line: Line) -> None:
    # given a whole file, whose finishing is stored and answered by nobody
    begun = await start(guest, 3)
    await part(guest, begun["id"], 0, b"abc")
    line.fates = ["stored", "stored_unheard"]
    unheard = await guest.post(f"/widget/uploads/{begun['id']}/finish", json={})

    # when the page tries again, and sends it
    file = await guest.post(f"/widget/uploads/{begun['id']}/finish", json={})
    sent = await guest.post("/widget/messages", json=message(file.json()))
    await world.run_deletions()

    # then its content is kept
    assert (unheard.status_code, file.status_code, sent.status_code) == (503, 200, 200)
    assert [path.read_bytes() for path in world.on_disk()] == [b"abc"]


async def test_a_part_whose_commit_was_not_heard_of_belongs_to_the_file(world: World, guest: httpx.AsyncClient, line: Line) -> None:
    # given a part that is noted, and answered by nobody
    begun = await start(guest, 6)
    line.fates = ["stored", "stored_unheard"]
    unheard = await part(guest, begun["id"], 0, b"abc")

    # when the page goes on from where the upload is
    there = await guest.get(f"/widget/uploads/{begun['id']}")
    await part(guest, begun["id"], there.json()["offset"], b"def")
    file = await guest.post(f"/widget/uploads/{begun['id']}/finish", json={})
    await world.run_deletions()

    assert (unheard.status_code, there.json()["offset"], file.status_code) == (503, 3, 200)
    assert [path.read_bytes() for path in world.on_disk()] == [b"abcdef"]


async def test_what_was_not_stored_leaves_nothing(world: World, guest: httpx.AsyncClient, line: Line) -> None:
    # given a part and then a finishing that are lost at their commit
    begun = await start(guest, 3)
    line.fates = ["stored", "lost"]
    no_part = await part(guest, begun["id"], 0, b"xyz")
    await part(guest, begun["id"], 0, b"abc")
    line.fates = ["stored", "lost"]
    no_file = await guest.post(f"/widget/uploads/{begun['id']}/finish", json={})

    # then only the part that counts is on the disk, and the upload goes on
    assert (no_part.status_code, no_file.status_code) == (503, 503)
    assert [path.read_bytes() for path in world.on_disk()] == [b"abc"]
    assert (await guest.post(f"/widget/uploads/{begun['id']}/finish", json={})).json()["size"] == 3


async def test_where_nobody_can_say_what_was_stored_the_content_stays(world: World, guest: httpx.AsyncClient, line: Line) -> None:
    begun = await start(guest, 3)
    line.fates = ["stored", "stored_unheard", "away"]

    unheard = await part(guest, begun["id"], 0, b"abc")

    assert unheard.status_code == 503
    assert [path.read_bytes() for path in world.on_disk()] == [b"abc"]
    assert (await guest.post(f"/widget/uploads/{begun['id']}/finish", json={})).status_code == 200


@pytest.mark.parametrize(("fate", "kept"), [("stored_unheard", 1), ("lost", 0)])
async def test_a_face_whose_commit_was_not_heard_of_is_there_if_it_is_shown(world: World, line: Line, fate: str, kept: int) -> None:
    # given an agent whose new picture is stored, or lost, and answered by nobody
    agent = world.doors.agent(world.tenant.admin)
    line.fates = [fate]
    unheard = await agent.put("/me/avatar", files={"file": ("me.png", png(), "image/png")})

    # then what is shown of them is there
    shown = (await agent.get("/me")).json()["agent"]["avatar_url"]
    assert unheard.status_code == 503
    assert (len(world.on_disk()), shown is not None) == (kept, bool(kept))
    if kept:
        assert (await agent.get(shown.removeprefix("/api/v1"))).status_code == 200
