"""Groups, and the order people drag."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from qiatan.infra.clock import new_id
from qiatan.modules.replies import service
from tests.modules.replies.conftest import Office
from tests.modules.replies.words import says


def _titles(index: Any, group_id: str | None) -> list[str]:
    entries = [entry for entry in index["entries"] if entry["group_id"] == group_id]
    return [entry["title"] for entry in sorted(entries, key=lambda entry: entry["position"])]


async def test_groups_are_dragged_into_order(office: Office) -> None:
    first, second, third = [await office.group(name) for name in ("售前", "售后", "物流")]

    answer = await office.admin.put("/reply-groups/order", json={"owner": "enterprise", "ids": [third["id"], first["id"], second["id"]]})

    assert answer.status_code == 204
    assert [group["name"] for group in (await office.index())["groups"]] == ["物流", "售前", "售后"]


async def test_entries_are_dragged_into_order_and_from_group_to_group(office: Office) -> None:
    group = await office.group("售后")
    a, b = await office.entry("a"), await office.entry("b")
    c, d = await office.entry("c", group_id=group["id"]), await office.entry("d", group_id=group["id"])

    moved = await office.admin.put(
        "/replies/order", json={"owner": "enterprise", "group_id": group["id"], "ids": [d["id"], a["id"], c["id"]]}
    )
    back = await office.admin.put("/replies/order", json={"owner": "enterprise", "group_id": None, "ids": [c["id"], b["id"]]})

    assert (moved.status_code, back.status_code) == (204, 204)
    index = await office.index()
    assert (_titles(index, group["id"]), _titles(index, None)) == (["d", "a"], ["c", "b"])
    assert all(entry["version"] == 1 for entry in index["entries"])


@pytest.mark.parametrize("wrong", ["missing", "foreign", "unknown"])
async def test_an_order_of_yesterday_is_refused_and_nothing_moves(office: Office, wrong: str) -> None:
    a, b = await office.entry("a"), await office.entry("b")
    own = await office.entry("own", own=True)
    ids = {"missing": [b["id"]], "foreign": [b["id"], a["id"], own["id"]], "unknown": [b["id"], a["id"], str(new_id())]}[wrong]
    before = await office.index()

    answer = await office.admin.put("/replies/order", json={"owner": "enterprise", "group_id": None, "ids": ids})

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "version_conflict")
    assert await office.index() == before


async def test_groups_that_are_not_all_named_are_not_ordered(office: Office) -> None:
    first, second = await office.group("售前"), await office.group("售后")
    before = await office.index()

    short = await office.admin.put("/reply-groups/order", json={"owner": "enterprise", "ids": [second["id"]]})
    twice = await office.admin.put("/reply-groups/order", json={"owner": "enterprise", "ids": [second["id"], first["id"], first["id"]]})

    assert short.json()["error"]["code"] == "version_conflict"
    assert [(p["field"], p["code"]) for p in twice.json()["error"]["fields"]] == [("ids", "duplicate")]
    assert await office.index() == before


async def test_a_deleted_group_leaves_its_entries_in_no_group_in_their_order(office: Office) -> None:
    group = await office.group("售后")
    await office.entry("a")
    b, c = await office.entry("b", group_id=group["id"]), await office.entry("c", group_id=group["id"])
    await office.admin.put("/replies/order", json={"owner": "enterprise", "group_id": group["id"], "ids": [c["id"], b["id"]]})

    assert (await office.admin.delete(f"/reply-groups/{group['id']}")).status_code == 204

    index = await office.index()
    assert (index["groups"], _titles(index, None)) == ([], ["a", "c", "b"])


async def test_two_groups_of_one_owner_have_two_names(office: Office) -> None:
    group, _ = await office.group("售后"), await office.group("售后", own=True)
    other = await office.group("物流")

    made = await office.admin.post("/reply-groups", json={"owner": "enterprise", "name": " 售后 "})
    renamed = await office.admin.patch(f"/reply-groups/{other['id']}", json={"name": "售后", "version": 1})
    same = await office.admin.patch(f"/reply-groups/{group['id']}", json={"name": "售后", "version": 1})

    for answer in (made, renamed):
        assert [(p["field"], p["code"]) for p in answer.json()["error"]["fields"]] == [("name", "taken")]
    assert same.json()["version"] == 2


@pytest.mark.parametrize(("own", "limit"), [(False, "MAX_GROUPS"), (True, "MAX_OWN_GROUPS")])
async def test_there_is_an_end_to_groups(office: Office, monkeypatch: pytest.MonkeyPatch, own: bool, limit: str) -> None:
    monkeypatch.setattr(service.grouping, limit, 1)
    await office.group("一", own=own)
    body = {"owner": "own" if own else "enterprise", "name": "二"}

    answer = await (office.http if own else office.admin).post("/reply-groups", json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "limit_reached")
    assert len((await office.index())["groups"]) == 1


async def test_entries_made_at_once_have_places_of_their_own(office: Office) -> None:
    bodies = [{"owner": "enterprise", "title": f"第 {number} 条", "document": says("x")} for number in range(8)]

    answers = await asyncio.gather(*(office.admin.post("/replies", json=body) for body in bodies))

    assert [answer.status_code for answer in answers] == [201] * 8
    assert sorted(entry["position"] for entry in (await office.index())["entries"]) == list(range(1, 9))
