from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.kit.business_hours import BusinessHours, Day, Span, minutes

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE = (Span(9 * 60, 12 * 60), Span(13 * 60 + 30, 18 * 60))
WORKWEEK = (OFFICE, OFFICE, OFFICE, OFFICE, OFFICE, (), ())
ZONES = [
    "Asia/Shanghai",
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",  # put its clock forward at midnight, until 2018
    "Africa/Cairo",  # so does this one still
    "Australia/Lord_Howe",  # by half an hour
    "Pacific/Apia",  # left out 30 December 2011
    "Asia/Kathmandu",  # 45 minutes past the hour
]


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def hours(exceptions: dict[date, tuple[Span, ...]] | None = None, zone: ZoneInfo = SHANGHAI) -> BusinessHours:
    return BusinessHours(WORKWEEK, exceptions or {}, zone)


@pytest.mark.parametrize(
    ("moment", "is_open", "changes"),
    [
        ("2026-03-02T08:59:59", False, "2026-03-02T09:00:00"),
        ("2026-03-02T09:00:00", True, "2026-03-02T12:00:00"),
        ("2026-03-02T11:59:59", True, "2026-03-02T12:00:00"),
        ("2026-03-02T12:00:00", False, "2026-03-02T13:30:00"),
        ("2026-03-02T18:00:00", False, "2026-03-03T09:00:00"),
        ("2026-03-06T18:00:00", False, "2026-03-09T09:00:00"),  # Friday evening
        ("2026-03-07T10:00:00", False, "2026-03-09T09:00:00"),
    ],
)
def test_a_week_of_an_office(moment: str, is_open: bool, changes: str) -> None:
    calendar = hours()

    assert calendar.is_open(at(moment)) is is_open
    assert calendar.next_change(at(moment)) == at(changes)


def test_a_holiday_is_closed_and_a_make_up_day_is_worked() -> None:
    calendar = hours({date(2026, 10, 1): (), date(2026, 10, 10): OFFICE})

    assert not calendar.is_open(at("2026-10-01T10:00:00"))  # a Thursday
    assert calendar.is_open(at("2026-10-10T10:00:00"))  # a Saturday
    assert calendar.next_change(at("2026-09-30T18:00:00")) == at("2026-10-02T09:00:00")
    assert calendar.next_change(at("2026-10-09T18:00:00")) == at("2026-10-10T09:00:00")


def test_a_night_shift_has_no_edge_at_midnight() -> None:
    night = (Span(0, 6 * 60), Span(22 * 60, 24 * 60))
    calendar = BusinessHours([night] * 7, {}, SHANGHAI)

    assert calendar.is_open(at("2026-03-02T23:59:59"))
    assert calendar.is_open(at("2026-03-03T00:00:00"))
    assert calendar.next_change(at("2026-03-02T22:00:00")) == at("2026-03-03T06:00:00")


@pytest.mark.parametrize("day", [(), (Span(0, 24 * 60),)])
def test_what_never_changes_says_so(day: tuple[Span, ...]) -> None:
    calendar = BusinessHours([day] * 7, {}, SHANGHAI)

    assert calendar.is_open(at("2026-03-02T12:00:00")) is bool(day)
    assert calendar.next_change(at("2026-03-02T12:00:00")) is None


def test_the_only_change_may_be_years_ahead() -> None:
    calendar = BusinessHours([()] * 7, {date(2028, 5, 4): OFFICE}, SHANGHAI)

    assert calendar.next_change(at("2026-03-02T12:00:00")) == at("2028-05-04T09:00:00")
    assert calendar.next_change(at("2028-05-04T18:00:00")) is None


def test_the_hour_that_is_left_out_is_not_worked_and_the_one_that_comes_twice_is_worked_twice() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    calendar = BusinessHours([(Span(2 * 60, 3 * 60),)] * 7, {}, berlin)

    # 29 March 2026: 02:00–03:00 does not exist.
    assert calendar.next_change(at("2026-03-28T03:00:00", berlin)) == at("2026-03-30T02:00:00", berlin).astimezone(UTC)
    # 25 October 2026: 02:00–03:00 comes twice, and nothing closes between the two.
    opens = calendar.next_change(at("2026-10-25T01:00:00", berlin))
    assert opens == datetime(2026, 10, 25, 0, tzinfo=UTC)
    assert calendar.next_change(opens) == datetime(2026, 10, 25, 2, tzinfo=UTC)


