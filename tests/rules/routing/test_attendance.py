from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from qiatan.modules.routing.contracts import PresenceStatus
from qiatan.modules.routing.rules.attendance import Stay, by_day, pieces

SHANGHAI = ZoneInfo("Asia/Shanghai")
SOMEBODY = UUID(int=1)
EVER = {"first": date.min, "last": date.max}


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def test_a_night_shift_is_two_days() -> None:
    stay = Stay(SOMEBODY, PresenceStatus.ONLINE, at("2026-03-02T22:00:00"), at("2026-03-03T06:30:00"))

    found = by_day([stay], SHANGHAI, **EVER)

    first, second = found[date(2026, 3, 2), SOMEBODY], found[date(2026, 3, 3), SOMEBODY]
    assert (first.first, first.last, first.seconds(PresenceStatus.ONLINE)) == (stay.start, at("2026-03-03T00:00:00"), 2 * 3_600)
    assert (second.first, second.last, second.seconds(PresenceStatus.ONLINE)) == (at("2026-03-03T00:00:00"), stay.until, 6 * 3_600 + 1_800)


def test_who_is_still_there_has_no_last_time_today_only() -> None:
    stays = [
        Stay(SOMEBODY, PresenceStatus.ONLINE, at("2026-03-02T09:00:00"), at("2026-03-02T12:00:00")),
        Stay(SOMEBODY, PresenceStatus.BUSY, at("2026-03-02T12:00:00"), at("2026-03-03T01:00:00"), running=True),
    ]

    found = by_day(stays, SHANGHAI, **EVER)

    assert found[date(2026, 3, 2), SOMEBODY].last == at("2026-03-03T00:00:00")
    assert found[date(2026, 3, 3), SOMEBODY].last is None
    assert found[date(2026, 3, 2), SOMEBODY].seconds(PresenceStatus.BUSY) == 12 * 3_600


def test_days_outside_the_period_are_left_out() -> None:
    stay = Stay(SOMEBODY, PresenceStatus.AWAY, at("2026-03-01T00:00:00"), at("2026-03-04T00:00:00"))

    found = by_day([stay], SHANGHAI, first=date(2026, 3, 2), last=date(2026, 3, 2))

    assert {day for day, _ in found} == {date(2026, 3, 2)}


def test_the_days_on_which_clocks_change_are_longer_and_shorter() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    spring = list(pieces(at("2026-03-28T12:00:00", berlin), at("2026-03-30T12:00:00", berlin), berlin))
    autumn = list(pieces(at("2026-10-24T12:00:00", berlin), at("2026-10-26T12:00:00", berlin), berlin))

    assert [(day.day, end - start) for day, start, end in spring] == [
        (28, timedelta(hours=12)),
        (29, timedelta(hours=23)),
        (30, timedelta(hours=12)),
    ]
    assert [(day.day, end - start) for day, start, end in autumn] == [
        (24, timedelta(hours=12)),
        (25, timedelta(hours=25)),
        (26, timedelta(hours=12)),
    ]


times = st.integers(0, 4 * 86_400).map(lambda seconds: timedelta(seconds=seconds))
bases = st.sampled_from(
    [
        datetime(2026, 3, 27, tzinfo=UTC),
        datetime(2026, 10, 23, tzinfo=UTC),
        datetime(2011, 12, 28, tzinfo=UTC),
        datetime(2018, 2, 16, tzinfo=UTC),
    ]
)
zones = st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo", "Africa/Cairo", "Pacific/Apia", "Australia/Lord_Howe"]).map(
    ZoneInfo
)
statuses = st.sampled_from([PresenceStatus.ONLINE, PresenceStatus.AWAY, PresenceStatus.BUSY])


@given(base=bases, zone=zones, lengths=st.lists(st.tuples(times, times, statuses, st.integers(1, 3)), max_size=12))
def test_the_days_add_up_to_the_times(
    base: datetime, zone: ZoneInfo, lengths: list[tuple[timedelta, timedelta, PresenceStatus, int]]
) -> None:
    stays = [Stay(UUID(int=agent), status, base + start, base + start + length) for start, length, status, agent in lengths]

    found = by_day(stays, zone, **EVER)

    for agent in range(1, 4):
        for status in (PresenceStatus.ONLINE, PresenceStatus.AWAY, PresenceStatus.BUSY):
            spent = sum(
                (totals.spent.get(status, timedelta()) for (_, who), totals in found.items() if who == UUID(int=agent)), timedelta()
            )
            assert spent == sum((s.until - s.start for s in stays if (s.agent_id, s.status) == (UUID(int=agent), status)), timedelta())
    for (day, _), totals in found.items():
        assert totals.first.astimezone(zone).date() == day
        assert totals.last is not None
        assert (totals.last - timedelta(microseconds=1)).astimezone(zone).date() == day
