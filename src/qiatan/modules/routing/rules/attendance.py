"""Times online by day, as the attendance report counts them (考勤)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from uuid import UUID

from qiatan.modules.routing.contracts.presence import PresenceStatus


@dataclass(frozen=True, slots=True)
class Stay:
    """A time in which an agent was there in one status. `running`: they still are, and `until` is now."""

    agent_id: UUID
    status: PresenceStatus
    start: datetime
    until: datetime
    running: bool = False


@dataclass(slots=True)
class DayTotals:
    """One agent's day. `last` is None while they are still there."""

    first: datetime
    last: datetime | None
    spent: dict[PresenceStatus, timedelta] = field(default_factory=dict)

    def seconds(self, status: PresenceStatus) -> int:
        return int(self.spent.get(status, timedelta()).total_seconds())


def pieces(start: datetime, until: datetime, zone: tzinfo) -> Iterator[tuple[date, datetime, datetime]]:
    """A time cut at the midnights of a zone: (day, start, end), in UTC. Days on which the clock is changed are longer or shorter."""
    start, until = start.astimezone(UTC), until.astimezone(UTC)
    while start < until:
        day = start.astimezone(zone).date()
        midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone).astimezone(UTC)
        end = min(midnight, until)
        yield day, start, end
        start = end


def by_day(stays: Iterable[Stay], zone: tzinfo, *, first: date, last: date) -> dict[tuple[date, UUID], DayTotals]:
    """The days from `first` to `last` on which somebody was there, by (day, agent)."""
    found: dict[tuple[date, UUID], DayTotals] = {}
    for stay in stays:
        for day, start, end in pieces(stay.start, stay.until, zone):
            if not first <= day <= last:
                continue
            ends = None if stay.running and end == stay.until.astimezone(UTC) else end
            totals = found.get((day, stay.agent_id))
            if totals is None:
                totals = found[day, stay.agent_id] = DayTotals(start, ends)
            else:
                totals.first = min(totals.first, start)
                totals.last = None if totals.last is None or ends is None else max(totals.last, ends)
            totals.spent[stay.status] = totals.spent.get(stay.status, timedelta()) + (end - start)
    return found
