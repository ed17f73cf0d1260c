"""Delayed transfer (延误对话转接, F04): when an unanswered conversation goes to somebody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from qiatan.modules.routing.contracts.decisions import Fallback, Wish
from qiatan.modules.routing.contracts.settings import DelayedStep

LATE = timedelta(seconds=5)
"""From here on a step counts as late: everything was down, not merely busy."""


@dataclass(frozen=True, slots=True)
class DueStep:
    """`number` counts from 0: the index in the settings."""

    number: int
    at: datetime


def delay_start(*, first_customer_at: datetime | None, assigned_at: datetime | None, queued: bool) -> datetime | None:
    """From when the steps count: the customer's first message that stands, or the assignment if the conversation had to queue. None: not yet."""
    if first_customer_at is None or assigned_at is None:
        return None
    return max(first_customer_at, assigned_at) if queued else first_customer_at


def next_step(
    steps: Sequence[DelayedStep], started: datetime | None, done: int, *, answered: bool, wish: Wish | None = None
) -> DueStep | None:
    """The step that comes next. None: all are done, somebody answered, nothing has started, or the wish allows nobody else (fallback 1)."""
    if started is None or answered or done >= len(steps):
        return None
    if wish is not None and (wish.agents or wish.groups) and wish.fallback is Fallback.MESSAGE:
        return None
    return DueStep(done, started + timedelta(seconds=steps[done].seconds))


def after_step(steps: Sequence[DelayedStep], started: datetime, done: int, now: datetime) -> tuple[datetime, int]:
    """Start and number of steps done, once step `done` has fired at `now`, whether it found somebody or not.

    A step that fired late (after a restart, say) moves the start by what it was late. So the following ones keep their distance from it:
    steps that became due in the meantime fire one after the other and not at once, and whoever got the conversation has the time to answer
    that the settings promise.
    """
    late = now - (started + timedelta(seconds=steps[done].seconds))
    return (started + late if late >= LATE else started), done + 1
