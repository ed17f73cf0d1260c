"""How the doctor judges backups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.entrypoints.doctor_backups import LATE_AFTER, Last, age_of, judge
from qiatan.infra.backup_schedule import BackupTime

AT = BackupTime(3, 30, "UTC")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLACE = "/mnt/safe/a.tar on shop-1"


def test_none_is_told_with_how_to_make_one() -> None:
    assert judge(Last(NOON), None) == ("warn", "there is none", "set BACKUP_AT for one each day, or run qiatan backup")
    assert judge(Last(NOON), AT) == ("warn", "there is none yet", "wait for the time of BACKUP_AT, or run qiatan backup now")


def test_a_good_one_of_the_last_turn_is_well() -> None:
    last = Last(NOON, NOON.replace(hour=3, minute=31), PLACE, NOON.replace(hour=3, minute=31))
    assert judge(last, AT) == ("ok", "the last good one is 8 h old (/mnt/safe/a.tar on shop-1)", None)


def test_one_older_than_the_schedule_allows_is_found() -> None:
    made = NOON - timedelta(days=1)
    level, told, remedy = judge(Last(NOON, made, PLACE, made), AT)
    assert (level, told) == (
        "warn",
        "the last good one is 24 h old (/mnt/safe/a.tar on shop-1), older than its schedule (BACKUP_AT 03:30 UTC) allows",
    )
    assert remedy is not None
    assert "qiatan work" in remedy


def test_a_turn_is_not_missed_before_it_had_its_time() -> None:
    made = NOON.replace(day=22, hour=3, minute=31)
    turn = NOON.replace(hour=3, minute=30)
    assert judge(Last(turn + LATE_AFTER - timedelta(minutes=1), made, PLACE, made), AT)[0] == "ok"
    assert judge(Last(turn + LATE_AFTER, made, PLACE, made), AT)[0] == "warn"


def test_a_failure_is_told_beside_the_last_good_one() -> None:
    made = NOON.replace(day=20, hour=3, minute=31)
    last = Last(NOON, made, PLACE, NOON - timedelta(minutes=40), "the disk is full\nand more")
    assert judge(last, AT)[:2] == (
        "warn",
        "the last attempt failed 40 min ago (the disk is full); the last good one is 3 days old (/mnt/safe/a.tar on shop-1)",
    )
    assert judge(Last(NOON, tried_at=NOON, error="no room"), None)[:2] == (
        "warn",
        "the last attempt failed 0 min ago (no room), and there is no good one",
    )


def test_without_a_schedule_a_week_is_old() -> None:
    for days, level in ((7, "ok"), (8, "warn")):
        made = NOON - timedelta(days=days)
        assert judge(Last(NOON, made, PLACE, made), None)[0] == level


def test_a_schedule_of_another_process_that_has_stopped_is_found() -> None:
    made = NOON - timedelta(days=3)
    level, told, remedy = judge(Last(NOON, made, PLACE, made, turn=made), None)
    assert (level, told) == (
        "warn",
        "the last good one is 3 days old (/mnt/safe/a.tar on shop-1), and the schedule had its last turn 3 days ago",
    )
    assert remedy is not None
    assert "BACKUP_AT" in remedy


def test_a_schedule_that_another_process_keeps_is_well_and_one_that_was_switched_off_is_forgotten() -> None:
    made = NOON - timedelta(hours=20)
    assert judge(Last(NOON, made, PLACE, made, turn=made), None)[0] == "ok"
    by_hand = NOON - timedelta(days=3)
    assert judge(Last(NOON, by_hand, PLACE, by_hand, turn=NOON - timedelta(days=30)), None)[0] == "ok"


@given(st.timedeltas(timedelta(0), timedelta(days=400)), st.timedeltas(timedelta(0), timedelta(hours=23)))
def test_who_is_within_a_day_of_the_schedule_and_its_grace_is_never_blamed(later: timedelta, age: timedelta) -> None:
    now = NOON + later
    made = AT.last_turn(now) + min(age, now - AT.last_turn(now))
    assert judge(Last(now, made, PLACE, made), AT)[0] == "ok"


@given(st.timedeltas(timedelta(0), timedelta(days=400)), st.timedeltas(timedelta(hours=26, seconds=1), timedelta(days=90)))
def test_who_is_older_than_a_day_and_the_grace_is_always_found(later: timedelta, age: timedelta) -> None:
    now = NOON + later
    assert judge(Last(now, now - age, PLACE, now - age), AT)[0] == "warn"


@pytest.mark.parametrize(
    ("minutes", "told"), [(0, "0 min"), (119, "119 min"), (120, "2 h"), (47 * 60, "47 h"), (48 * 60, "2 days"), (10_000, "6 days")]
)
def test_ages_are_told_in_the_unit_that_says_enough(minutes: int, told: str) -> None:
    assert age_of(NOON, NOON - timedelta(minutes=minutes)) == told
