"""When an agent is not called: rules of quiet hours."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qiatan.modules.accounts.contracts.preferences import QuietHours
from qiatan.modules.accounts.rules.preferences import is_quiet

FRIDAY = datetime(2026, 11, 20)  # noqa: DTZ001 -- a clock on the wall, in whatever zone the enterprise is
NIGHT = QuietHours(enabled=True, start="22:00", until="08:00", days=[5])
NOON = QuietHours(enabled=True, start="12:00", until="13:30", days=[5])

clocks = st.integers(0, 1_439)
hours = st.builds(
    lambda start, length, days: QuietHours(enabled=True, start=_clock(start), until=_clock(start + length), days=sorted(days)),
    clocks,
    st.integers(1, 1_439),
    st.sets(st.integers(1, 7), min_size=1),
)


def _clock(minute: int) -> str:
    return f"{minute // 60 % 24:02}:{minute % 60:02}"


@pytest.mark.parametrize(
    ("span", "after_friday", "quiet"),
    [
        (NOON, timedelta(hours=11, minutes=59), False),
        (NOON, timedelta(hours=12), True),
        (NOON, timedelta(hours=13, minutes=29, seconds=59), True),
        (NOON, timedelta(hours=13, minutes=30), False),
        (NOON, timedelta(days=1, hours=12), False),
        (NIGHT, timedelta(hours=7), False),  # the night from Thursday is none
        (NIGHT, timedelta(hours=22), True),
        (NIGHT, timedelta(days=1, hours=7, minutes=59), True),  # Saturday morning belongs to Friday
        (NIGHT, timedelta(days=1, hours=8), False),
        (NIGHT, timedelta(days=1, hours=22), False),
    ],
)
def test_a_span_holds_from_its_first_minute_to_before_its_last(span: QuietHours, after_friday: timedelta, *, quiet: bool) -> None:
    assert is_quiet(span, FRIDAY + after_friday) is quiet


@settings(max_examples=20, deadline=None)
@given(hours)
def test_a_week_has_as_many_quiet_minutes_as_its_spans(span: QuietHours) -> None:
    week = [FRIDAY + timedelta(minutes=minute) for minute in range(7 * 1_440)]
    begin, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in (span.start, span.until))

    assert sum(is_quiet(span, moment) for moment in week) == len(span.days) * ((end - begin) % 1_440)


@given(hours, st.integers(0, 7 * 1_440 - 1))
def test_switched_off_it_is_never_quiet(span: QuietHours, minute: int) -> None:
    assert not is_quiet(span.model_copy(update={"enabled": False}), FRIDAY + timedelta(minutes=minute))
