"""Working hours (工作时间): of the enterprise and of groups, with holidays and make-up working days (调休)."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from qiatan.kit.calendar_file import FIRST_DAY, LAST_DAY
from qiatan.modules.routing.contracts.common import In, Name, Out, Version
from qiatan.modules.routing.contracts.conditions import Clock

MAX_INTERVALS = 6
MAX_EXCEPTIONS = 1_000
MAX_GROUPS = 200


class Outside(StrEnum):
    """What happens to conversations that begin outside the working hours."""

    MESSAGE = "message"
    QUEUE = "queue"


class Interval(In):
    """From `start` to before `until` on the same day; 24:00 is its end."""

    start: Clock
    until: Clock


Day = Annotated[list[Interval], Field(max_length=MAX_INTERVALS)]
Week = Annotated[list[Day], Field(min_length=7, max_length=7)]


class ExceptionalDay(In):
    """A day that is not like its weekday: closed (`open` false), or worked. A worked day without `intervals` has Monday's."""

    day: Annotated[dt.date, Field(ge=FIRST_DAY, le=LAST_DAY)]
    open: bool
    name: Name
    intervals: Day | None = None


class GroupHours(In):
    """A group's own week, which narrows the enterprise's: while that is closed, so is the group. Exceptional days are the enterprise's."""

    group_id: UUID
    week: Week


class HoursSettings(In):
    """`enabled` false: always open. `week` begins with Monday."""

    enabled: bool = False
    week: Week = [[], [], [], [], [], [], []]
    exceptions: Annotated[list[ExceptionalDay], Field(max_length=MAX_EXCEPTIONS)] = []
    groups: Annotated[list[GroupHours], Field(max_length=MAX_GROUPS)] = []
    outside: Outside = Outside.MESSAGE


class Hours(Out):
    """`open_now` and the next moment at which that changes (None: never), by the saved settings."""

    settings: HoursSettings
    version: int
    timezone: str
    open_now: bool
    changes_at: dt.datetime | None


class SaveHours(In):
    settings: HoursSettings
    version: Version


class CalendarFault(Out):
    """A line of a calendar file that could not be read: why, and what stood in the wrong place (codes: `kit/calendar_file.py`)."""

    line: int
    code: str
    message: str
    found: str


class Calendar(Out):
    """What a calendar file holds. Nothing is saved by reading it."""

    days: list[ExceptionalDay]
    faults: list[CalendarFault]
