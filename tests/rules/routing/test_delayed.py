from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from qiatan.modules.routing.contracts.decisions import Fallback, Wish
from qiatan.modules.routing.contracts.settings import DelayedStep
from qiatan.modules.routing.rules.delayed import DueStep, after_step, delay_start, next_step
from tests.rules.routing.given import MONDAY_NOON as NOON

STEPS = [DelayedStep(seconds=30), DelayedStep(seconds=60), DelayedStep(seconds=120)]


def later(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def test_the_clock_starts_at_the_first_customer_message() -> None:
    start = delay_start(first_customer_at=NOON, assigned_at=NOON + later(1), queued=False)

    assert start == NOON


def test_after_the_queue_it_starts_with_the_assignment_or_the_first_message_after_it() -> None:
    assert delay_start(first_customer_at=NOON, assigned_at=NOON + later(300), queued=True) == NOON + later(300)
    assert delay_start(first_customer_at=NOON + later(400), assigned_at=NOON + later(300), queued=True) == NOON + later(400)


def test_nothing_starts_without_a_message_or_an_agent() -> None:
    assert delay_start(first_customer_at=None, assigned_at=NOON, queued=False) is None
    assert delay_start(first_customer_at=NOON, assigned_at=None, queued=False) is None


def test_all_steps_count_from_the_same_start() -> None:
    dues = [next_step(STEPS, NOON, done, answered=False) for done in range(4)]

    assert dues == [DueStep(0, NOON + later(30)), DueStep(1, NOON + later(60)), DueStep(2, NOON + later(120)), None]


@pytest.mark.parametrize("done", [0, 1, 2])
def test_an_answer_cancels_everything_that_is_left(done: int) -> None:
    assert next_step(STEPS, NOON, done, answered=True) is None


def test_nothing_is_due_before_the_start_or_without_steps() -> None:
    assert next_step(STEPS, None, 0, answered=False) is None
    assert next_step([], NOON, 0, answered=False) is None


@pytest.mark.parametrize(
    ("fallback", "transferred"), [(Fallback.MESSAGE, False), (Fallback.AGENT_GROUPS, True), (Fallback.ENTERPRISE, True)]
)
def test_who_was_wished_with_fallback_1_keeps_the_conversation(fallback: Fallback, transferred: bool) -> None:
    wish = Wish(agents=[str(UUID(int=1))], fallback=fallback)

    assert (next_step(STEPS, NOON, 0, answered=False, wish=wish) is not None) is transferred
    assert next_step(STEPS, NOON, 0, answered=False, wish=Wish(fallback=fallback)) is not None


def test_a_step_in_time_leaves_the_others_where_they_are() -> None:
    assert after_step(STEPS, NOON, 0, NOON + later(30.9)) == (NOON, 1)


def test_after_a_long_stop_the_steps_come_one_after_the_other_with_their_distances() -> None:
    start, done, fired = NOON, 0, []
    now = NOON + later(600)
    while (due := next_step(STEPS, start, done, answered=False)) is not None:
        now = max(now, due.at)
        fired.append((due.number, (now - NOON).total_seconds()))
        start, done = after_step(STEPS, start, done, now)

    assert fired == [(0, 600), (1, 630), (2, 690)]


seconds = some.lists(some.integers(11, 179), min_size=1, max_size=3, unique=True).map(sorted)


@given(seconds, some.lists(some.floats(0, 1_000), min_size=3, max_size=3))
def test_whatever_the_lateness_no_two_steps_fire_at_once_and_each_exactly_once(at: list[int], lateness: list[float]) -> None:
    steps = [DelayedStep(seconds=one) for one in at]
    start, done, fired = NOON, 0, []
    while (due := next_step(steps, start, done, answered=False)) is not None:
        now = due.at + later(lateness[due.number])
        fired.append((due.number, now))
        start, done = after_step(steps, start, done, now)

    assert [number for number, _ in fired] == list(range(len(steps)))
    for (number, before), (_, now) in pairwise(fired):
        assert now - before >= later(at[number + 1] - at[number]) - later(5)
