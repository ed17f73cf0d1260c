"""When backups are made by themselves, and which of them are kept. Pure, but for the machine's own zone.

Beside the package `backup` and not in it: the settings need it, and must load nothing heavy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MOST_KEPT = 1_000
RETRY_PAUSES = tuple(timedelta(minutes=minutes) for minutes in (10, 30, 60, 120, 240))
"""After each failure of one turn; when there is none left, the next turn is waited for."""

_AT = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?:\s+(\S+))?")
_KEEP = re.compile(r"([0-9]{1,4})([dwm])")


@dataclass(frozen=True, slots=True)
class BackupTime:
    """A time of day. `zone` None: the machine's own."""

    hour: int
    minute: int
    zone: str | None = None

    @classmethod
    def parse(cls, text: str) -> BackupTime:
        """`03:30`, or `03:30 Asia/Shanghai`. Raises `ValueError`."""
        found = _AT.fullmatch(text)
        if found is None:
            raise ValueError("use a time of day like 03:30, or one with a zone like 03:30 Asia/Shanghai")
        if found[3] is not None:
            try:
                ZoneInfo(found[3])
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError(f"{found[3]} is not a zone: use one like Asia/Shanghai, or none for the machine's") from None
        return cls(int(found[1]), int(found[2]), found[3])

    def local(self, moment: datetime) -> datetime:
        """The moment on the clock of the zone."""
        return moment.astimezone(ZoneInfo(self.zone) if self.zone is not None else None)

    def last_turn(self, now: datetime) -> datetime:
        """The latest moment, at or before `now`, at which a backup was to begin; in UTC.

        An hour that is left out in spring counts as the one after it, one that comes twice in autumn as its first.
        """
        day = self.local(now).date()
        while True:
            turn = datetime(day.year, day.month, day.day, self.hour, self.minute)  # noqa: DTZ001 -- gets its zone in the next line
            moment = (turn.replace(tzinfo=ZoneInfo(self.zone)) if self.zone is not None else turn.astimezone()).astimezone(UTC)
            if moment <= now:
                return moment
            day -= timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Keep:
    """Of how many of the latest days, weeks (from Monday) and months with backups the last one each is kept."""

    days: int = 7
    weeks: int = 4
    months: int = 6

    @classmethod
    def parse(cls, text: str) -> Keep:
        """`7d,4w,6m`; what is not named is 0. Raises `ValueError`."""
        counts: dict[str, int] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            found = _KEEP.fullmatch(part)
            if found is None or found[2] in counts:
                raise ValueError("use days, weeks and months like 7d,4w,6m, each once")
            counts[found[2]] = int(found[1])
        if not any(counts.values()) or max(counts.values()) > MOST_KEPT:
            raise ValueError(f"keep at least one, like 7d,4w,6m, and at most {MOST_KEPT} of a kind")
        return cls(counts.get("d", 0), counts.get("w", 0), counts.get("m", 0))

    def kept(self, moments: Iterable[datetime], at: BackupTime) -> set[datetime]:
        """Which of the backups begun at these moments stay. The newest always does.

        A day, week or month without a backup takes nobody's place: after a month's pause the former ones are still there.
        """
        newest_first = sorted(set(moments), reverse=True)
        staying = set(newest_first[:1])
        for count, period in ((self.days, "%Y-%m-%d"), (self.weeks, "%G-%V"), (self.months, "%Y-%m")):
            seen: set[str] = set()
            for moment in newest_first:
                name = at.local(moment).strftime(period)
                if name not in seen and len(seen) < count:
                    seen.add(name)
                    staying.add(moment)
        return staying
