from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from qiatan.kit.errors import InvalidInput
from qiatan.modules.conversations.contracts import MAX_TEXT, MessageKind, SenderKind
from qiatan.modules.conversations.rules import PREVIEW_LENGTH, check_content, may_withdraw, preview
from qiatan.modules.conversations.service import digest_of

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
ME, OTHER, FILE = UUID(int=1), UUID(int=2), UUID(int=3)


@given(some.text(alphabet=some.characters(codec=None), max_size=200))
def test_a_text_is_taken_as_it_is_or_refused_by_name(text: str) -> None:
    refused: list[tuple[str, str]] = []
    try:
        check_content(MessageKind.TEXT, text, None)
    except InvalidInput as error:
        refused = [(problem.field, problem.code) for problem in error.fields]

    broken = "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text)
    assert refused == ([("text", "invalid_text")] if broken else [] if text.strip() else [("text", "empty")])


@pytest.mark.parametrize("length", [MAX_TEXT - 1, MAX_TEXT])
def test_as_long_as_allowed(length: int) -> None:
    check_content(MessageKind.TEXT, "字" * length, None)


@pytest.mark.parametrize(
    ("kind", "text", "file_id", "problem"),
    [
        (MessageKind.TEXT, "字" * 5_001, None, ("text", "too_long")),
        (MessageKind.TEXT, "x", FILE, ("file_id", "unknown")),
        (MessageKind.PICTURE, None, None, ("file_id", "missing")),
        (MessageKind.PICTURE, "x", FILE, ("text", "unknown")),
        (MessageKind.EVENT, "x", None, ("kind", "invalid")),
        (MessageKind.WITHDRAWAL, None, None, ("kind", "invalid")),
        (MessageKind.NOTE, "x", None, ("kind", "invalid")),
        (MessageKind.EDIT, "x", None, ("kind", "invalid")),
    ],
)
def test_what_is_no_message(kind: MessageKind, text: str | None, file_id: UUID | None, problem: tuple[str, str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_content(kind, text, file_id)

    assert [(field.field, field.code) for field in refused.value.fields] == [problem]


@given(
    some.sampled_from(MessageKind),
    some.sampled_from(SenderKind),
    some.sampled_from([ME, OTHER, None]),
    some.timedeltas(min_value=timedelta(0), max_value=timedelta(minutes=4)),
)
def test_only_the_writer_takes_back_and_only_for_two_minutes(
    kind: MessageKind, sender_kind: SenderKind, sender_id: UUID | None, age: timedelta
) -> None:
    allowed = may_withdraw(
        kind=kind, sender_kind=sender_kind, sender_id=sender_id, at=AT, by_kind=SenderKind.CUSTOMER, by_id=ME, now=AT + age
    )

    own = sender_kind is SenderKind.CUSTOMER and sender_id == ME
    written = kind in (MessageKind.TEXT, MessageKind.PICTURE, MessageKind.RICH, MessageKind.FILE, MessageKind.NOTE)
    assert allowed is (own and written and age <= timedelta(minutes=2))


@given(some.text())
def test_a_preview_is_one_short_line(text: str) -> None:
    assert len(preview(text)) <= PREVIEW_LENGTH
    assert "\n" not in preview(text)


@given(some.lists(some.tuples(some.uuids(), some.integers(0, 9_999), some.integers(1, 99)), unique_by=lambda row: row[0]))
def test_the_digest_is_the_documented_one_whatever_the_order(rows: list[tuple[UUID, int, int]]) -> None:
    lines = sorted(f"{row}:{head}:{version}" for row, head, version in rows)

    assert digest_of(rows[::-1]) == hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
