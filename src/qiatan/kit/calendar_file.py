"""Reading a file of holidays and make-up working days: CSV, as spreadsheets write it, or JSON.

CSV: `date,kind,name`, `kind` is `off` (or 休) for a day that is not worked and `work` (or 班) for one that is; a header is optional, the text is
UTF-8 (with or without a mark at its start) or GBK. JSON: `{"days": [{"date": "2026-10-01", "name": "国庆节", "isOffDay": true}]}`.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from qiatan.kit.errors import InvalidInput
from qiatan.kit.text import clean_name

MAX_DAYS = 1_000
MAX_FAULTS = 100
MAX_NAME = 60
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
"""What can be meant; beyond lie slips of the hand."""
_DATE = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})", re.ASCII)
_KINDS = {"off": False, "休": False, "work": True, "班": True}
_HEADER = {"date", "日期"}


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day that is not like its weekday: worked, or not."""

    day: date
    worked: bool
    name: str


@dataclass(frozen=True, slots=True)
class CalendarFault:
    """What could not be read: of CSV the line, of JSON the number of the day, from 1.

    `code` is one of `not_csv`, `not_three`, `no_date`, `twice`, `no_kind`, `no_off_day`, `bad_name`; `found` what stood in the wrong place.
    """

    line: int
    code: str
    message: str
    found: str = ""


class _Unreadable(Exception):
    """One line or day cannot be meant."""

    def __init__(self, code: str, message: str, found: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.found = code, message, found


def read_calendar(content: bytes) -> tuple[list[CalendarDay], list[CalendarFault]]:
    """The days of a file in their order, and what in it could not be read (the first hundred).

    Raises:
        InvalidInput: it is no text, neither CSV nor JSON, or holds more than a thousand days.
    """
    text = _decoded(content)
    entries = _json_entries(text) if text.lstrip().startswith(("{", "[")) else _csv_entries(text)
    days: dict[date, CalendarDay] = {}
    faults: list[CalendarFault] = []
    for line, entry in entries:
        try:
            day = _read(entry, besides=days)
        except _Unreadable as problem:
            faults.append(CalendarFault(line, problem.code, problem.message, problem.found))
            if len(faults) >= MAX_FAULTS:
                break
            continue
        days[day.day] = day
        if len(days) > MAX_DAYS:
            raise InvalidInput.of("file", "too_many", f"A calendar holds at most {MAX_DAYS:,} days. Leave out years that are over.")
    return sorted(days.values(), key=lambda found: found.day), faults


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise InvalidInput.of("file", "not_text", "This is no text in UTF-8 or GBK. Save the calendar as CSV or JSON.")


@dataclass(frozen=True, slots=True)
class _Entry:
    day: str
    kind: bool | str | None
    name: str


def _csv_entries(text: str) -> Iterator[tuple[int, _Entry | _Unreadable]]:
    rows = csv.reader(io.StringIO(text, newline=""))
    first = True
    while True:
        try:
            row = next(rows, None)
        except csv.Error:
            yield rows.line_num, _Unreadable("not_csv", "This line is no CSV. Write date,kind,name.")
            continue
        if row is None:
            return
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        is_header, first = first and cells[0].lower() in _HEADER, False
        if is_header:
            continue
        if len(cells) < 3 or any(cells[3:]):
            yield rows.line_num, _Unreadable("not_three", "Write three things: date,kind,name.")
        else:
            kind = cells[1].lower()
            yield rows.line_num, _Entry(cells[0], _KINDS.get(kind, kind), cells[2])


def _json_entries(text: str) -> Iterator[tuple[int, _Entry | _Unreadable]]:
    try:
        whole: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput.of("file", "invalid", "This is no valid JSON. Save the calendar again, or as CSV.") from None
    days = whole.get("days") if isinstance(whole, dict) else None
    if not isinstance(days, list):
        raise InvalidInput.of("file", "invalid", 'Write the days as {"days": [{"date": …, "name": …, "isOffDay": …}]}.')
    for number, found in enumerate(days, start=1):
        if not isinstance(found, dict):
            yield number, _Unreadable("not_three", 'A day has a "date", a "name" and "isOffDay".')
            continue
        off, name, day = found.get("isOffDay"), found.get("name"), found.get("date")
        worked = not off if isinstance(off, bool) else None
        yield number, _Entry(day if isinstance(day, str) else "", worked, name if isinstance(name, str) else "")


def _read(entry: _Entry | _Unreadable, *, besides: Container[date]) -> CalendarDay:
    if isinstance(entry, _Unreadable):
        raise entry
    found = _DATE.fullmatch(entry.day)
    try:
        day = date(int(found[1]), int(found[3]), int(found[4])) if found else None
    except ValueError:
        day = None
    if day is None or not FIRST_DAY <= day <= LAST_DAY:
        raise _Unreadable("no_date", f"{entry.day[:40] or 'Nothing'} is no date. Write it like 2026-10-01.", entry.day[:40])
    if day in besides:
        raise _Unreadable("twice", f"{day} is there twice. Keep one of the two.", str(day))
    if entry.kind is None:
        raise _Unreadable("no_off_day", 'Say with "isOffDay" true or false whether the day is off.')
    if isinstance(entry.kind, str):
        raise _Unreadable("no_kind", f"{entry.kind[:40] or 'Nothing'} is no kind of day. Write off or work.", entry.kind[:40])
    try:
        name = clean_name(entry.name, field="name", limit=MAX_NAME)
    except InvalidInput as problem:
        raise _Unreadable("bad_name", f"The name: {problem.fields[0].message}") from None
    return CalendarDay(day, entry.kind, name)