@pytest.mark.parametrize(("start", "until"), [(60, 60), (61, 60), (-1, 60), (0, 1_441)])
def test_a_span_that_goes_nowhere_is_refused(start: int, until: int) -> None:
    with pytest.raises(ValueError, match="forward within a day"):
        Span(start, until)


def test_clock_times_in_words() -> None:
    assert [minutes(text) for text in ("00:00", "08:30", "24:00")] == [0, 510, 1_440]


spans = st.tuples(st.integers(0, 1_439), st.integers(1, 1_440)).filter(lambda pair: pair[0] < pair[1]).map(lambda pair: Span(*pair))
days = st.lists(spans, max_size=3).map(tuple)
calendars = st.tuples(
    st.lists(days, min_size=7, max_size=7),
    st.dictionaries(st.integers(-3, 4), days, max_size=3),
    st.sampled_from(ZONES),
)
around = st.sampled_from(
    [
        datetime(2011, 12, 30, tzinfo=UTC),
        datetime(2017, 10, 15, tzinfo=UTC),
        datetime(2026, 3, 29, tzinfo=UTC),
        datetime(2026, 4, 4, tzinfo=UTC),
        datetime(2026, 4, 24, tzinfo=UTC),
        datetime(2026, 7, 1, tzinfo=UTC),
        datetime(2026, 10, 25, tzinfo=UTC),
        datetime(2026, 11, 1, tzinfo=UTC),
    ]
)


@given(calendar=calendars, begin=around, shift=st.integers(-1_500, 1_500))
def test_the_next_change_is_the_first_minute_that_differs(
    calendar: tuple[list[tuple[Span, ...]], dict[int, tuple[Span, ...]], str], begin: datetime, shift: int
) -> None:
    week, exceptional, zone = calendar
    known = BusinessHours(week, {(begin + timedelta(days=offset)).date(): day for offset, day in exceptional.items()}, ZoneInfo(zone))
    moment = begin + timedelta(minutes=shift, seconds=17)

    change = known.next_change(moment)

    now = known.is_open(moment)
    minute = moment.replace(second=0)
    differing = next((t for n in range(1, 1_500) if known.is_open(t := minute + timedelta(minutes=n)) != now), None)
    if differing is not None:
        assert change == differing
    else:
        assert change is None or change >= minute + timedelta(minutes=1_500)


@given(
    week=st.one_of(st.lists(days, min_size=7, max_size=7), st.sampled_from([[()] * 7, [(Span(0, 1_440),)] * 7])),
    exceptional=st.dictionaries(st.integers(0, 400), st.one_of(days, st.just((Span(0, 1_440),))), max_size=8),
)
def test_the_next_change_is_found_however_far_it_is(week: list[tuple[Span, ...]], exceptional: dict[int, tuple[Span, ...]]) -> None:
    begin = at("2026-01-01T10:00:00")
    known = BusinessHours(week, {(begin + timedelta(days=offset)).date(): day for offset, day in exceptional.items()}, SHANGHAI)

    change = known.next_change(begin)

    now = known.is_open(begin)
    edges = {0, *(edge for day in (*week, *exceptional.values()) for span in day for edge in (span.start, span.until))} - {1_440}
    midnight = begin.replace(hour=0)
    moments = (midnight + timedelta(days=day, minutes=edge) for day in range(420) for edge in sorted(edges))
    assert change == next((moment for moment in moments if moment > begin and known.is_open(moment) != now), None)


@pytest.mark.parametrize("week", [[()] * 7, [(Span(0, 720), Span(720, 1_440))] * 7])
def test_holidays_that_are_like_their_week_are_passed_over(week: list[tuple[Span, ...]]) -> None:
    looked_into = []

    class Counted(BusinessHours):
        def is_open(self, at: datetime) -> bool:
            looked_into.append(at)
            return super().is_open(at)

    holidays = {date(2026, 1, 2) + timedelta(days=3 * number): week[0] for number in range(1_000)}

    assert Counted(week, holidays, SHANGHAI).next_change(at("2026-01-01T10:00:00")) is None
    assert len(looked_into) == 1


def test_a_calendar_of_centuries_is_not_walked_through_day_by_day() -> None:
    looked_at = []

    class Counted(BusinessHours):
        def of(self, day: date) -> Day:
            looked_at.append(day)
            return super().of(day)

    far = date(2199, 12, 31)

    assert Counted([(Span(0, 1_440),)] * 7, {far: ()}, SHANGHAI).next_change(at("2026-01-01T10:00:00")) == at("2199-12-31T00:00:00")
    assert len(looked_at) < 100
