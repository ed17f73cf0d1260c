from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.kit.calendar_file import MAX_FAULTS, CalendarDay, CalendarFault, read_calendar
from qiatan.kit.errors import InvalidInput

STATE_COUNCIL_2026 = Path(__file__).parents[3] / "docs" / "examples" / "holidays-2026.csv"


def test_the_calendar_of_the_state_council_for_2026() -> None:
    days, faults = read_calendar(STATE_COUNCIL_2026.read_bytes())

    assert faults == []
    assert sum(not day.worked for day in days) == 3 + 9 + 3 + 5 + 3 + 3 + 7
    assert [day.day for day in days if day.worked] == [
        date(2026, 1, 4),
        date(2026, 2, 14),
        date(2026, 2, 28),
        date(2026, 5, 9),
        date(2026, 9, 20),
        date(2026, 10, 10),
    ]
    assert all(day.day.weekday() >= 5 for day in days if day.worked)
    assert [day for day in days if day.day == date(2026, 10, 1)] == [CalendarDay(date(2026, 10, 1), worked=False, name="国庆节")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
@pytest.mark.parametrize("header", ["", "date,kind,name\r\n", "日期,类型,名称\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_as_spreadsheets_write_it(encoding: str, header: str, end: str) -> None:
    content = header + end.join(["2026/10/1,off,国庆节", "", '2026-10-10, work ,"国庆节, 补班"', "2026.5.1,休,劳动节", ",,"])

    days, faults = read_calendar(content.encode(encoding))

    assert faults == []
    assert days == [
        CalendarDay(date(2026, 5, 1), worked=False, name="劳动节"),
        CalendarDay(date(2026, 10, 1), worked=False, name="国庆节"),
        CalendarDay(date(2026, 10, 10), worked=True, name="国庆节, 补班"),
    ]


def test_json_with_days() -> None:
    content = {
        "year": 2026,
        "days": [{"name": "国庆节", "date": "2026-10-01", "isOffDay": True}, {"name": "补班", "date": "2026-10-10", "isOffDay": False}],
    }

    days, faults = read_calendar(json.dumps(content).encode())

    assert faults == []
    assert [(day.day, day.worked, day.name) for day in days] == [(date(2026, 10, 1), False, "国庆节"), (date(2026, 10, 10), True, "补班")]


def test_each_line_that_cannot_be_read_is_named_and_the_others_are_kept() -> None:
    lines = [
        "date,kind,name",
        "2026-02-30,off,没有这天",
        "2026-10-01,off,国庆节",
        "2026-10-01,off,又一次",
        "2026-10-02,maybe,也许",
        "2026-10-03,off,",
        "2026-10-04,off",
        "01.02.2026,off,别的写法",
        "2026-10-05,off,国庆节",
    ]

    days, faults = read_calendar("\n".join(lines).encode())

    assert [day.day for day in days] == [date(2026, 10, 1), date(2026, 10, 5)]
    assert [fault.line for fault in faults] == [2, 4, 5, 6, 7, 8]
    assert [fault.code for fault in faults] == ["no_date", "twice", "no_kind", "bad_name", "not_three", "no_date"]
    assert faults[0] == CalendarFault(2, "no_date", "2026-02-30 is no date. Write it like 2026-10-01.", "2026-02-30")
    assert faults[2].message == "maybe is no kind of day. Write off or work."


@pytest.mark.parametrize(
    ("entry", "code", "message"),
    [
        (7, "not_three", 'A day has a "date", a "name" and "isOffDay".'),
        ({"date": "2026-10-01", "name": "国庆节"}, "no_off_day", 'Say with "isOffDay" true or false whether the day is off.'),
        ({"date": 20261001, "name": "国庆节", "isOffDay": True}, "no_date", "Nothing is no date. Write it like 2026-10-01."),
        ({"date": "2026-10-01", "name": ["国庆节"], "isOffDay": True}, "bad_name", "The name: Write something."),
        (
            {"date": "2026-10-01", "name": "\ud800", "isOffDay": True},
            "bad_name",
            "The name: Remove the characters that are not text (NUL, broken pairs).",
        ),
    ],
)
def test_a_day_of_json_that_cannot_be_read(entry: object, code: str, message: str) -> None:
    good = {"date": "2026-01-01", "name": "元旦", "isOffDay": True}

    days, faults = read_calendar(json.dumps({"days": [good, entry]}).encode())

    assert [day.day for day in days] == [date(2026, 1, 1)]
    assert faults == [CalendarFault(2, code, message)]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not_text"),
        (b"2026-01-01,off,\xff\xff\xff", "not_text"),
        (b"{", "invalid"),
        (b'{"days": 7}', "invalid"),
        (b"[1]", "invalid"),
        (b"[" * 100_000, "invalid"),
        ("\n".join(f"{2000 + n // 360}-{n // 30 % 12 + 1:02}-{n % 30 % 28 + 1:02},off,x" for n in range(1_200)).encode(), "too_many"),
    ],
)
def test_what_is_no_calendar_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_calendar(content)

    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("file", code)]


def test_a_file_full_of_faults_is_not_read_to_its_end() -> None:
    days, faults = read_calendar(b"nonsense\n" * 50_000)

    assert (days, len(faults)) == ([], MAX_FAULTS)


@given(content=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_whatever_is_sent_is_read_or_refused(content: bytes) -> None:
    try:
        days, faults = read_calendar(content)
    except InvalidInput:
        return
    assert len({day.day for day in days}) == len(days)
    assert len(faults) <= MAX_FAULTS
