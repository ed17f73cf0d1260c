"""When a part of the system is good, worth attention, or bad."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.entrypoints.system import rules
from qiatan.entrypoints.system.contracts import Level

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)


def _ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


@pytest.mark.parametrize(
    ("levels", "worst"), [([], "good"), (["good"], "good"), (["good", "warn"], "warn"), (["bad", "good", "warn"], "bad")]
)
def test_the_worst_part_says_how_the_whole_is(levels: list[Level], worst: str) -> None:
    assert rules.worst(levels) == worst


@pytest.mark.parametrize(
    ("living", "dead", "versions", "judged"),
    [(2, 0, 1, ("good", "fine")), (2, 1, 1, ("warn", "gone")), (2, 0, 2, ("warn", "mixed")), (0, 0, 0, ("warn", "silent"))],
)
def test_nodes(living: int, dead: int, versions: int, judged: rules.Judged) -> None:
    assert rules.judge_nodes(living=living, dead=dead, versions=versions) == judged


@pytest.mark.parametrize(
    ("milliseconds", "connections", "lag", "judged"),
    [
        (3.0, 20, None, ("good", "fine")),
        (150.0, 20, None, ("warn", "slow")),
        (1_500.0, 20, None, ("bad", "slow")),
        (3.0, 85, None, ("warn", "full")),
        (150.0, 97, None, ("bad", "full")),
        (1_500.0, 85, 1.0, ("bad", "slow")),
        (3.0, 20, 31.0, ("warn", "replica")),
        (3.0, 20, 400.0, ("bad", "replica")),
    ],
)
def test_the_database(milliseconds: float, connections: int, lag: float | None, judged: rules.Judged) -> None:
    assert rules.judge_database(milliseconds=milliseconds, connections=connections, most=100, replica_lag=lag) == judged


@pytest.mark.parametrize(
    ("free", "judged"),
    [(10_000, ("good", "fine")), (2_000, ("warn", "low")), (200, ("bad", "full")), (0, ("bad", "full")), (None, ("warn", "unknown"))],
)
def test_the_disk(free: int | None, judged: rules.Judged) -> None:
    assert rules.judge_disk(None if free is None else free * rules.MIB) == judged


@pytest.mark.parametrize(
    ("configured", "sent", "failed", "judged"),
    [
        (False, None, None, ("good", "none")),
        (True, None, None, ("good", "fine")),
        (True, _ago(1), _ago(2), ("good", "fine")),
        (True, _ago(2), _ago(1), ("warn", "failing")),
        (True, None, _ago(1), ("warn", "failing")),
    ],
)
def test_mail(configured: bool, sent: datetime | None, failed: datetime | None, judged: rules.Judged) -> None:
    assert rules.judge_mail(configured=configured, sent_at=sent, failed_at=failed) == judged


@pytest.mark.parametrize(
    ("scheduled", "good", "failed", "judged"),
    [
        (True, _ago(5), False, ("good", "fine")),
        (True, _ago(30), False, ("warn", "old")),
        (True, _ago(60), False, ("bad", "old")),
        (True, _ago(60), True, ("bad", "old")),
        (True, _ago(5), True, ("warn", "failed")),
        (True, None, True, ("bad", "failed")),
        (True, None, False, ("warn", "never")),
        (False, None, False, ("warn", "never")),
        (False, _ago(24), False, ("good", "fine")),
        (False, _ago(24 * 8), False, ("warn", "by_hand")),
    ],
)
def test_backups(scheduled: bool, good: datetime | None, failed: bool, judged: rules.Judged) -> None:
    assert rules.judge_backups(now=NOW, scheduled=scheduled, good_at=good, failed=failed) == judged


@pytest.mark.parametrize(
    ("own", "turns", "there"),
    [
        (True, [], True),
        (False, [], False),
        (False, [_ago(24 * 60), _ago(24 * 29)], True),
        (False, [_ago(24 * 30), _ago(24 * 60)], False),
    ],
)
def test_a_schedule_of_another_process_is_proven_by_its_turns(own: bool, turns: list[datetime], there: bool) -> None:
    assert rules.has_schedule(now=NOW, own=own, turns=turns) is there


def test_the_bus() -> None:
    assert rules.judge_bus(used=False, connected=0, nodes=1) == ("good", "none")
    assert rules.judge_bus(used=True, connected=3, nodes=3) == ("good", "fine")
    assert rules.judge_bus(used=True, connected=2, nodes=3) == ("bad", "away")


@given(st.floats(0, 1e6))
def test_timers_and_jobs_get_worse_and_never_better_with_more(amount: float) -> None:
    order = ["good", "warn", "bad"]
    assert order.index(rules.judge_timers(amount)[0]) <= order.index(rules.judge_timers(amount * 2)[0])
    waiting = int(amount)
    before, after = (rules.judge_jobs(waiting=number, failed=0)[0] for number in (waiting, waiting * 2))
    assert order.index(before) <= order.index(after)


def test_a_job_that_failed_is_worth_a_look() -> None:
    assert rules.judge_jobs(waiting=0, failed=1) == ("warn", "failed")
    assert rules.judge_jobs(waiting=5_000, failed=1) == ("bad", "waiting")


def test_a_process_that_is_gone_is_bad_and_one_that_lags_is_not_good() -> None:
    assert rules.judge_node(alive=False, lag=0.0) == "bad"
    assert rules.judge_node(alive=True, lag=None) == "good"
    assert rules.judge_node(alive=True, lag=0.5) == "warn"
    assert rules.judge_node(alive=True, lag=3.0) == "bad"
