"""Who has the list asks for what has become other since, and has the same as who asks for everything."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from qiatan.infra.db import Database
from tests.modules.replies.conftest import Office
from tests.support.doors import Doors
from tests.support.factories import Factories


def followed(known: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """What a page has after an answer with changes."""
    assert not told["complete"]
    by_id = {entry["id"]: entry for entry in known["entries"]} | {entry["id"]: entry for entry in told["entries"]}
    kept = by_id if told["ids"] is None else {one: by_id[one] for one in told["ids"]}
    return {**told, "entries": list(kept.values())}


def shown(index: dict[str, Any]) -> tuple[Any, ...]:
    return index["version"], index["groups"], sorted(index["entries"], key=lambda entry: str(entry["id"]))


async def test_a_corrected_entry_comes_alone(office: Office) -> None:
    wrong, right = await office.entry("你号"), await office.entry("再见")
    first = await office.index()
    await office.admin.patch(f"/replies/{wrong['id']}", json={"title": "你好", "version": wrong["version"]})

    told = await office.index(since_version=first["version"], changes=1)
    everything = await office.index(since_version=first["version"])

    assert (told["unchanged"], told["complete"], told["ids"]) == (False, False, None)
    assert [(entry["id"], entry["title"]) for entry in told["entries"]] == [(wrong["id"], "你好")]
    assert everything["complete"]
    assert {entry["id"] for entry in everything["entries"]} == {wrong["id"], right["id"]}
    assert shown(followed(first, told)) == shown(everything)


async def test_whatever_is_done_to_entries_and_groups_a_page_that_follows_has_them_all(office: Office) -> None:
    """Given a page that has the list, when entries are made, moved, put into a group, deleted and a group goes, then what it is told keeps it true."""
    group = await office.group("售后")
    entries = [await office.entry(f"第 {number} 条", own=number % 2 == 1) for number in range(6)]
    known = await office.index()

    async def is_followed(changed: set[str]) -> None:
        nonlocal known
        told = await office.index(since_version=known["version"], changes=1)
        assert {entry["id"] for entry in told["entries"]} == changed
        known = followed(known, told)
        assert shown(known) == shown(await office.index())

    await ordered(office, group, [entries[0], entries[2]])
    await is_followed({entries[0]["id"], entries[2]["id"]})
    await ordered(office, group, [entries[2], entries[0]])
    await is_followed({entries[0]["id"], entries[2]["id"]})
    assert (await office.http.delete(f"/replies/{entries[1]['id']}")).status_code == 204
    await is_followed(set())
    assert (await office.admin.delete(f"/reply-groups/{group['id']}")).status_code == 204
    await is_followed({entries[0]["id"], entries[2]["id"]})
    new = await office.entry("新的", own=True)
    assert (await office.admin.delete(f"/replies/{entries[4]['id']}")).status_code == 204
    await is_followed({new["id"]})


async def ordered(office: Office, group: dict[str, Any], entries: list[dict[str, Any]]) -> None:
    order = {"owner": "enterprise", "group_id": group["id"], "ids": [entry["id"] for entry in entries]}
    assert (await office.admin.put("/replies/order", json=order)).status_code == 204


async def test_uses_alone_make_no_change(office: Office) -> None:
    entry = await office.entry("你好")
    first = await office.index()

    assert (await office.admin.post(f"/replies/{entry['id']}/used")).status_code == 204

    assert (await office.index(since_version=first["version"], changes=1))["unchanged"]


@pytest.mark.parametrize("version", ["", "1.2.3", "nonsense", "000000000000.0.0", "{agent}.999999.0", "{agent}.1", "{agent}.-1.0"])
async def test_of_a_version_that_never_was_everything_is_told(office: Office, version: str) -> None:
    entry = await office.entry("你好")
    agent = (await office.index())["version"].split(".")[0]

    told = await office.index(since_version=version.replace("{agent}", agent), changes=1)

    assert (told["complete"], [one["id"] for one in told["entries"]]) == (True, [entry["id"]])


async def test_somebody_elses_version_brings_everything_one_may_use_and_nothing_of_theirs(
    office: Office, doors: Doors, factories: Factories
) -> None:
    await office.entry("我的", own=True)
    everybodys = await office.entry("大家的")
    mine = await office.index()
    colleague = doors.agent(await factories.agent(office.tenant.enterprise_id))

    told = (await colleague.get("/replies", params={"since_version": mine["version"], "changes": 1})).json()

    assert (told["complete"], [one["id"] for one in told["entries"]]) == (True, [everybodys["id"]])


async def test_what_an_earlier_release_writes_is_told_too(office: Office, database: Database) -> None:
    """Given a process that knows nothing of changes, when it changes an entry and deletes one, then both are told."""
    kept, gone = await office.entry("你号"), await office.entry("再见")
    first = await office.index()

    async with database.tenant(office.tenant.enterprise_id) as tx:
        await tx.session.execute(text("UPDATE reply_shelves SET version = version + 1 WHERE id = enterprise_id"))
        await tx.session.execute(text("UPDATE reply_entries SET title = '你好' WHERE id = :id"), {"id": kept["id"]})
        await tx.session.execute(text("DELETE FROM reply_entries WHERE id = :id"), {"id": gone["id"]})

    told = await office.index(since_version=first["version"], changes=1)
    assert ([(one["id"], one["title"]) for one in told["entries"]], told["ids"]) == ([(kept["id"], "你好")], [kept["id"]])
