"""A process's clock follows the database's; it goes back only when that one was set back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from qiatan.infra import clock
from qiatan.infra.clock import FollowingClock, SystemClock

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


class Shifted:
    """A machine whose clock is wrong by some seconds."""

    def __init__(self, seconds: float) -> None:
        self._shift = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return SystemClock().now() + self._shift


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The counter that goes on between measurements; a test sets its only element."""
    at = [1_000.0]
    monkeypatch.setattr(clock, "ticks", lambda: at[0])
    return at


def test_two_processes_five_seconds_apart_agree_once_they_have_measured(counter: list[float]) -> None:
    ahead, behind = FollowingClock(Shifted(5)), FollowingClock(Shifted(-5))

    ahead.follow(NOON, counter[0])
    counter[0] += 0.25
    behind.follow(NOON + timedelta(seconds=0.25), counter[0])
    counter[0] += 60

    assert ahead.now() == behind.now() == NOON + timedelta(seconds=60.25)


def test_how_far_it_was_behind_is_told(counter: list[float]) -> None:
    following = FollowingClock(Shifted(5))

    first = following.follow(SystemClock().now(), counter[0])
    counter[0] += 60
    second = following.follow(following.now() + timedelta(seconds=2), counter[0])

    assert -5.5 < first.total_seconds() < -4.5
    assert second == timedelta(seconds=2)


def test_told_that_it_is_ahead_it_stands_still_until_the_other_has_caught_up(counter: list[float]) -> None:
    following = FollowingClock()
    following.follow(NOON, counter[0])
    counter[0] += 60
    before = following.now()

    following.follow(NOON + timedelta(seconds=58), counter[0])

    assert following.now() == before
    counter[0] += 1
    assert following.now() == before
    counter[0] += 2
    assert following.now() == before + timedelta(seconds=1)


def test_it_does_not_jump_with_the_machines_clock(counter: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Shifted(0)
    following = FollowingClock(machine)
    following.follow(NOON, counter[0])

    monkeypatch.setattr(machine, "_shift", timedelta(hours=1))
    counter[0] += 10

    assert following.now() == NOON + timedelta(seconds=10)


def test_before_the_first_measurement_it_is_the_machines_own() -> None:
    assert abs(FollowingClock().now() - SystemClock().now()) < timedelta(seconds=5)


def test_a_clock_that_was_set_back_is_followed_back_at_once(counter: list[float]) -> None:
    following = FollowingClock()
    following.follow(NOON + timedelta(hours=1), counter[0])
    counter[0] += 60
    following.now()

    told = following.follow(NOON, counter[0])

    assert told == timedelta(hours=-1, seconds=-60)
    assert following.now() == NOON
    counter[0] += 1
    assert following.now() == NOON + timedelta(seconds=1)
