"""When a finding is good, worth attention, or bad: pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from qiatan.entrypoints.system.contracts import Level

MIB = 1024 * 1024
DISK_BAD, DISK_WARN = 256 * MIB, 2048 * MIB
DATABASE_BAD_MS, DATABASE_WARN_MS = 1_000.0, 100.0
CONNECTIONS_BAD, CONNECTIONS_WARN = 0.95, 0.8
REPLICA_BAD, REPLICA_WARN = 300.0, 30.0
OVERDUE_BAD, OVERDUE_WARN = 60.0, 5.0
WAITING_BAD, WAITING_WARN = 1_000, 100
LAG_BAD, LAG_WARN = 2.0, 0.25
BACKUP_BAD, BACKUP_WARN = timedelta(hours=50), timedelta(hours=26)
"""A daily backup may begin late or take its time."""
SCHEDULE_PROVEN = timedelta(days=30)
"""For so long a turn of the schedule proves that there is one; later it was switched off, and backups are judged as those made by hand."""

_ORDER: tuple[Level, ...] = ("good", "warn", "bad")

Judged = tuple[Level, str]
"""A level and why, in one word that the pages know."""


def worst(levels: Iterable[Level]) -> Level:
    return max(levels, key=_ORDER.index, default="good")


def _over(value: float, warn: float, bad: float) -> Level:
    return "bad" if value > bad else "warn" if value > warn else "good"


def judge_nodes(*, living: int, dead: int, versions: int) -> Judged:
    if living == 0:
        return "warn", "silent"  # somebody answers this, so it is the signs of life that are missing
    if dead:
        return "warn", "gone"
    return ("warn", "mixed") if versions > 1 else ("good", "fine")


def judge_database(*, milliseconds: float, connections: int, most: int, replica_lag: float | None) -> Judged:
    share = connections / most if most else 0.0
    found: tuple[tuple[Level, str], ...] = (
        (_over(share, CONNECTIONS_WARN, CONNECTIONS_BAD), "full"),
        (_over(milliseconds, DATABASE_WARN_MS, DATABASE_BAD_MS), "slow"),
        (_over(replica_lag or 0.0, REPLICA_WARN, REPLICA_BAD), "replica"),
    )
    level = worst(one for one, _ in found)
    return ("good", "fine") if level == "good" else next((one, why) for one, why in found if one == level)


def judge_disk(free: int | None) -> Judged:
    if free is None:
        return "warn", "unknown"
    return ("bad", "full") if free < DISK_BAD else ("warn", "low") if free < DISK_WARN else ("good", "fine")


def judge_mail(*, configured: bool, sent_at: datetime | None, failed_at: datetime | None) -> Judged:
    if not configured:
        return "good", "none"
    failing = failed_at is not None and (sent_at is None or failed_at > sent_at)
    return ("warn", "failing") if failing else ("good", "fine")


def has_schedule(*, now: datetime, own: bool, turns: Iterable[datetime]) -> bool:
    """Whether backups are made by a schedule: this process has it (`own`), or another one, whose turns are known."""
    return own or any(turn > now - SCHEDULE_PROVEN for turn in turns)


def judge_backups(*, now: datetime, scheduled: bool, good_at: datetime | None, failed: bool) -> Judged:
    """`failed`: the newest attempt did."""
    if good_at is None:
        return ("bad", "failed") if failed else ("warn", "never")
    age = now - good_at
    if scheduled and age > BACKUP_BAD:
        return "bad", "old"
    if failed:
        return "warn", "failed"
    if scheduled:
        return ("warn", "old") if age > BACKUP_WARN else ("good", "fine")
    return ("warn", "by_hand") if age > timedelta(days=7) else ("good", "fine")


def judge_bus(*, used: bool, connected: int, nodes: int) -> Judged:
    if not used:
        return "good", "none"
    return ("good", "fine") if connected >= nodes else ("bad", "away")


def judge_timers(overdue: float) -> Judged:
    level = _over(overdue, OVERDUE_WARN, OVERDUE_BAD)
    return level, "fine" if level == "good" else "late"


def judge_jobs(*, waiting: int, failed: int) -> Judged:
    level = _over(waiting, WAITING_WARN, WAITING_BAD)
    if level != "good":
        return level, "waiting"
    return ("warn", "failed") if failed else ("good", "fine")


def judge_node(*, alive: bool, lag: float | None) -> Level:
    if not alive:
        return "bad"
    return _over(lag or 0.0, LAG_WARN, LAG_BAD)
