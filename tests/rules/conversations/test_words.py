"""Edits, answers, drafts, search and who sees a conversation: the decisions without a database."""

from __future__ import annotations

import fnmatch
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from qiatan.kit.access import Scope, ScopeKind
from qiatan.kit.errors import InvalidInput, NotAllowed
from qiatan.modules.conversations.contracts import MAX_TEXT, Message, MessageKind, SenderKind
from qiatan.modules.conversations.errors import TooLateToEdit
from qiatan.modules.conversations.models import MessageRow
from qiatan.modules.conversations.repository.messages import Fate
from qiatan.modules.conversations.rules import (
    MAX_WORDS,
    Held,
    check_draft,
    check_edit,
    like_pattern,
    may_be_answered,
    search_words,
    sees,
    snippet,
)
from qiatan.modules.conversations.service.present import present_message

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
ME, OTHER = UUID(int=1), UUID(int=2)
IDS = some.sampled_from([UUID(int=number) for number in range(1, 6)])
SETS = some.frozensets(IDS, max_size=3)


@given(
    some.sampled_from(MessageKind),
    some.sampled_from(SenderKind),
    some.sampled_from([ME, OTHER, None]),
    some.timedeltas(min_value=timedelta(0), max_value=timedelta(minutes=30)),
)
def test_an_agent_edits_own_words_for_a_quarter_of_an_hour(
    kind: MessageKind, sender_kind: SenderKind, sender_id: UUID | None, age: timedelta
) -> None:
    outcome = "edited"
    try:
        check_edit(kind=kind, sender_kind=sender_kind, sender_id=sender_id, at=AT, by_id=ME, now=AT + age)
    except (NotAllowed, InvalidInput, TooLateToEdit) as refused:
        outcome = refused.code

    if sender_kind is not SenderKind.AGENT or sender_id != ME:
        assert outcome == "not_allowed"
    elif kind not in (MessageKind.TEXT, MessageKind.NOTE):
        assert outcome == "invalid_input"
    else:
        assert outcome == ("edited" if age <= timedelta(minutes=15) else "too_late")


@pytest.mark.parametrize("kind", MessageKind)
def test_what_may_be_answered(kind: MessageKind) -> None:
    said = kind in (MessageKind.TEXT, MessageKind.PICTURE, MessageKind.RICH, MessageKind.FILE)

    assert may_be_answered(kind, by_note=False) is said
    assert may_be_answered(kind, by_note=True) is (said or kind is MessageKind.NOTE)


@given(some.text(alphabet=some.characters(codec=None), max_size=100))
def test_a_draft_is_kept_as_it_is(text: str) -> None:
    broken = "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text)
    if broken:
        with pytest.raises(InvalidInput):
            check_draft(text)
    else:
        assert check_draft(text) == text


def test_a_draft_is_as_long_as_a_message() -> None:
    assert check_draft("字" * MAX_TEXT) == "字" * MAX_TEXT
    with pytest.raises(InvalidInput):
        check_draft("字" * (MAX_TEXT + 1))


@given(IDS, some.none() | IDS, SETS, SETS, SETS, some.booleans(), some.booleans(), SETS, some.sampled_from(ScopeKind))
def test_who_takes_part_or_serves_the_customer_always_sees_it(
    agent: UUID, assignee: UUID | None, groups: frozenset[UUID], joined: frozenset[UUID], serving: frozenset[UUID],
    takes: bool, views: bool, reached: frozenset[UUID], kind: ScopeKind,
) -> None:  # fmt: skip
    scope = Scope(kind, reached)
    waiting = Held(assignee, groups, joined, serving, waits=assignee is None, open=True)

    seen = sees(waiting, agent, scope, takes=takes, views=views, joins=True)

    if agent == assignee or agent in serving or agent in joined:
        assert seen
    elif not views or kind is ScopeKind.SELF:
        assert seen is (takes and assignee is None)
    elif kind is ScopeKind.ALL:
        assert seen
    else:
        assert seen is (bool(reached & groups) or (takes and assignee is None))
    ended = Held(assignee, groups, joined, frozenset(), waits=False, open=False)
    if not views and agent != assignee:
        assert not sees(ended, agent, scope, takes=takes, views=views, joins=True)


@given(some.text(alphabet="ab%_\\*?[", min_size=1, max_size=6), some.text(alphabet="ab%_\\*?[", max_size=12))
def test_a_pattern_matches_what_contains_the_words_and_nothing_else(words: str, text: str) -> None:
    """Read as LIKE reads it: the escape character makes the next one mean itself."""
    pattern = like_pattern(words)
    assert pattern[0] == pattern[-1] == "%"
    plain, characters = "", iter(pattern[1:-1])
    for character in characters:
        assert character not in "%_"
        plain += next(characters) if character == "\\" else character

    assert plain == words
    assert (plain in text) is fnmatch.fnmatchcase(text, "*" + "".join(f"[{c}]" for c in words) + "*")


@given(some.text(max_size=300), some.text(min_size=1, max_size=20))
def test_a_snippet_is_one_short_line_around_the_place(before: str, words: str) -> None:
    line = snippet(before + words, words)

    assert len(line) <= 82
    assert "\n" not in line


def test_a_snippet_shows_the_place() -> None:
    assert snippet("a" * 100 + " 青瓷 " + "b" * 100, "青瓷") == "…" + "a" * 23 + " 青瓷 " + "b" * 52 + "…"
    assert snippet("青瓷", "青瓷") == "青瓷"


@pytest.mark.parametrize(("words", "code"), [("", "empty"), ("  ", "empty"), ("a" * (MAX_WORDS + 1), "too_long"), ("\x00", "invalid_text")])
def test_words_that_cannot_be_searched(words: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        search_words(words)

    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("q", code)]


def _row(seq: int, kind: MessageKind, text: str, ref_seq: int | None = None) -> MessageRow:
    return MessageRow(
        enterprise_id=ME, conversation_id=OTHER, seq=seq, kind=kind, sender_kind="agent", sender_id=ME, client_message_id=ME, at=AT,
        text=text, data=None, ref_seq=ref_seq,
    )  # fmt: skip


@given(some.booleans(), some.none() | some.integers(min_value=2, max_value=4))
def test_only_the_newest_text_is_read_and_none_after_the_withdrawal(withdrawn: bool, edit_seq: int | None) -> None:
    fate = Fate(withdrawn=withdrawn, edit_seq=edit_seq, text=f"text {edit_seq}" if edit_seq else None)
    original = present_message(_row(1, MessageKind.TEXT, "text 1"), fate)
    edits = [present_message(_row(seq, MessageKind.EDIT, f"text {seq}", 1), fate) for seq in range(2, (edit_seq or 1) + 1)]

    told: list[Message] = [message for message in (original, *edits) if message.text is not None]
    if withdrawn:
        assert told == []
        assert (original.withdrawn, original.edited) == (True, False)
    else:
        assert {message.text for message in told} == {f"text {edit_seq or 1}"}
        assert original.edited is (edit_seq is not None)
    assert not any(edit.withdrawn or edit.edited for edit in edits)
