"""Working hours: whether it is open now, for the enterprise and for groups with a week of their own."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from qiatan.infra.db import Tx
from qiatan.kit.business_hours import BusinessHours, Day, Span, minutes
from qiatan.modules.accounts import service as accounts
from qiatan.modules.routing.contracts.hours import HoursSettings, Interval, Outside
from qiatan.modules.routing.service.settings import is_unsaved, loaded_hours

KEPT = 500


@dataclass(frozen=True, slots=True)
class Opening:
    """How working time stands. `changes_at`: when the enterprise or one of the groups opens or closes next; None: never.

    `own_changes_at` speaks of the enterprise alone. `closed_groups`: groups with a week of their own that are closed by it. When the
    enterprise is closed, so are all its groups.
    """

    open_now: bool
    closed_groups: frozenset[UUID]
    outside: Outside
    changes_at: datetime | None
    own_changes_at: datetime | None = None

    def group_open(self, group_id: UUID) -> bool:
        return self.open_now and group_id not in self.closed_groups


@dataclass(frozen=True, slots=True)
class _Kept:
    version: int
    zone: str
    since: datetime
    opening: Opening


_memory: OrderedDict[UUID, _Kept] = OrderedDict()


async def opening(tx: Tx) -> Opening:
    """Working time at `tx.now`, by the saved settings and the enterprise's zone.

    It is asked with every decision, so what was worked out is kept until the moment at which it changes.
    """
    hours = await loaded_hours(tx)
    if not hours.value.enabled:
        return Opening(open_now=True, closed_groups=frozenset(), outside=hours.value.outside, changes_at=None)
    zone = (await accounts.get_enterprise(tx)).timezone
    kept = _memory.get(tx.enterprise_id)
    if kept is not None and not is_unsaved(tx) and (kept.version, kept.zone) == (hours.version, zone) and _holds(kept, tx.now):
        return kept.opening
    # Of hundreds of groups with a thousand holidays each: not on the loop that everybody's messages pass.
    worked_out = await asyncio.to_thread(opening_at, hours.value, zone, tx.now)
    if is_unsaved(tx):
        return worked_out
    _memory[tx.enterprise_id] = _Kept(hours.version, zone, tx.now, worked_out)
    _memory.move_to_end(tx.enterprise_id)
    if len(_memory) > KEPT:
        _memory.popitem(last=False)
    return worked_out


def _holds(kept: _Kept, now: datetime) -> bool:
    return kept.since <= now and (kept.opening.changes_at is None or now < kept.opening.changes_at)


def opening_at(settings: HoursSettings, zone: str, at: datetime) -> Opening:
    """Working time at a moment, by these settings in this zone."""
    if not settings.enabled:
        return Opening(open_now=True, closed_groups=frozenset(), outside=settings.outside, changes_at=None)
    own, *of_groups = _calendars(settings, ZoneInfo(zone))
    groups = dict(zip((group.group_id for group in settings.groups), of_groups, strict=True))
    own_change = own.next_change(at)
    changes = [own_change, *(hours.next_change(at) for hours in groups.values())]
    return Opening(
        open_now=own.is_open(at),
        closed_groups=frozenset(group_id for group_id, hours in groups.items() if not hours.is_open(at)),
        outside=settings.outside,
        changes_at=min((change for change in changes if change is not None), default=None),
        own_changes_at=own_change,
    )


def _calendars(settings: HoursSettings, zone: ZoneInfo) -> Iterator[BusinessHours]:
    """The enterprise's week, then those of the groups, with the enterprise's exceptional days: closed, worked with hours of their own, or
    worked like the week's own Monday."""
    days: dict[date, Day] = {}
    like_monday: list[date] = []
    for exception in settings.exceptions:
        if exception.open and exception.intervals is None:
            like_monday.append(exception.day)
        else:
            days[exception.day] = _spans(exception.intervals or []) if exception.open else ()
    for week in (settings.week, *(group.week for group in settings.groups)):
        spans = [_spans(day) for day in week]
        yield BusinessHours(spans, days | dict.fromkeys(like_monday, spans[0]), zone)


def _spans(intervals: list[Interval]) -> Day:
    return tuple(Span(minutes(interval.start), minutes(interval.until)) for interval in intervals)
