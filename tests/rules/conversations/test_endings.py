"""Automatic end and grading, as pure decisions (F18, F33)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from qiatan.kit.errors import InvalidInput
from qiatan.modules.conversations.contracts import AutoEnd, ConversationSettings, Grade, GradeThreshold, Grading
from qiatan.modules.conversations.rules import IdleStep, auto_end_of, check_settings, grade_of, idle_since, next_idle

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
counts = some.integers(0, 20)
thresholds = some.builds(GradeThreshold, customer=some.integers(1, 15), agent=some.integers(1, 15))
ORDER = [None, Grade.BRONZE, Grade.SILVER, Grade.GOLD]


@pytest.mark.parametrize(
    ("customer", "agent", "grade"),
    [
        (10, 10, Grade.GOLD),
        (10, 9, Grade.SILVER),
        (100, 5, Grade.SILVER),
        (5, 5, Grade.SILVER),
        (4, 100, Grade.BRONZE),
        (3, 3, Grade.BRONZE),
        (2, 3, None),
        (3, 2, None),
        (0, 0, None),
    ],
)
def test_both_counts_must_be_reached(customer: int, agent: int, grade: Grade | None) -> None:
    assert grade_of(customer, agent, Grading()) is grade


@given(counts, counts, thresholds, thresholds, thresholds)
def test_the_best_grade_that_is_reached_and_more_talk_never_earns_less(
    customer: int, agent: int, gold: GradeThreshold, silver: GradeThreshold, bronze: GradeThreshold
) -> None:
    grading = Grading(gold=gold, silver=silver, bronze=bronze)
    reached = [
        grade
        for grade, needed in ((Grade.GOLD, gold), (Grade.SILVER, silver), (Grade.BRONZE, bronze))
        if customer >= needed.customer and agent >= needed.agent
    ]

    assert grade_of(customer, agent, grading) is (reached[0] if reached else None)
    assert grade_of(customer, agent, grading.model_copy(update={"enabled": False})) is None
    for more in (grade_of(customer + 1, agent, grading), grade_of(customer, agent + 1, grading)):
        assert ORDER.index(more) >= ORDER.index(grade_of(customer, agent, grading))


@given(thresholds, thresholds, thresholds)
def test_a_lower_grade_may_not_ask_for_more(gold: GradeThreshold, silver: GradeThreshold, bronze: GradeThreshold) -> None:
    settings = ConversationSettings(grading=Grading(gold=gold, silver=silver, bronze=bronze))
    wrong = {
        f"settings.grading.{name}.{side}"
        for name, better, lower in (("silver", gold, silver), ("bronze", silver, bronze))
        for side in ("customer", "agent")
        if getattr(lower, side) > getattr(better, side)
    }

    refused: set[str] = set()
    try:
        check_settings(settings)
    except InvalidInput as error:
        refused = {problem.field for problem in error.fields}

    assert refused == wrong


def test_a_warning_needs_time_to_be_given() -> None:
    check_settings(ConversationSettings(auto_end={"web": AutoEnd(minutes=2, warn=True)}))
    check_settings(ConversationSettings(auto_end={"web": AutoEnd(minutes=1)}))
    check_settings(ConversationSettings(auto_end={"web": AutoEnd(minutes=None, warn=True)}))

    with pytest.raises(InvalidInput) as refused:
        check_settings(ConversationSettings(auto_end={"web": AutoEnd(minutes=1, warn=True)}))

    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("settings.auto_end.web.minutes", "too_short")]


def test_a_kind_of_channel_that_is_not_named_ends_after_half_an_hour() -> None:
    settings = ConversationSettings(auto_end={"web": AutoEnd(minutes=5, warn=True)})

    assert auto_end_of(settings, "web") == AutoEnd(minutes=5, warn=True)
    assert auto_end_of(settings, "app") == auto_end_of(ConversationSettings(), "web") == AutoEnd(minutes=30, warn=False)


def test_who_waits_unserved_or_unanswered_is_not_idle() -> None:
    def since(
        *, assigned_at: datetime | None = AT + MINUTE, last_at: datetime | None = AT, waits: bool = False, unanswered: bool = False
    ) -> datetime | None:
        return idle_since(created_at=AT, assigned_at=assigned_at, last_at=last_at, waits=waits, unanswered=unanswered)

    assert since() == AT + MINUTE
    assert since(last_at=AT + 2 * MINUTE) == AT + 2 * MINUTE
    assert since(last_at=None) == AT + MINUTE
    assert since(unanswered=True) == AT + MINUTE  # somebody serves: silence of both sides ends it
    assert since(waits=True, unanswered=True) is None
    assert since(waits=True, assigned_at=None) is None
    assert since(waits=True) == AT + MINUTE


@pytest.mark.parametrize(
    ("minutes", "seconds", "step"),
    [
        (None, 10**6, IdleStep("wait", None)),
        (30, 0, IdleStep("wait", AT + 30 * MINUTE)),
        (30, 1_799, IdleStep("wait", AT + 30 * MINUTE)),
        (30, 1_800, IdleStep("end", None)),
        (1, 60, IdleStep("end", None)),
    ],
)
def test_without_a_warning_it_ends_at_its_minute(minutes: int | None, seconds: int, step: IdleStep) -> None:
    assert next_idle(AT, None, AutoEnd(minutes=minutes), AT + timedelta(seconds=seconds)) == step


def test_with_a_warning_it_is_said_a_minute_before() -> None:
    policy = AutoEnd(minutes=5, warn=True)

    assert next_idle(AT, None, policy, AT) == IdleStep("wait", AT + 4 * MINUTE)
    assert next_idle(AT, None, policy, AT + 4 * MINUTE) == IdleStep("warn", AT + 5 * MINUTE)
    warned = AT + 4 * MINUTE
    assert next_idle(AT, warned, policy, AT + 4.5 * MINUTE) == IdleStep("wait", AT + 5 * MINUTE)
    assert next_idle(AT, warned, policy, AT + 5 * MINUTE) == IdleStep("end", None)
    # somebody wrote after the warning: the next silence is warned of again
    assert next_idle(AT + 4.5 * MINUTE, warned, policy, AT + 5 * MINUTE) == IdleStep("wait", AT + 8.5 * MINUTE)
    # the server was away: nobody is cut off without a word
    assert next_idle(AT, None, policy, AT + 60 * MINUTE) == IdleStep("warn", AT + 61 * MINUTE)
    assert next_idle(AT, AT + 60 * MINUTE, policy, AT + 61 * MINUTE) == IdleStep("end", None)
    # the rule was loosened after a warning
    assert next_idle(AT, warned, AutoEnd(minutes=60, warn=True), AT + 5 * MINUTE) == IdleStep("wait", AT + 59 * MINUTE)


@given(
    some.integers(2, 1_440),
    some.booleans(),
    some.lists(some.integers(1, 200_000), min_size=0, max_size=6),
    some.lists(some.integers(0, 90), max_size=60),
)
def test_followed_step_by_step_it_ends_once_never_early_and_never_unwarned(
    minutes: int, warn: bool, words: list[int], lateness: list[int]
) -> None:
    """The timer of a conversation in which people write at some seconds, fired as late as it likes."""
    policy = AutoEnd(minutes=minutes, warn=warn)
    written = sorted({0, *words})
    late = iter(lateness)
    due = next_idle(AT, None, policy, AT).due_at
    warned: datetime | None = None
    ended: datetime | None = None
    while ended is None and due is not None:
        now = due + timedelta(seconds=next(late, 0))
        since = AT + timedelta(seconds=max(at for at in written if AT + timedelta(seconds=at) <= now))
        step = next_idle(since, warned, policy, now)
        assert step.due_at is None or step.due_at > now
        if step.act == "warn":
            warned = now
        if step.act == "end":
            ended = now
            assert now - since >= minutes * MINUTE
            assert not warn or (warned is not None and since <= warned <= now - MINUTE)
        due = step.due_at

    assert ended is not None
