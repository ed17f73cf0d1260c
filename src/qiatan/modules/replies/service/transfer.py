"""Spreadsheets: a template, import with a dry run, export (F39). Rich entries take no part (F01)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database, Tx
from qiatan.infra.spreadsheets import Sheet, write_workbook
from qiatan.kit.access import AgentActor, require
from qiatan.kit.errors import InvalidInput
from qiatan.modules.accounts import service as accounts
from qiatan.modules.replies.contracts import MAX_ROWS, MAX_TEXT, MAX_TITLE, VARIABLES, ImportReport, ReplyKind, ReplyOwner
from qiatan.modules.replies.permissions import TRANSFER
from qiatan.modules.replies.repository import ReplyRepository
from qiatan.modules.replies.rules import HEADINGS, Plan, Row, columns_of, pinyin_of, plan
from qiatan.modules.replies.service.grouping import add_group, group_limit_of
from qiatan.modules.replies.service.shelf import agent_of, begin, require_edit
from qiatan.modules.replies.service.writing import limit_of

Locale = Literal["zh-CN", "en"]
_WIDTHS = (18, 28, 90)

_ABOUT: dict[Locale, str] = {"zh-CN": "说明", "en": "About"}
_SHEET: dict[Locale, str] = {"zh-CN": "快捷回复", "en": "Quick replies"}
_HELP: dict[Locale, tuple[str, ...]] = {
    "zh-CN": (
        "在第一张表里填写，第一行的表头不要改。每行一条，只导入文字，不带样式。",
        "分组：可以不填；没有的分组会自动新建。",
        f"标题：必填，不超过 {MAX_TITLE} 字。",
        f"内容：必填，不超过 {MAX_TEXT} 字，可以换行。可用的变量：{{variables}}。",
        f"一次最多 {MAX_ROWS} 行。和已有的完全一样的会跳过。",
        "例：售后 | 退货地址 | 您好 {{customer.name}}，退货请寄到杭州市余杭区……",
    ),
    "en": (
        "Fill in the first sheet and leave its headings as they are. One entry a line; text only, without styles.",
        "Group: may be empty; groups that do not exist are made.",
        f"Title: needed, at most {MAX_TITLE} characters.",
        f"Content: needed, at most {MAX_TEXT} characters, line breaks allowed. Variables: {{variables}}.",
        f"At most {MAX_ROWS} lines at once. What is there already, word for word, is skipped.",
        "Example: After sales | Return address | Hello {{customer.name}}, please send it back to …",
    ),
}
_LEFT_OUT: dict[Locale, str] = {
    "zh-CN": "共导出 {plain} 条。另有 {rich} 条带样式的快捷回复不在其中。",
    "en": "{plain} entries. {rich} more with styles are not among them.",
}


@dataclass(frozen=True, slots=True)
class Export:
    """What `export` wrote: the file, how many rich entries are not in it, and of which moment it is."""

    content: bytes
    left_out: int
    at: datetime


async def template(actor: AgentActor, *, locale: Locale) -> bytes:
    """An empty sheet with the headings, and one that explains them. Raises NotAllowed."""
    require(actor, TRANSFER)
    variables = ", ".join(f"{{{{{name}}}}}" for name in VARIABLES)
    lines = [[line.replace("{variables}", variables)] for line in _HELP[locale]]
    return await write_workbook([_sheet(locale, []), Sheet(_ABOUT[locale], [_ABOUT[locale]], lines, (100,))])


async def export(database: Database, actor: AgentActor, *, owner: ReplyOwner, locale: Locale) -> Export:
    """The plain entries of an owner, as an import takes them; a second sheet says how many rich ones were left out. Raises NotAllowed."""
    require(actor, TRANSFER)
    async with database.tenant(actor.enterprise_id) as tx:
        replies = ReplyRepository(tx, tx.enterprise_id)
        rows = [(row.group or "", row.title, row.text) for row in await replies.plain(agent_of(actor, owner))]
        rich = await replies.count_rich(agent_of(actor, owner))
        what = accounts.What("replies", None, "")
        accounts.record(tx, accounts.Who.of(actor), "replies.exported", what, owner=owner, entries=len(rows), left_out=rich)
        at = tx.now
    # Sheets are written one after another, and others' may be long: no connection is held meanwhile.
    told = _LEFT_OUT[locale].format(plain=len(rows), rich=rich)
    content = await write_workbook([_sheet(locale, rows), Sheet(_ABOUT[locale], [_ABOUT[locale]], [[told]], (100,))])
    return Export(content, rich, at)


async def import_rows(tx: Tx, actor: AgentActor, rows: Sequence[Sequence[str]], *, owner: ReplyOwner, dry_run: bool) -> ImportReport:
    """Add the rows of a sheet, whose first is its headings. A dry run says the same and changes nothing.

    Rows that are there already are skipped; refused ones are told with their number and keep no other from being taken.

    Raises:
        NotAllowed: the role lacks `replies.transfer`, or the point to write this owner's entries.
        InvalidInput: names `file`: `missing` (a heading) or `too_many_rows`.
    """
    require(actor, TRANSFER)
    require_edit(actor, owner)
    columns = columns_of(rows[0] if rows else [])
    filled = [(number, row) for number, row in enumerate(rows, 1) if number > 1 and any(cell.strip() for cell in row)]
    if len(filled) > MAX_ROWS:
        raise InvalidInput.of("file", "too_many_rows", f"Import at most {MAX_ROWS} rows at once; this sheet has {len(filled)}.")
    agent_id = agent_of(actor, owner)
    replies = ReplyRepository(tx, tx.enterprise_id) if dry_run else await begin(tx, agent_id)
    groups = await replies.groups(agent_id)
    made = plan(
        filled,
        columns,
        present={(row.group, row.title, row.text) for row in await replies.plain(agent_id)},
        groups={group.name for group in groups},
        room=limit_of(agent_id) - await replies.count(agent_id),
        group_room=group_limit_of(agent_id) - len(groups),
    )
    if not dry_run:
        await _add(tx, actor, replies, agent_id, made)
    return ImportReport(
        dry_run=dry_run,
        rows=len(filled),
        added=len(made.added),
        skipped=made.skipped,
        refused=made.refused,
        new_groups=made.new_groups,
        problems=made.problems,
    )


async def _add(tx: Tx, actor: AgentActor, replies: ReplyRepository, owner: UUID | None, made: Plan) -> None:
    groups = await replies.groups(owner)
    for name in made.new_groups:
        await add_group(tx, replies, owner, name, groups)
    ids: dict[str | None, UUID | None] = {group.name: group.id for group in groups} | {None: None}
    positions = await replies.last_positions(owner)
    entries = []
    for row, spelled in zip(made.added, await asyncio.to_thread(_spelled, made.added), strict=True):
        group_id = ids[row.group]
        positions[group_id] = positions.get(group_id, 0) + 1
        entries.append(
            {
                "id": new_id(),
                "agent_id": owner,
                "group_id": group_id,
                "position": positions[group_id],
                "title": row.title,
                "text": row.text,
                "kind": ReplyKind.PLAIN.value,
                "created_at": tx.now,
                "updated_at": tx.now,
                "updated_by": actor.agent_id,
                **spelled,
            }
        )
    if entries:
        await replies.add_many(entries)
    if owner is None:
        details: dict[str, Any] = {"added": len(made.added), "skipped": made.skipped, "refused": made.refused, "groups": made.new_groups}
        accounts.record(tx, accounts.Who.of(actor), "replies.imported", accounts.What("replies", None, ""), **details)


def _spelled(rows: Sequence[Row]) -> list[dict[str, str]]:
    found = [pinyin_of(row.title) for row in rows]
    return [{"pinyin": pinyin.syllables, "initials": pinyin.initials} for pinyin in found]


def _sheet(locale: Locale, rows: Sequence[Sequence[str]]) -> Sheet:
    return Sheet(_SHEET[locale], HEADINGS[locale], rows, _WIDTHS)
