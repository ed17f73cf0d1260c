from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from qiatan.kit.access import AgentActor, Point, SystemActor, VisitorActor, require
from qiatan.kit.cursors import decode_cursor, decode_time_cursor, encode_cursor, encode_time_cursor
from qiatan.kit.errors import InvalidInput, NotAllowed
from qiatan.kit.ids import uuid7
from qiatan.kit.text import check_text, clean_name, shorten, storable

A, B = UUID(int=1), UUID(int=2)
SEE = Point("things.see", "See things")


@given(some.datetimes(timezones=some.just(UTC)), some.uuids())
def test_a_time_cursor_comes_back_as_it_went(at: datetime, row: UUID) -> None:
    cursor = encode_time_cursor(at, row)

    assert decode_time_cursor(cursor) == (at, row)
    assert cursor.replace("-", "").replace("_", "").isalnum()


def test_a_time_without_a_zone_is_none_of_ours() -> None:
    with pytest.raises(InvalidInput) as refused:
        decode_time_cursor(encode_cursor("2026-11-22T10:00:00", str(A)))

    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("after", "invalid")]


@given(some.text(max_size=60))
def test_any_other_text_is_a_cursor_or_a_clear_error(text: str) -> None:
    try:
        decoded: object = len(decode_cursor(text, 2))
    except InvalidInput as error:
        decoded = [(problem.field, problem.code) for problem in error.fields]

    assert decoded in (2, [("after", "invalid")])


@given(some.lists(some.integers() | some.text(max_size=5), min_size=1, max_size=4))
def test_cursors_of_another_length_are_refused(key: list[int | str]) -> None:
    cursor = encode_cursor(*key)

    assert decode_cursor(cursor, len(key)) == key
    with pytest.raises(InvalidInput):
        decode_cursor(cursor, len(key) + 1)


@given(some.integers(0, (1 << 48) - 1), some.binary(min_size=10, max_size=10))
def test_ids_are_uuid7_and_sort_by_time(moment: int, entropy: bytes) -> None:
    made = uuid7(moment, entropy)

    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == moment
    assert uuid7(moment, entropy) == made
    assert uuid7(min(moment + 1, (1 << 48) - 1), bytes(10)) >= uuid7(moment, bytes(10))


@given(some.text(alphabet=some.characters(codec=None), max_size=80))
def test_a_clean_name_is_one_line_that_hides_nothing(text: str) -> None:
    code, name = "", "kept"
    try:
        name = clean_name(text, field="name")
    except InvalidInput as error:
        code = error.fields[0].code

    assert code in ("", "empty", "too_long", "invalid_text")
    assert name == name.strip()
    assert clean_name(name, field="name") == name
    assert not set(name) & set("\n\r\t\x00\u202e\u2066\u200b\ufeff")
    name.encode()


@pytest.mark.parametrize(
    ("text", "code"), [("", "empty"), (" \u3000\t", "empty"), ("x" * 11, "too_long"), ("a\x00", "invalid_text"), ("\ud83d", "invalid_text")]
)
def test_texts_that_are_refused(text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_text(text, field="text", limit=10)

    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("text", code)]


def test_length_is_counted_in_characters() -> None:
    assert check_text("😀" * 10, field="text", limit=10) == "😀" * 10


@given(some.text(alphabet=some.characters(codec=None)))
def test_what_is_storable_can_be_encoded(text: str) -> None:
    if storable(text):
        assert "\x00" not in text
        text.encode()


@given(some.text(), some.integers(2, 40))
def test_shortened_text_fits_on_a_line(text: str, limit: int) -> None:
    line = shorten(text, limit)

    assert len(line) <= limit
    assert "\n" not in line


def test_points_are_held_or_not() -> None:
    holder = AgentActor(A, B, B, frozenset({"things.see"}))
    stranger = AgentActor(A, B, B, frozenset({"things.seen", "things"}))

    require(holder, SEE)
    require(SystemActor(A), SEE)
    for actor in (stranger, VisitorActor(A, B, B, B)):
        with pytest.raises(NotAllowed):
            require(actor, SEE)
