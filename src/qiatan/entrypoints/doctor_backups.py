"""How the doctor judges the backups: how old the last good one is, and how the last attempt ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from qiatan.infra.backup_schedule import BackupTime

if TYPE_CHECKING:
    import psycopg

Judged = tuple[Literal["ok", "warn"], str, str | None]
"""A level, what is the case, and what to do when it is not well. Nothing here keeps the server from running."""

LATE_AFTER = timedelta(hours=2)
"""A backup takes its time, and one that failed is tried again; before that a turn is not missed."""
OLD_BY_HAND = timedelta(days=7)
OLD_OF_OTHERS, OTHERS_PROVEN = timedelta(hours=26), timedelta(days=30)
"""Where another process has the schedule only its turns are known: it is daily, and they prove it for a month."""
_LONGEST_ERROR = 200

# As `infra/backup/records.py` reads them, without what loading that costs.
_NEWEST = """
    SELECT clock_timestamp(),
           (SELECT started_at FROM backups WHERE ok ORDER BY started_at DESC, id DESC LIMIT 1),
           (SELECT path FROM backups WHERE ok ORDER BY started_at DESC, id DESC LIMIT 1),
           (SELECT machine FROM backups WHERE ok ORDER BY started_at DESC, id DESC LIMIT 1),
           (SELECT started_at FROM backups WHERE ok IS NOT NULL ORDER BY started_at DESC, id DESC LIMIT 1),
           (SELECT error FROM backups WHERE ok IS NOT NULL ORDER BY started_at DESC, id DESC LIMIT 1),
           (SELECT max(due_at) FROM backups)
"""


@dataclass(frozen=True, slots=True)
class Last:
    """`good_at`: when the last one that ended well began. `tried_at`, `error`: the last attempt that has ended; no error: it went well.
    `turn`: the latest of a schedule, whoever has it."""

    now: datetime
    good_at: datetime | None = None
    place: str | None = None
    tried_at: datetime | None = None
    error: str | None = None
    turn: datetime | None = None


async def read_last(connection: psycopg.AsyncConnection[Any]) -> Last | None:
    """What the database knows of backups; None where it is older than the table."""
    there = await (await connection.execute("SELECT to_regclass('public.backups') IS NOT NULL")).fetchone()
    if there != (True,):
        return None
    row = await (await connection.execute(_NEWEST)).fetchone()
    if row is None:
        return None
    now, good_at, path, machine, tried_at, error, turn = row
    return Last(now, good_at, f"{path} on {machine}" if path else None, tried_at, error, turn)


def judge(last: Last, at: BackupTime | None) -> Judged:
    """`at`: the schedule of this process. One that was made by hand after its turn is as good as its own."""
    failed = f"the last attempt failed {age_of(last.now, last.tried_at)} ago" if last.error and last.tried_at else None
    if last.good_at is None:
        if failed is not None:
            return "warn", f"{failed} ({_short(last.error)}), and there is no good one", _MEND
        if at is not None:
            return "warn", "there is none yet", "wait for the time of BACKUP_AT, or run qiatan backup now"
        return "warn", "there is none", "set BACKUP_AT for one each day, or run qiatan backup"
    made = f"the last good one is {age_of(last.now, last.good_at)} old ({last.place})"
    if failed is not None:
        return "warn", f"{failed} ({_short(last.error)}); {made}", _MEND
    if at is not None and last.good_at < at.last_turn(last.now - LATE_AFTER):
        remedy = (
            "see that jobs run (WORKER=on, or qiatan work) with BACKUP_AT set, and look for backup in its log; qiatan backup makes one now"
        )
        return "warn", f"{made}, older than its schedule ({_said(at)}) allows", remedy
    if at is None and last.turn is not None and last.now - last.turn < OTHERS_PROVEN and last.now - last.good_at > OLD_OF_OTHERS:
        remedy = "see that jobs run with BACKUP_AT set where they did, and look for backup in that log; qiatan backup makes one now"
        return "warn", f"{made}, and the schedule had its last turn {age_of(last.now, last.turn)} ago", remedy
    if at is None and last.now - last.good_at > OLD_BY_HAND:
        return "warn", f"{made}, and no schedule makes new ones", "set BACKUP_AT for one each day, or run qiatan backup"
    return "ok", made, None


_MEND = "mend what it says (room, rights, BACKUP_DIR), then run qiatan backup to see that it goes well"


def age_of(now: datetime, then: datetime | None) -> str:
    """In the unit that says enough: `40 min`, `5 h`, `12 days`."""
    minutes = max(0, round((now - then).total_seconds() / 60)) if then is not None else 0
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def _said(at: BackupTime) -> str:
    return f"BACKUP_AT {at.hour:02}:{at.minute:02}{f' {at.zone}' if at.zone else ''}"


def _short(error: str | None) -> str:
    return (error or "").splitlines()[0][:_LONGEST_ERROR] if error else ""
