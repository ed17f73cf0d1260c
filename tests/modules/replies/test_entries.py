"""Entries and the list of them: who sees and changes what, and what costs nothing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.modules.replies import service
from qiatan.modules.replies.contracts import ReplyIndex
from tests.modules.replies.conftest import Office
from tests.modules.replies.words import says
from tests.support.access import points_of
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories


async def _audited(database: Database, enterprise_id: UUID, begins: str = "repl") -> list[tuple[str, str]]:
    async with database.system() as tx:
        query = text("SELECT action, subject_name FROM audit_log WHERE enterprise_id = :id AND action LIKE :begins ORDER BY seq")
        return [tuple(row) for row in await tx.session.execute(query, {"id": enterprise_id, "begins": f"{begins}%"})]


async def test_an_entry_is_found_by_all_colleagues_and_an_own_one_by_oneself(office: Office, doors: Doors, factories: Factories) -> None:
    group = await office.group("售后")
    everybodys = await office.entry("退货地址", "寄到杭州", group_id=group["id"])
    own = await office.entry("我的问候", "在的", own=True)
    colleague = doors.agent(await factories.agent(office.tenant.enterprise_id))

    mine, theirs = await office.index(), (await colleague.get("/replies")).json()

    assert ReplyIndex.model_validate(mine).entries
    assert [entry["id"] for entry in mine["entries"]] == [everybodys["id"], own["id"]]
    assert mine["groups"] == [group] == [{"id": group["id"], "owner": "enterprise", "name": "售后", "position": 1, "version": 1}]
    assert {
        name: mine["entries"][0][name] for name in ("owner", "group_id", "position", "title", "text", "kind", "pinyin", "initials")
    } == {
        "owner": "enterprise",
        "group_id": group["id"],
        "position": 1,
        "title": "退货地址",
        "text": "寄到杭州",
        "kind": "plain",
        "pinyin": "tui huo di zhi",
        "initials": "thdz",
    }
    assert "document" not in mine["entries"][0]
    assert [entry["id"] for entry in theirs["entries"]] == [everybodys["id"]]
    assert (await colleague.get(f"/replies/{own['id']}")).status_code == 404


async def test_what_has_not_changed_is_answered_with_nothing_but_its_version(office: Office, doors: Doors, factories: Factories) -> None:
    await office.entry("你好")
    first = await office.index()

    again = await office.index(since_version=first["version"])
    await office.entry("再见", own=True)
    after = await office.index(since_version=first["version"])
    colleague = doors.agent(await factories.agent(office.tenant.enterprise_id))
    theirs = (await colleague.get("/replies", params={"since_version": after["version"]})).json()

    assert again == {"version": first["version"], "unchanged": True, "complete": True, "groups": [], "entries": [], "ids": None}
    assert (after["unchanged"], [entry["title"] for entry in after["entries"]]) == (False, ["你好", "再见"])
    assert (theirs["unchanged"], [entry["title"] for entry in theirs["entries"]]) == (False, ["你好"])


async def test_the_kind_follows_from_the_content_at_every_save(office: Office) -> None:
    entry = await office.entry("退货", "免运费", bold=True)
    assert (entry["kind"], entry["text"]) == ("rich", "免运费")
    assert entry["document"]["blocks"][0]["spans"][0] == {
        "text": "免运费",
        "bold": True,
        "italic": False,
        "underline": False,
        "size": "normal",
        "href": None,
    }

    plain = await office.admin.patch(f"/replies/{entry['id']}", json={"document": says("免运费"), "version": 1})
    rich = await office.admin.patch(f"/replies/{entry['id']}", json={"document": says("免运费", size="large"), "version": 2})

    assert (plain.json()["kind"], plain.json()["document"]) == ("plain", None)
    assert rich.json()["kind"] == "rich"
    assert (await office.http.get(f"/replies/{entry['id']}")).json() == rich.json()


async def test_what_is_left_out_of_a_change_stays(office: Office) -> None:
    group = await office.group("售后")
    entry = await office.entry("退货", "寄到杭州", group_id=group["id"])

    renamed = (await office.admin.patch(f"/replies/{entry['id']}", json={"title": "换货", "version": 1})).json()
    taken_out = (await office.admin.patch(f"/replies/{entry['id']}", json={"group_id": None, "version": 2})).json()

    assert (renamed["title"], renamed["initials"], renamed["text"], renamed["group_id"]) == ("换货", "hh", "寄到杭州", group["id"])
    assert (taken_out["title"], taken_out["group_id"], taken_out["version"]) == ("换货", None, 3)


async def test_two_who_change_an_entry_at_once_do_not_overwrite_each_other(office: Office) -> None:
    entry = await office.entry("退货")
    await office.admin.patch(f"/replies/{entry['id']}", json={"title": "第一个", "version": 1})

    second = await office.admin.patch(f"/replies/{entry['id']}", json={"title": "第二个", "version": 1})

    assert (second.status_code, second.json()["error"]["code"]) == (409, "version_conflict")
    assert (await office.index())["entries"][0]["title"] == "第一个"


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ({"title": ""}, [("title", "empty")]),
        ({"title": "字" * 101}, [("title", "too_long")]),
        ({"document": says(" ")}, [("document", "empty")]),
        ({"document": says("字" * 5_000, bold=True) | {"blocks": says("字" * 5_000)["blocks"] * 2}}, [("document", "too_long")]),
        ({"document": says("{{customer.nmae}}")}, [("document", "unknown_variable")]),
        ({"document": says("x", href="javascript:alert(1)")}, [("document.blocks.0.spans.0.href", "invalid_link")]),
        (
            {"document": {"blocks": [{"kind": "picture", "id": str(UUID(int=1)), "width": 1, "height": 1}]}},
            [("document.blocks.0.id", "unknown_picture")],
        ),
        ({"group_id": str(UUID(int=1))}, [("group_id", "unknown")]),
    ],
)
async def test_bad_input_is_named_and_nothing_is_lost(office: Office, change: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    entry = await office.entry("退货", "寄到杭州")
    before = await office.index()
    new = {"owner": "enterprise", "title": "新的", "document": says("新的")}

    changed = await office.admin.patch(f"/replies/{entry['id']}", json=change | {"version": 1})
    made = await office.admin.post("/replies", json=new | change)

    for answer in (changed, made):
        assert answer.status_code == 422, answer.text
        assert [(problem["field"], problem["code"]) for problem in answer.json()["error"]["fields"]] == problems
    assert await office.index() == before


async def test_an_own_entry_goes_into_no_group_of_the_enterprise(office: Office) -> None:
    group = await office.group("售后")
    body = {"owner": "own", "group_id": group["id"], "title": "我的", "document": says("在")}

    answer = await office.http.post("/replies", json=body)

    assert [(p["field"], p["code"]) for p in answer.json()["error"]["fields"]] == [("group_id", "unknown")]
    assert (await office.index())["entries"] == []


async def test_who_may_not_write_the_enterprises_changes_nothing(office: Office) -> None:
    entry, group = await office.entry("退货"), await office.group("售后")
    before = await office.index()

    answers = [
        await office.http.post("/replies", json={"owner": "enterprise", "title": "x", "document": says("x")}),
        await office.http.patch(f"/replies/{entry['id']}", json={"title": "x", "version": 1}),
        await office.http.delete(f"/replies/{entry['id']}"),
        await office.http.put("/replies/order", json={"owner": "enterprise", "group_id": None, "ids": [entry["id"]]}),
        await office.http.post("/reply-groups", json={"owner": "enterprise", "name": "x"}),
        await office.http.patch(f"/reply-groups/{group['id']}", json={"name": "x", "version": 1}),
        await office.http.delete(f"/reply-groups/{group['id']}"),
        await office.http.put("/reply-groups/order", json={"owner": "enterprise", "ids": [group["id"]]}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 8
    assert await office.index() == before


async def test_nobody_touches_a_colleagues_own(office: Office) -> None:
    entry, group = await office.entry("我的", own=True), await office.group("我的组", own=True)
    before = await office.index()

    answers = [
        await office.admin.get(f"/replies/{entry['id']}"),
        await office.admin.patch(f"/replies/{entry['id']}", json={"title": "x", "version": 1}),
        await office.admin.delete(f"/replies/{entry['id']}"),
        await office.admin.post(f"/replies/{entry['id']}/used"),
        await office.admin.patch(f"/reply-groups/{group['id']}", json={"name": "x", "version": 1}),
        await office.admin.delete(f"/reply-groups/{group['id']}"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 6
    assert await office.index() == before


async def test_another_enterprise_finds_nothing(office: Office, doors: Doors, factories: Factories) -> None:
    entry = await office.entry("退货")
    stranger = doors.agent((await factories.tenant()).admin)

    assert (await stranger.get("/replies")).json()["entries"] == []
    assert (await stranger.get(f"/replies/{entry['id']}")).status_code == 404
    assert (await stranger.delete(f"/replies/{entry['id']}")).status_code == 404
    assert [found["id"] for found in (await office.index())["entries"]] == [entry["id"]]


async def test_uses_are_counted_for_oneself_and_for_all_and_make_no_new_version(
    office: Office, doors: Doors, factories: Factories, clock: FakeClock
) -> None:
    entry = await office.entry("退货")
    version = (await office.index())["version"]
    colleague = doors.agent(await factories.agent(office.tenant.enterprise_id))

    for http in (office.http, colleague, office.http):
        assert (await http.post(f"/replies/{entry['id']}/used")).status_code == 204
        clock.advance(minutes=1)

    mine, theirs = await office.index(), (await colleague.get("/replies")).json()
    assert [(found["uses"], found["all_uses"]) for found in (mine["entries"][0], theirs["entries"][0])] == [(2, 3), (1, 3)]
    assert mine["entries"][0]["used_at"] > theirs["entries"][0]["used_at"]
    assert mine["version"] == version
    assert (await office.http.post(f"/replies/{new_id()}/used")).status_code == 404


async def test_a_deleted_entry_is_gone_with_what_was_counted(office: Office) -> None:
    entry = await office.entry("退货")
    await office.http.post(f"/replies/{entry['id']}/used")

    assert (await office.admin.delete(f"/replies/{entry['id']}")).status_code == 204

    assert (await office.index())["entries"] == []
    assert (await office.admin.delete(f"/replies/{entry['id']}")).status_code == 404


async def test_what_is_the_enterprises_is_in_the_audit_log_and_what_is_ones_own_is_not(office: Office, database: Database) -> None:
    entry, group = await office.entry("退货"), await office.group("售后")
    await office.admin.patch(f"/replies/{entry['id']}", json={"title": "换货", "version": 1})
    await office.admin.patch(f"/reply-groups/{group['id']}", json={"name": "售前", "version": 1})
    await office.admin.delete(f"/replies/{entry['id']}")
    await office.admin.delete(f"/reply-groups/{group['id']}")
    own = await office.entry("我的", own=True)
    await office.group("我的组", own=True)
    await office.http.delete(f"/replies/{own['id']}")

    assert await _audited(database, office.tenant.enterprise_id) == [
        ("reply.created", "退货"),
        ("reply_group.created", "售后"),
        ("reply.changed", "换货"),
        ("reply_group.changed", "售前"),
        ("reply.deleted", "换货"),
        ("reply_group.deleted", "售前"),
    ]


async def test_open_pages_hear_of_changes_and_of_own_ones_only_their_owner_does(office: Office, doors: Doors, factories: Factories) -> None:
    idle = await factories.agent(office.tenant.enterprise_id, points=points_of("agent") - {"replies.use"})
    agent, admin, without = (
        await doors.agent_socket(office.agent),
        await doors.agent_socket(office.tenant.admin),
        await doors.agent_socket(idle),
    )

    await office.entry("退货")
    await office.entry("我的", own=True)

    def told(frames: list[dict[str, Any]]) -> list[str]:
        return [frame["owner"] for frame in frames if frame["type"] == "replies_changed"]

    assert told(await agent.settle()) == ["enterprise", "own"]
    assert told(await admin.settle()) == ["enterprise"]
    assert told(await without.settle()) == []


@pytest.mark.parametrize(("own", "limit"), [(False, "MAX_ENTRIES"), (True, "MAX_OWN_ENTRIES")])
async def test_there_is_an_end_to_how_many_there_may_be(office: Office, monkeypatch: pytest.MonkeyPatch, own: bool, limit: str) -> None:
    monkeypatch.setattr(service.writing, limit, 2)
    await office.entry("一", own=own)
    await office.entry("二", own=own)
    body = {"owner": "own" if own else "enterprise", "title": "三", "document": says("三")}

    answer = await (office.http if own else office.admin).post("/replies", json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "limit_reached")
    assert len((await office.index())["entries"]) == 2
