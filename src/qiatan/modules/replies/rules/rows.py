"""What the rows of an imported spreadsheet mean (F39): what is added, what is there already, what cannot be taken and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from qiatan.kit.errors import InvalidInput
from qiatan.kit.text import check_text
from qiatan.modules.replies.contracts import MAX_ROW_ERRORS, MAX_TEXT, ImportProblem
from qiatan.modules.replies.rules.entries import check_group_name, check_title, check_variables

Column = Literal["group", "title", "content"]
COLUMNS: tuple[Column, ...] = ("group", "title", "content")
HEADINGS: dict[str, tuple[str, str, str]] = {"zh-CN": ("分组", "标题", "内容"), "en": ("Group", "Title", "Content")}

_KNOWN = {name.lower(): column for names in HEADINGS.values() for name, column in zip(names, COLUMNS, strict=True)}


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it is taken. Without a group it stands among those that are in none."""

    group: str | None
    title: str
    text: str


@dataclass(slots=True)
class Plan:
    """What an import adds, group by group in the order of the file. `refused` counts rows, `problems` tells the first 500."""

    added: list[Row] = field(default_factory=list)
    skipped: int = 0
    refused: int = 0
    new_groups: list[str] = field(default_factory=list)
    problems: list[ImportProblem] = field(default_factory=list)


def columns_of(headings: Sequence[str]) -> dict[Column, int]:
    """Where the columns stand, by their headings in either language.

    Raises:
        InvalidInput: `missing`, naming the headings that are needed.
    """
    found: dict[Column, int] = {}
    for at, heading in enumerate(headings):
        column = _KNOWN.get(heading.strip().lower())
        if column is not None:
            found.setdefault(column, at)
    if "title" not in found or "content" not in found:
        raise InvalidInput.of("file", "missing", "The first line needs the headings 分组, 标题 and 内容, or Group, Title and Content.")
    return found


def plan(
    rows: Iterable[tuple[int, Sequence[str]]],
    columns: dict[Column, int],
    *,
    present: set[tuple[str | None, str, str]],
    groups: set[str],
    room: int,
    group_room: int,
) -> Plan:
    """Decide about every row, with its number in the sheet. Empty rows are none.

    `present` are the entries there are, as (group, title, text); `groups` the names of the groups there are; `room` and `group_room` how
    many more of each there may be.
    """
    made = Plan()
    known = set(present)
    names = set(groups)
    for number, cells in rows:
        values = {column: cells[at] if at < len(cells) else "" for column, at in columns.items()}
        if not any(value.strip() for value in values.values()):
            continue
        row, problems = _read(number, values)
        if row is None:
            _refuse(made, *problems)
        elif (row.group, row.title, row.text) in known:
            made.skipped += 1
        elif len(made.added) >= room:
            _refuse(made, _problem(number, None, "limit_reached", "There is no room for more quick replies."))
        elif row.group is not None and row.group not in names and len(made.new_groups) >= group_room:
            _refuse(made, _problem(number, "group", "limit_reached", "There is no room for more groups."))
        else:
            if row.group is not None and row.group not in names:
                names.add(row.group)
                made.new_groups.append(row.group)
            known.add((row.group, row.title, row.text))
            made.added.append(row)
    return made


def _read(number: int, values: dict[Column, str]) -> tuple[Row | None, list[ImportProblem]]:
    problems: list[ImportProblem] = []

    def cell(column: Column, check: Callable[[str], str]) -> str:
        try:
            return check(values.get(column, ""))
        except InvalidInput as error:
            problems.extend(_problem(number, column, problem.code, problem.message) for problem in error.fields)
            return ""

    group = cell("group", check_group_name) if values.get("group", "").strip() else None
    row = Row(group, cell("title", check_title), cell("content", _content))
    return (None, problems) if problems else (row, [])


def _content(text: str) -> str:
    content = check_text(text.replace("\r\n", "\n").replace("\r", "\n").strip(), field="content", limit=MAX_TEXT)
    check_variables(content, field="content")
    return content


def _refuse(made: Plan, *problems: ImportProblem) -> None:
    made.refused += 1
    if len(made.problems) < MAX_ROW_ERRORS:
        made.problems.extend(problems)


def _problem(row: int, column: Column | None, code: str, message: str) -> ImportProblem:
    return ImportProblem.model_validate({"row": row, "column": column, "code": code, "message": message})
