"""Excel in and out: a dry run, refused rows, what is there already, what is left out."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from qiatan.infra.db import Database
from qiatan.infra.spreadsheets import Sheet, write_workbook
from qiatan.modules.replies import service
from tests.modules.replies.conftest import Office
from tests.modules.replies.words import says
from tests.support.doors import Doors
from tests.support.factories import Factories

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HEADINGS = ("分组", "标题", "内容")


async def sheet(*rows: tuple[str, ...], headings: tuple[str, ...] = HEADINGS) -> bytes:
    return await write_workbook([Sheet("a", headings, rows)])


async def imported(http: Any, content: bytes, *, dry_run: bool = False, **params: Any) -> Any:
    return await http.post("/replies/import", params={"dry_run": dry_run, **params}, files={"file": ("a.xlsx", content, XLSX)})


def read(content: bytes, sheet_number: int = 0) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(sheet_number).to_python()


async def test_a_dry_run_says_what_would_happen_and_the_import_does_it(office: Office) -> None:
    await office.group("售后")
    content = await sheet(("售后", "退货", "寄到杭州"), ("物流", "多久到", "三天"), ("", "你好", "您好\n在的"), ("", "", "没有标题"))

    told = await imported(office.admin, content, dry_run=True)
    before = await office.index()
    done = await imported(office.admin, content)

    assert told.json() == {
        "dry_run": True,
        "rows": 4,
        "added": 3,
        "skipped": 0,
        "refused": 1,
        "new_groups": ["物流"],
        "problems": [{"row": 5, "column": "title", "code": "empty", "message": "Write something."}],
    }
    assert (before["entries"], [group["name"] for group in before["groups"]]) == ([], ["售后"])
    assert done.json() == told.json() | {"dry_run": False}
    after = await office.index()
    groups = {group["id"]: group["name"] for group in after["groups"]}
    assert {(groups.get(entry["group_id"]), entry["title"], entry["text"], entry["kind"]) for entry in after["entries"]} == {
        ("售后", "退货", "寄到杭州", "plain"),
        ("物流", "多久到", "三天", "plain"),
        (None, "你好", "您好\n在的", "plain"),
    }
    assert {entry["title"]: entry["initials"] for entry in after["entries"]}["退货"] == "th"


async def test_a_second_import_of_the_same_file_adds_nothing(office: Office) -> None:
    content = await sheet(("售后", "退货", "寄到杭州"), ("", "你好", "在的"))
    await imported(office.admin, content)
    before = await office.index()

    again = await imported(office.admin, content)

    assert (again.json()["added"], again.json()["skipped"], again.json()["new_groups"]) == (0, 2, [])
    assert (await office.index())["entries"] == before["entries"]


async def test_what_is_exported_comes_back_word_for_word(office: Office) -> None:
    group = await office.group("售后")
    await office.entry("=1+1", "+86 号码\n@全体", group_id=group["id"])
    await office.entry("带样式", "粗", bold=True)
    await office.entry("我的", own=True)

    answer = await office.admin.get("/replies/export.xlsx")

    assert (answer.status_code, answer.headers["content-type"], answer.headers["x-qiatan-left-out"]) == (200, XLSX, "1")
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''quick-replies-")
    assert read(answer.content) == [["分组", "标题", "内容"], ["售后", "=1+1", "+86 号码\n@全体"]]
    assert read(answer.content, 1)[1] == ["共导出 1 条。另有 1 条带样式的快捷回复不在其中。"]
    back = (await imported(office.admin, answer.content)).json()
    assert (back["added"], back["skipped"], back["refused"]) == (0, 1, 0)


@pytest.mark.parametrize(("locale", "headings"), [("zh-CN", ["分组", "标题", "内容"]), ("en", ["Group", "Title", "Content"])])
async def test_the_template_is_empty_and_explains_itself(office: Office, locale: str, headings: list[str]) -> None:
    answer = await office.admin.get("/replies/template.xlsx", params={"locale": locale})

    assert read(answer.content) == [headings]
    assert any("{{customer.name}}" in row[0] for row in read(answer.content, 1))
    report = (await imported(office.admin, answer.content)).json()
    assert (report["rows"], report["added"]) == (0, 0)


async def test_own_entries_are_imported_by_who_may_move_and_write_them(office: Office, doors: Doors, factories: Factories) -> None:
    points = frozenset({"replies.use", "replies.edit_own", "replies.transfer"})
    mover = await factories.agent(office.tenant.enterprise_id, points=points)
    http = doors.agent(mover)
    content = await sheet(("", "我的", "在的"))

    own = await imported(http, content, owner="own")
    everybodys = await imported(http, content)

    assert own.json()["added"] == 1
    assert (everybodys.status_code, everybodys.json()["error"]["code"]) == (403, "not_allowed")
    assert [(entry["owner"], entry["title"]) for entry in (await http.get("/replies")).json()["entries"]] == [("own", "我的")]
    assert (await office.index())["entries"] == []
    assert read((await http.get("/replies/export.xlsx", params={"owner": "own"})).content)[1:] == [["", "我的", "在的"]]


async def test_who_may_not_move_entries_gets_and_changes_nothing(office: Office) -> None:
    content = await sheet(("", "我的", "在的"))

    answers = [
        await office.http.get("/replies/template.xlsx"),
        await office.http.get("/replies/export.xlsx"),
        await imported(office.http, content, owner="own"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 3
    assert (await office.index())["entries"] == []


async def test_files_that_are_no_sheets_of_ours_are_refused(office: Office) -> None:
    no_sheet = await imported(office.admin, b"not a sheet")
    no_headings = await imported(office.admin, await sheet(("a", "b", "c"), headings=("x", "y", "z")))
    too_large = await imported(office.admin, b"\x00" * (2 * 1024 * 1024 + 1))
    nothing = await office.admin.post("/replies/import?dry_run=1", json={})

    assert (no_sheet.status_code, no_sheet.json()["error"]["code"]) == (415, "not_a_spreadsheet")
    assert [(p["field"], p["code"]) for p in no_headings.json()["error"]["fields"]] == [("file", "missing")]
    assert (too_large.status_code, too_large.json()["error"]["code"]) == (413, "too_large")
    assert nothing.status_code == 400
    assert (await office.index())["entries"] == []


async def test_more_rows_than_allowed_are_refused_as_a_whole(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.transfer, "MAX_ROWS", 2)
    rows = [("", f"第 {number} 条", "x") for number in range(3)]

    answer = await imported(office.admin, await sheet(*rows))

    assert [(p["field"], p["code"]) for p in answer.json()["error"]["fields"]] == [("file", "too_many_rows")]
    assert (await office.index())["entries"] == []


async def test_five_thousand_rows_are_imported_at_once(office: Office) -> None:
    rows = [(f"第 {number % 20} 组", f"标题 {number}", f"内容 {number}") for number in range(5_000)]

    answer = await imported(office.admin, await sheet(*rows))

    assert (answer.json()["added"], len(answer.json()["new_groups"])) == (5_000, 20)
    assert len((await office.index())["entries"]) == 5_000


async def test_no_connection_is_held_while_an_export_is_written(
    office: Office, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.entry("退货", "寄到杭州")
    written_without = 0

    async def write(sheets: Sequence[Sheet]) -> bytes:
        # Others (what earlier calls have set off) come and go; one of the export's own would stay until it is written.
        nonlocal written_without
        async with asyncio.timeout(20):
            while database.begun:
                await asyncio.sleep(0.01)
        written_without += 1
        return await write_workbook(sheets)

    monkeypatch.setattr("qiatan.modules.replies.service.transfer.write_workbook", write)

    answer = await office.admin.get("/replies/export.xlsx")

    assert (answer.status_code, written_without) == (200, 1)
    assert read(answer.content)[1:] == [["", "退货", "寄到杭州"]]


async def test_import_and_export_are_in_the_audit_log(office: Office, database: Database) -> None:
    await imported(office.admin, await sheet(("售后", "退货", "寄到杭州")))
    await imported(office.admin, await sheet(("售后", "退货", "寄到杭州")), dry_run=True)
    await office.admin.get("/replies/export.xlsx")

    async with database.system() as tx:
        query = text("SELECT action, details FROM audit_log WHERE enterprise_id = :id AND action LIKE 'replies.%' ORDER BY seq")
        found = [tuple(row) for row in await tx.session.execute(query, {"id": office.tenant.enterprise_id})]
    assert found == [
        ("replies.imported", {"added": 1, "skipped": 0, "refused": 0, "groups": ["售后"]}),
        ("replies.exported", {"owner": "enterprise", "entries": 1, "left_out": 0}),
    ]


async def test_an_entry_with_the_same_words_and_a_form_is_another(office: Office) -> None:
    await office.admin.post("/replies", json={"owner": "enterprise", "title": "退货", "document": says("寄到杭州", bold=True)})

    report = (await imported(office.admin, await sheet(("", "退货", "寄到杭州")))).json()

    assert (report["added"], report["skipped"]) == (1, 0)
    assert sorted(entry["kind"] for entry in (await office.index())["entries"]) == ["plain", "rich"]
