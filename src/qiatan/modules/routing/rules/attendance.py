"""The days by which the attendance report counts times online (考勤)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a zone, from midnight to midnight. Where clocks are changed it is longer or shorter; one that a country left out has no length."""

    name: date
    begins: datetime
    ends: datetime


def days_of(first: date, last: date, zone: tzinfo) -> Iterator[Day]:
    """The days from `first` to `last`, both included, one after the other without a gap."""
    begins = _midnight(first, zone)
    for number in range((last - first).days + 1):
        name = first + timedelta(days=number)
        ends = _midnight(name + timedelta(days=1), zone)
        yield Day(name, begins, ends)
        begins = ends


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
