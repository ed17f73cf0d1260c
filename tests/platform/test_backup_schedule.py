"""When a backup is due, and which ones stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.infra.backup_schedule import BackupTime, Keep
from qiatan.infra.settings import Settings, SettingsError

SHANGHAI = BackupTime(3, 30, "Asia/Shanghai")
MOMENTS = st.integers(0, 6 * 365 * 24 * 60).map(lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))


@given(MOMENTS, st.integers(0, 23), st.integers(0, 59), st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "UTC", None]))
def test_the_last_turn_is_within_a_day_and_a_shifted_hour(now: datetime, hour: int, minute: int, zone: str | None) -> None:
    turn = BackupTime(hour, minute, zone).last_turn(now)

    assert timedelta(0) <= now - turn <= timedelta(hours=25)
    assert BackupTime(hour, minute, zone).last_turn(turn) == turn


def test_the_turn_follows_the_zone() -> None:
    assert SHANGHAI.last_turn(datetime(2026, 3, 2, 19, 29, tzinfo=UTC)) == datetime(2026, 3, 1, 19, 30, tzinfo=UTC)
    assert SHANGHAI.last_turn(datetime(2026, 3, 2, 19, 30, tzinfo=UTC)) == datetime(2026, 3, 2, 19, 30, tzinfo=UTC)


@given(st.lists(MOMENTS, max_size=60), st.integers(0, 10), st.integers(0, 5), st.integers(0, 5))
def test_what_is_kept_is_bounded_and_holds_the_newest(moments: list[datetime], days: int, weeks: int, months: int) -> None:
    kept = Keep(days, weeks, months).kept(moments, SHANGHAI)

    assert kept <= set(moments)
    assert len(kept) <= max(1, days + weeks + months)
    if moments:
        assert max(moments) in kept
    assert Keep(days, weeks, months).kept(kept, SHANGHAI) == kept


@given(st.lists(MOMENTS, max_size=40), MOMENTS)
def test_a_newer_backup_brings_back_nothing_and_a_pause_takes_nothing(moments: list[datetime], later: datetime) -> None:
    """What was removed once is not counted on again; time alone removes nothing."""
    keep = Keep(7, 4, 6)
    newer = [*moments, max([later, *moments]) + timedelta(days=1)]

    assert keep.kept(newer, SHANGHAI) & set(moments) <= keep.kept(moments, SHANGHAI)


def test_days_weeks_and_months_of_a_year_of_nights() -> None:
    nights = [datetime(2026, 11, 22, 19, 30, tzinfo=UTC) - timedelta(days=back) for back in range(365)]

    kept = sorted(Keep(7, 4, 6).kept(nights, SHANGHAI), reverse=True)

    local = [f"{SHANGHAI.local(moment):%m-%d}" for moment in kept]
    assert local == [
        "11-23",
        "11-22",
        "11-21",
        "11-20",
        "11-19",
        "11-18",
        "11-17",
        "11-15",
        "11-08",
        "10-31",
        "09-30",
        "08-31",
        "07-31",
        "06-30",
    ]


def test_of_several_in_a_day_the_last_stays() -> None:
    day = datetime(2026, 3, 2, 4, tzinfo=UTC)
    moments = [day, day + timedelta(hours=1), day + timedelta(hours=2)]

    assert Keep(7, 0, 0).kept(moments, SHANGHAI) == {moments[2]}


@pytest.mark.parametrize("text", ["3:30", "03:30", "03:30 Asia/Shanghai", "23:59 UTC"])
def test_times_that_can_be_meant(text: str) -> None:
    time = Settings.from_env({"BACKUP_AT": text}).backup_at

    assert time is not None
    assert (time.hour, time.minute) in ((3, 30), (23, 59))


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("BACKUP_AT", "24:00", "BACKUP_AT: '24:00' cannot be meant: use a time of day like 03:30"),
        ("BACKUP_AT", "03:30 Mars/Olympus", "BACKUP_AT: '03:30 Mars/Olympus' cannot be meant: Mars/Olympus is not a zone"),
        ("BACKUP_AT", "nightly", "BACKUP_AT: 'nightly' cannot be meant"),
        ("BACKUP_KEEP", "0d", "BACKUP_KEEP: '0d' cannot be meant: keep at least one, like 7d,4w,6m"),
        ("BACKUP_KEEP", "7d,7d", "BACKUP_KEEP: '7d,7d' cannot be meant: use days, weeks and months like 7d,4w,6m, each once"),
        ("BACKUP_KEEP", "7y", "BACKUP_KEEP: '7y' cannot be meant"),
        ("BACKUP_DIR", "/etc/passwd", "BACKUP_DIR: /etc/passwd is not a directory: name another one"),
    ],
)
def test_what_cannot_be_meant_is_told(name: str, text: str, told: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({name: text})
    assert str(refused.value).startswith(told)


def test_nothing_is_scheduled_unless_it_is_set() -> None:
    settings = Settings.from_env({})

    assert (settings.backup_at, settings.backup_dir, settings.backup_keep) == (None, None, Keep(7, 4, 6))
