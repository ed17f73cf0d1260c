"""Pictures of rich entries and messages: who sees them, how long they stay."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.kit.errors import StorageFull
from qiatan.kit.rich_text import RichDocument
from qiatan.modules.pictures import jobs as picture_jobs
from qiatan.modules.pictures import service as pictures
from qiatan.modules.pictures.repository import PictureDirectory
from tests.modules.files.pictures import HTML, SVG, animated_gif, jpeg_with_secrets, opened, png
from tests.modules.replies.conftest import Office
from tests.modules.replies.words import shows
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories


async def _upload(http: Any, content: bytes = b"", name: str = "a.png") -> Any:
    answer = await http.post("/reply-pictures", files={"file": (name, content or png(), "image/png")})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def _purge(resources: Resources) -> None:
    await picture_jobs.purge_unused.run(resources)


async def _there(doors: Doors, picture: Any) -> bool:
    return (await doors.stranger().get(f"/reply-pictures/{picture['id']}")).status_code == 200


async def test_a_picture_is_made_anew_and_seen_by_whoever_knows_its_id(office: Office, doors: Doors) -> None:
    picture = await _upload(office.http, jpeg_with_secrets())

    answer = await doors.stranger(csrf=None).get(f"/reply-pictures/{picture['id']}")

    assert picture == {"id": picture["id"], "width": 200, "height": 300}
    assert UUID(picture["id"]).version == 4
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert b"SECRET" not in answer.content
    assert opened(answer.content).size == (200, 300)
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert (answer.headers["x-content-type-options"], answer.headers["cross-origin-resource-policy"]) == ("nosniff", "cross-origin")


async def test_an_animation_goes_on_moving(office: Office, doors: Doors) -> None:
    picture = await _upload(office.http, animated_gif(3), "a.gif")

    answer = await doors.stranger().get(f"/reply-pictures/{picture['id']}")

    assert answer.headers["content-type"] == "image/gif"


@pytest.mark.parametrize("content", [SVG, HTML, b"x"])
async def test_what_is_no_picture_is_refused(office: Office, content: bytes) -> None:
    answer = await office.http.post("/reply-pictures", files={"file": ("a.png", content, "image/png")})

    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "not_a_picture")


async def test_who_writes_no_entries_brings_no_pictures(office: Office, doors: Doors, factories: Factories) -> None:
    reader = await factories.agent(office.tenant.enterprise_id, points=frozenset({"replies.use"}))
    editor = await factories.agent(office.tenant.enterprise_id, points=frozenset({"replies.use", "replies.edit"}))

    answer = await doors.agent(reader).post("/reply-pictures", files={"file": ("a.png", png(), "image/png")})

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_allowed")
    assert (await _upload(doors.agent(editor)))["width"] == 40


async def test_unknown_ids_are_not_found(office: Office, doors: Doors) -> None:
    http = doors.stranger()

    assert (await http.get(f"/reply-pictures/{uuid4()}")).status_code == 404
    assert (await http.get("/reply-pictures/..%2f..%2fsecret.key")).status_code in (404, 422)


async def test_an_entry_says_the_true_measures_of_its_picture(office: Office) -> None:
    picture = await _upload(office.http)
    document = shows(picture | {"width": 9_000, "height": 1})

    entry = (await office.http.post("/replies", json={"owner": "own", "title": "图", "document": document})).json()

    assert entry["document"]["blocks"][1] == {"kind": "picture", "id": picture["id"], "width": 40, "height": 30, "alt": ""}


async def test_another_enterprises_picture_cannot_be_used(office: Office, doors: Doors, factories: Factories) -> None:
    foreign = await _upload(doors.agent((await factories.tenant()).admin))

    answer = await office.http.post("/replies", json={"owner": "own", "title": "图", "document": shows(foreign)})

    assert [(p["field"], p["code"]) for p in answer.json()["error"]["fields"]] == [("document.blocks.1.id", "unknown_picture")]
    assert (await office.index())["entries"] == []


async def test_what_is_in_nothing_goes_after_a_day_and_what_is_held_stays(
    office: Office, doors: Doors, resources: Resources, clock: FakeClock
) -> None:
    unused, used, shared = [await _upload(office.http) for _ in range(3)]
    entry = (await office.http.post("/replies", json={"owner": "own", "title": "一", "document": shows(used)})).json()
    both = {"blocks": [*shows(used)["blocks"], *shows(shared)["blocks"]]}
    other = (await office.http.post("/replies", json={"owner": "own", "title": "二", "document": both})).json()

    clock.advance(hours=23)
    await _purge(resources)
    assert [await _there(doors, picture) for picture in (unused, used, shared)] == [True, True, True]
    clock.advance(hours=2)
    await _purge(resources)
    assert [await _there(doors, picture) for picture in (unused, used, shared)] == [False, True, True]

    await office.http.delete(f"/replies/{entry['id']}")
    await office.http.patch(f"/replies/{other['id']}", json={"document": shows(used), "version": 1})
    clock.advance(hours=23)
    await _purge(resources)
    assert [await _there(doors, picture) for picture in (used, shared)] == [True, True]
    clock.advance(hours=2)
    await _purge(resources)
    assert [await _there(doors, picture) for picture in (used, shared)] == [True, False]


async def test_what_was_sent_stays_for_ever(
    office: Office, doors: Doors, factories: Factories, database: Database, resources: Resources, clock: FakeClock
) -> None:
    picture = await _upload(office.http)
    entry = (await office.http.post("/replies", json={"owner": "own", "title": "图", "document": shows(picture)})).json()
    guest = await factories.visitor(await factories.channel(office.tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, office.agent)
    sent = {"client_message_id": str(new_id()), "kind": "rich", "document": entry["document"]}
    answer = await office.http.post(f"/conversations/{conversation_id}/messages", json=sent)
    await office.http.delete(f"/replies/{entry['id']}")

    clock.advance(days=30)
    await _purge(resources)

    assert answer.status_code == 200
    assert await _there(doors, picture)


async def test_what_is_in_a_withdrawn_message_only_is_read_by_nobody_any_more(
    office: Office, doors: Doors, factories: Factories, database: Database
) -> None:
    # given a message with a picture of its own, one that an entry shows too, and one that a second message shows too
    alone, held, twice = [await _upload(office.http) for _ in range(3)]
    entry = (await office.http.post("/replies", json={"owner": "own", "title": "图", "document": shows(held)})).json()
    guest = await factories.visitor(await factories.channel(office.tenant.enterprise_id))
    path = f"/conversations/{await talk.served(database, guest, office.agent)}/messages"
    document = {"blocks": [block for one in (alone, held, twice) for block in shows(one)["blocks"]]}
    first = {"client_message_id": str(new_id()), "kind": "rich", "document": document}
    second = {"client_message_id": str(new_id()), "kind": "rich", "document": shows(twice)}
    sent = (await office.http.post(path, json=first)).json()
    again = (await office.http.post(path, json=second)).json()
    assert [await _there(doors, picture) for picture in (alone, held, twice)] == [True, True, True]

    # when the first one is taken back
    answer = await office.http.post(f"{path}/{sent['seq']}/withdraw", json={"client_message_id": str(new_id())})

    # then what nothing else shows is gone, at once
    assert answer.status_code == 200
    assert [await _there(doors, picture) for picture in (alone, held, twice)] == [False, True, True]
    # and a repeat of the first send is answered as before, though its picture is gone
    assert (await office.http.post(path, json=first)).json() == sent

    await office.http.post(f"{path}/{again['seq']}/withdraw", json={"client_message_id": str(new_id())})
    assert [await _there(doors, picture) for picture in (alone, held, twice)] == [False, True, False]
    assert (await office.http.get(f"/replies/{entry['id']}")).json()["document"] == entry["document"]


async def test_a_withdrawal_waits_for_nobody_who_is_about_to_send_the_picture(
    office: Office, doors: Doors, factories: Factories, database: Database
) -> None:
    picture = await _upload(office.http)
    document = RichDocument.model_validate(shows(picture))
    guest = await factories.visitor(await factories.channel(office.tenant.enterprise_id))
    path = f"/conversations/{await talk.served(database, guest, office.agent)}/messages"
    sent = (await office.http.post(path, json={"client_message_id": str(new_id()), "kind": "rich", "document": shows(picture)})).json()

    async with database.tenant(office.tenant.enterprise_id) as tx:
        settled = await pictures.settled(tx, document)
        answer = await office.http.post(f"{path}/{sent['seq']}/withdraw", json={"client_message_id": str(new_id())})
        await pictures.hold(tx, holder_id=new_id(), document=settled)

    assert answer.status_code == 200
    assert await _there(doors, picture)


async def test_of_pictures_in_nothing_an_agent_keeps_the_newest(
    office: Office, doors: Doors, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    monkeypatch.setattr(pictures, "MAX_FREE", 2)
    held = await _upload(office.http)
    await office.http.post("/replies", json={"owner": "own", "title": "图", "document": shows(held)})
    brought = []
    for _ in range(3):
        clock.advance(seconds=1)
        brought.append(await _upload(office.http))

    assert [await _there(doors, picture) for picture in (held, *brought)] == [True, False, True, True]


async def test_the_content_goes_with_the_row(office: Office, resources: Resources, clock: FakeClock, database: Database) -> None:
    await _upload(office.http)
    folder = resources.settings.data_dir / "files"
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 1

    clock.advance(hours=25)
    async with database.system() as tx:
        blobs = await PictureDirectory(tx).drop_unused(tx.now - timedelta(hours=24), 10_000)
    await picture_jobs.delete_contents.run(resources, blobs=blobs)

    assert [path for path in folder.rglob("*") if path.is_file()] == []


async def test_nothing_of_a_failed_upload_stays(office: Office, resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = pictures.keep

    async def fails(*given: Any, **named: Any) -> None:
        await keep(*given, **named)
        raise StorageFull

    monkeypatch.setattr(pictures, "keep", fails)

    answer = await office.http.post("/reply-pictures", files={"file": ("a.png", png(), "image/png")})

    assert answer.status_code == 503
    assert [path for path in (resources.settings.data_dir / "files").rglob("*") if path.is_file()] == []


async def test_a_picture_that_is_put_into_an_entry_at_this_moment_is_not_purged(
    office: Office, doors: Doors, resources: Resources, database: Database, clock: FakeClock
) -> None:
    picture = await _upload(office.http)
    document = RichDocument.model_validate(shows(picture))
    clock.advance(hours=25)

    async with database.tenant(office.tenant.enterprise_id) as tx:
        await pictures.settled(tx, document)
        await _purge(resources)
        await pictures.hold(tx, holder_id=new_id(), document=document)
    await _purge(resources)

    assert await _there(doors, picture)
