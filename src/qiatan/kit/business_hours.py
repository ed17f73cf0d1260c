"""Working hours as a pure calendar: is it open at a moment, and when does that change next.

Times of a day are minutes from its midnight on the wall clock; a span goes from `start` to before `until` and may end with the day
(1440). What goes on over midnight is two spans. Where clocks are put forward, hours that do not exist are not worked; where they are put
back, the hour that comes twice is worked twice, as people who look at the clock on the wall would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

MINUTES_OF_A_DAY = 1_440
_DAY = timedelta(days=1)
_SURE = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a day, in minutes from midnight."""

    start: int
    until: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.until <= MINUTES_OF_A_DAY:
            raise ValueError(f"a span goes forward within a day, unlike {self.start}–{self.until}")


Day = Sequence[Span]
_WHOLE: Day = (Span(0, MINUTES_OF_A_DAY),)


def minutes(clock: str) -> int:
    """`08:30` as 510; `24:00` is the end of the day."""
    hours, _, rest = clock.partition(":")
    return int(hours) * 60 + int(rest)


def _joined(day: Day) -> Day:
    """The spans of a day in their order, those that touch or overlap as one."""
    joined: list[Span] = []
    for span in sorted(day, key=lambda one: one.start):
        if joined and span.start <= joined[-1].until:
            joined[-1] = Span(joined[-1].start, max(joined[-1].until, span.until))
        else:
            joined.append(span)
    return tuple(joined)


class BusinessHours:
    """A week (Monday first), the days that are not like their weekday, and the zone whose clock counts."""

    def __init__(self, week: Sequence[Day], exceptions: Mapping[date, Day], zone: tzinfo) -> None:
        if len(week) != 7:
            raise ValueError("a week has seven days")
        self._week = tuple(_joined(day) for day in week)
        self._exceptions = {day: _joined(spans) for day, spans in exceptions.items()}
        self._coming = sorted(self._exceptions)
        alike = all(not day for day in self._week) or all(day == _WHOLE for day in self._week)
        # Where all days are alike, an exceptional one changes nothing later than at its end.
        self._sure = _DAY if alike else _SURE
        self._zone = zone

    def of(self, day: date) -> Day:
        """The spans of a day."""
        return self._exceptions.get(day, self._week[day.weekday()])

    def is_open(self, at: datetime) -> bool:
        """Whether it is working time at a moment (with a zone)."""
        local = at.astimezone(self._zone)
        minute = local.hour * 60 + local.minute
        return any(span.start <= minute < span.until for span in self.of(local.date()))

    def next_change(self, at: datetime) -> datetime | None:
        """The first moment after `at` at which `is_open` is another, in UTC; None: never again."""
        now, at = self.is_open(at), at.astimezone(UTC)
        unchanged: Day = _WHOLE if now else ()
        for day in self._days(at):
            # Of years of holidays most days are passed over here; a day that is not has a change, so that hardly two are looked into.
            if self.of(day) == unchanged:
                continue
            for moment in sorted(set(self._moments(day))):
                if moment > at and self.is_open(moment) != now and moment.astimezone(self._zone).date() == day:
                    return moment
        return None

    def _days(self, at: datetime) -> Iterator[date]:
        """The days on which the state could change: what does not change in two weeks that are alike never does, so that only days
        shortly after today and after exceptional ones have to be looked at."""
        today = at.astimezone(self._zone).date()
        seen = today - _DAY
        for first in (today, *(day for day in self._coming if day > today)):
            day = max(first, seen + _DAY)
            while day <= first + self._sure:
                yield day
                seen = day
                day += _DAY

    def _moments(self, day: date) -> Iterator[datetime]:
        """When the state could change on a day: edges of spans on the wall clock, midnight, and jumps of that clock.

        A few may lie beyond the day: an hour that does not exist, or a jump next to midnight.
        """
        edges = {0, *(edge for span in self.of(day) for edge in (span.start, span.until))} - {MINUTES_OF_A_DAY}
        for edge in edges:
            wall = datetime.combine(day, time(edge // 60, edge % 60))
            for fold in (0, 1):
                yield wall.replace(tzinfo=self._zone, fold=fold).astimezone(UTC)
        midnight = datetime.combine(day, time(), tzinfo=self._zone).astimezone(UTC)
        yield from self._jumps(midnight - timedelta(hours=3), midnight + timedelta(hours=27))

    def _jumps(self, low: datetime, high: datetime) -> Iterator[datetime]:
        """When the zone's clock is put forward or back, if it is once between two moments in UTC."""
        before = low.astimezone(self._zone).utcoffset()
        if high.astimezone(self._zone).utcoffset() == before:
            return
        while high - low > timedelta(seconds=1):
            middle = low + (high - low) // 2
            if middle.astimezone(self._zone).utcoffset() == before:
                low = middle
            else:
                high = middle
        # Clocks are changed at whole seconds; the search ends at most one behind.
        yield high.replace(microsecond=0)
