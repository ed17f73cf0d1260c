"""What is wrong with the settings of delayed transfer and of working hours."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final
from uuid import UUID

from qiatan.modules.routing.contracts.hours import HoursSettings, Interval
from qiatan.modules.routing.contracts.settings import Problem, TransferSettings
from qiatan.modules.routing.rules.conditions import minutes

AFTER: Final = 10
BEFORE: Final = 180
"""Whole seconds between which, both excluded, delayed transfers may happen (F04)."""


def transfer_problems(settings: TransferSettings, *, groups: Collection[UUID], empty_groups: Collection[UUID] = ()) -> list[Problem]:
    """`groups`: those that exist; `empty_groups`: those of them in which nobody may serve."""
    found: list[Problem] = []
    former = AFTER
    for number, step in enumerate(settings.steps):
        field = f"steps.{number}.seconds"
        if step.seconds <= AFTER:
            found.append(_blocking(field, "too_early", f"Must be more than {AFTER} seconds."))
        elif step.seconds >= BEFORE:
            found.append(_blocking(field, "too_late", f"Must be less than {BEFORE} seconds."))
        elif step.seconds <= former:
            found.append(_blocking(field, "not_later", f"Must be later than the step before, which is at {former} seconds."))
        former = max(former, step.seconds)
        if step.group_id is None:
            continue
        if step.group_id not in groups:
            message = "This group does not exist any more. Choose another one, or automatic assignment."
            found.append(Problem(field=f"steps.{number}.group_id", code="unknown_group", message=message, blocking=False))
        elif step.group_id in empty_groups:
            message = "Nobody in this group serves customers, so that this step finds nobody. Add members, or choose another group."
            found.append(Problem(field=f"steps.{number}.group_id", code="empty_group", message=message, blocking=False))
    return found


def hours_problems(settings: HoursSettings, *, groups: Collection[UUID]) -> list[Problem]:
    """Spans that end before they begin or overlap, days named twice, groups that are gone."""
    found: list[Problem] = []
    for number, day in enumerate(settings.week):
        found += _day_problems(f"week.{number}", day)
    days = set()
    for number, one in enumerate(settings.exceptions):
        found += _day_problems(f"exceptions.{number}.intervals", one.intervals or [])
        if one.day in days:
            found.append(_blocking(f"exceptions.{number}.day", "duplicate_day", f"{one.day} is named twice. Keep one of both."))
        days.add(one.day)
    seen: set[UUID] = set()
    for number, group in enumerate(settings.groups):
        for weekday, day in enumerate(group.week):
            found += _day_problems(f"groups.{number}.week.{weekday}", day)
        field = f"groups.{number}.group_id"
        if group.group_id in seen:
            found.append(_blocking(field, "duplicate_group", "This group has hours twice. Keep one of both."))
        elif group.group_id not in groups:
            message = "This group does not exist any more. Take its hours out."
            found.append(Problem(field=field, code="unknown_group", message=message, blocking=False))
        seen.add(group.group_id)
    if settings.enabled and not any(settings.week) and not any(one.open for one in settings.exceptions):
        message = "No day has working hours, so that it is never open. Add hours, or switch them off."
        found.append(Problem(field="week", code="never_open", message=message, blocking=False))
    return found


def _day_problems(field: str, day: Sequence[Interval]) -> Iterator[Problem]:
    until = 0
    for number, interval in enumerate(day):
        if minutes(interval.start) >= minutes(interval.until):
            yield _blocking(
                f"{field}.{number}.until", "ends_before_start", "Must be later than the beginning. For a whole day use 00:00 to 24:00."
            )
        elif minutes(interval.start) < until:
            yield _blocking(f"{field}.{number}.start", "overlaps", "Overlaps the span before, or comes before it. Bring them into order.")
        until = max(until, minutes(interval.until))


def _blocking(field: str, code: str, message: str) -> Problem:
    return Problem(field=field, code=code, message=message, blocking=True)
