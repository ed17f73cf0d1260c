"""Who may evaluate, how often they are asked, and until when (F25)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.kit.errors import InvalidInput
from qiatan.modules.conversations.contracts import ConversationSettings, EvaluationRules
from qiatan.modules.conversations.rules import check_remark, check_settings, evaluation_until, invitation_wait, may_evaluate

moments = st.integers(0, 400 * 24 * 3_600).map(lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))


@given(invited=st.booleans(), evaluated=st.booleans(), by_customer=st.booleans())
def test_only_who_was_never_asked_and_may_not_speak_unasked_is_refused(invited: bool, evaluated: bool, by_customer: bool) -> None:
    rules = EvaluationRules(by_customer=by_customer)
    assert may_evaluate(rules, invited=invited, evaluated=evaluated) is not (not invited and not evaluated and not by_customer)


@given(invited_at=moments, seconds=st.integers(0, 10_000))
def test_a_minute_lies_between_two_invitations(invited_at: datetime, seconds: int) -> None:
    wait = invitation_wait(invited_at, invited_at + timedelta(seconds=seconds))
    assert wait == timedelta(seconds=max(0, 60 - seconds))


def test_the_first_invitation_waits_for_nothing() -> None:
    assert invitation_wait(None, datetime(2026, 1, 1, tzinfo=UTC)) == timedelta(0)


@given(ended_at=moments)
def test_an_ended_conversation_can_be_evaluated_for_a_day(ended_at: datetime) -> None:
    assert evaluation_until(ended_at) == ended_at + timedelta(days=1)
    assert evaluation_until(None) is None


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=500))
def test_a_remark_keeps_its_words_and_loses_the_space_around_them(words: str) -> None:
    assert check_remark(f"  {words}\n") == words.strip()


@pytest.mark.parametrize(("remark", "code"), [("很" * 501, "too_long"), ("a\x00b", "invalid_text")])
def test_a_remark_that_cannot_be_kept_is_refused_by_name(remark: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_remark(remark)
    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("remark", code)]


def test_a_question_that_cannot_be_stored_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput) as refused:
        check_settings(ConversationSettings(evaluation=EvaluationRules(prompt="满意\x00吗")))
    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("settings.evaluation.prompt", "invalid_text")]
