from __future__ import annotations

from datetime import UTC, date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from qiatan.modules.routing.rules.attendance import days_of


def hours(first: date, last: date, zone: str) -> list[float]:
    return [(day.ends - day.begins) / timedelta(hours=1) for day in days_of(first, last, ZoneInfo(zone))]


def test_the_days_on_which_clocks_change_are_longer_and_shorter() -> None:
    assert hours(date(2026, 3, 28), date(2026, 3, 30), "Europe/Berlin") == [24, 23, 24]
    assert hours(date(2026, 10, 24), date(2026, 10, 26), "Europe/Berlin") == [24, 25, 24]
    # clocks that change at midnight, and by half an hour
    assert hours(date(2018, 2, 16), date(2018, 2, 18), "America/Sao_Paulo") == [24, 25, 24]
    assert hours(date(2026, 4, 4), date(2026, 4, 6), "Australia/Lord_Howe") == [24, 24.5, 24]


def test_a_day_that_a_country_left_out_has_no_length() -> None:
    assert hours(date(2011, 12, 29), date(2011, 12, 31), "Pacific/Apia") == [24, 0, 24]


zones = st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo", "Africa/Cairo", "Pacific/Apia", "Australia/Lord_Howe"])


@given(first=st.dates(date(2005, 1, 1), date(2030, 1, 1)), count=st.integers(1, 31), name=zones, moment=st.floats(0, 1, exclude_max=True))
def test_each_moment_lies_in_the_day_its_zone_shows(first: date, count: int, name: str, moment: float) -> None:
    zone = ZoneInfo(name)
    days = list(days_of(first, first + timedelta(days=count - 1), zone))

    assert [day.name for day in days] == [first + timedelta(days=number) for number in range(count)]
    assert all(one.ends == other.begins for one, other in pairwise(days))
    assert all(day.begins.tzinfo is UTC and day.begins <= day.ends for day in days)
    for day in days:
        inside = day.begins + (day.ends - day.begins) * moment
        if day.begins <= inside < day.ends:
            assert inside.astimezone(zone).date() == day.name
