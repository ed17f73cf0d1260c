from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from qiatan.kit.errors import InvalidInput
from qiatan.modules.customers.contracts import MAX_OPTIONS, MAX_TAGS, FieldKind
from qiatan.modules.customers.rules import (
    BUILT_IN,
    OwnField,
    changed_fields,
    chosen_tags,
    cleaned_options,
    cleaned_tag_name,
    email_key,
    new_order,
    phone_key,
)

OWN = {
    field.key: field
    for field in (
        OwnField("text", "尺码", FieldKind.TEXT),
        OwnField("number", "年消费", FieldKind.NUMBER),
        OwnField("date", "生日", FieldKind.DATE),
        OwnField("choice", "来源", FieldKind.CHOICE, ("小红书", "朋友介绍")),
    )
}
KEYS = [*BUILT_IN, *OWN, "gone", ""]
values = some.none() | some.text(max_size=60) | some.from_regex(r"[0-9+@.\- a-z]{0,20}", fullmatch=True)


def _after(key: str, value: str | None) -> str | None:
    return changed_fields({}, {key: value}, OWN).get(key, (None, None))[1]


@pytest.mark.parametrize(
    ("key", "typed", "kept"),
    [
        ("phone", " 138 0013 8000 ", "138 0013 8000"),
        ("phone", "１３８００１３８０００", "13800138000"),
        ("phone", "+86 (10) 1234-5678", "+86 (10) 1234-5678"),
        ("email", " Lin.Xi@Example.com", "Lin.Xi@Example.com"),
        ("gender", "female", "female"),
        ("age", "042", "42"),
        ("age", "0", "0"),
        ("company", "松间\n 器物", "松间 器物"),
        ("qq", "10001", "10001"),
        ("comment", "第一行\r\n第二行 ", "第一行\n第二行"),
        ("text", " 大\u202e号 ", "大号"),
        ("number", "+0012.50", "12.5"),
        ("number", "-0", "0"),
        ("number", "1000", "1000"),
        ("date", "2026-03-01", "2026-03-01"),
        ("choice", "小红书", "小红书"),
        ("phone", "  ", None),
        ("choice", None, None),
    ],
)
def test_values_are_kept_as_they_are_meant(key: str, typed: str | None, kept: str | None) -> None:
    assert _after(key, typed) == kept


@pytest.mark.parametrize(
    ("key", "typed", "code"),
    [
        ("phone", "call me", "not_a_phone"),
        ("phone", "12", "not_a_phone"),
        ("phone", "1" * 21, "not_a_phone"),
        ("phone", "1" * 41, "too_long"),
        ("email", "lin.example.com", "not_an_email"),
        ("email", "a@b", "not_an_email"),
        ("email", f"{'x' * 250}@b.cn", "too_long"),
        ("gender", "女", "not_an_option"),
        ("age", "151", "not_an_age"),
        ("age", "-1", "not_an_age"),
        ("age", "4.5", "not_an_age"),
        ("company", "长" * 101, "too_long"),
        ("address", "长" * 301, "too_long"),
        ("qq", "0123456", "not_a_qq"),
        ("qq", "1234", "not_a_qq"),
        ("comment", "长" * 2001, "too_long"),
        ("comment", "a\x00", "invalid_text"),
        ("text", "长" * 501, "too_long"),
        ("text", "\ud800", "invalid_text"),
        ("number", "1e5", "not_a_number"),
        ("number", "twelve", "not_a_number"),
        ("number", "1" * 16, "not_a_number"),
        ("date", "2026-02-30", "not_a_date"),
        ("date", "1.3.2026", "not_a_date"),
        ("date", "0001-01-01", "not_a_date"),
        ("choice", "别的", "not_an_option"),
        ("gone", "x", "unknown"),
        ("gone", None, "unknown"),
    ],
)
def test_what_cannot_be_meant_is_named(key: str, typed: str | None, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        changed_fields({}, {"company": "松间", key: typed}, OWN)

    assert [(problem.field, problem.code) for problem in refused.value.fields] == [(f"fields.{key}", code)]


def test_every_refused_value_is_named_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        changed_fields({}, {"phone": "x", "email": "x", "age": "30", "date": "x"}, OWN)

    assert [problem.field for problem in refused.value.fields] == ["fields.phone", "fields.email", "fields.date"]


@given(some.dictionaries(some.sampled_from(KEYS), values, max_size=8))
def test_what_was_kept_once_changes_nothing_the_second_time(typed: dict[str, str | None]) -> None:
    try:
        changes = changed_fields({}, typed, OWN)
    except InvalidInput as error:
        assert {problem.field.removeprefix("fields.") for problem in error.fields} <= typed.keys()  # noqa: PT017 -- either is fine
        return
    held = {key: after for key, (_, after) in changes.items() if after is not None}
    assert changed_fields(held, dict(held), OWN) == {}
    assert changed_fields(held, dict.fromkeys(held), OWN) == {key: (value, None) for key, value in held.items()}


@given(some.decimals(min_value=-(10**14), max_value=10**14, places=4))
def test_a_number_keeps_its_value(number: Decimal) -> None:
    kept = _after("number", f"{number:f}")

    assert kept is not None
    assert Decimal(kept) == number
    assert "E" not in kept


@given(some.dates(min_value=date(1800, 1, 1), max_value=date(2199, 12, 31)))
def test_every_day_of_four_centuries_is_a_date(day: date) -> None:
    assert _after("date", day.isoformat()) == day.isoformat()


@pytest.mark.parametrize("written", ["13800138000", "+86 138-0013-8000", "0086 13800138000", "(138)00138000"])
def test_a_number_is_the_same_however_it_is_written(written: str) -> None:
    assert phone_key(written) == "13800138000"


def test_keys_of_nothing_are_nothing() -> None:
    assert (phone_key(None), phone_key(""), email_key(None), email_key("A@B.cn")) == (None, None, None, "a@b.cn")


def test_options_of_a_choice() -> None:
    assert cleaned_options(FieldKind.CHOICE, [" 大 ", "小"]) == ["大", "小"]
    assert cleaned_options(FieldKind.TEXT, []) == []
    for kind, options, field, code in (
        (FieldKind.CHOICE, ["大"], "options", "too_few"),
        (FieldKind.CHOICE, [str(number) for number in range(MAX_OPTIONS + 1)], "options", "too_many"),
        (FieldKind.CHOICE, ["大", " 大"], "options.1", "twice"),
        (FieldKind.CHOICE, ["大", " "], "options.1", "empty"),
        (FieldKind.TEXT, ["大"], "options", "not_a_choice"),
    ):
        with pytest.raises(InvalidInput) as refused:
            cleaned_options(kind, options)
        assert [(problem.field, problem.code) for problem in refused.value.fields] == [(field, code)]


IDS = [UUID(int=number) for number in range(1, 40)]


@given(some.permutations(IDS[:12]), some.integers(min_value=0, max_value=12))
def test_an_order_puts_first_what_is_named_and_loses_nothing(wanted: list[UUID], named: int) -> None:
    order = new_order(IDS[:12], wanted[:named])

    assert order[:named] == wanted[:named]
    assert order[named:] == [one for one in IDS[:12] if one not in wanted[:named]]


def test_an_order_of_strangers_is_refused() -> None:
    for named, field, code in (([IDS[0], IDS[5]], "ids.1", "unknown"), ([IDS[0], IDS[0]], "ids", "twice")):
        with pytest.raises(InvalidInput) as refused:
            new_order(IDS[:3], named)
        assert [(problem.field, problem.code) for problem in refused.value.fields] == [(field, code)]


def test_a_tag_counts_once_and_there_are_at_most_twenty() -> None:
    assert chosen_tags([IDS[1], IDS[0], IDS[1]]) == [IDS[1], IDS[0]]
    assert len(chosen_tags(IDS[:MAX_TAGS])) == MAX_TAGS
    with pytest.raises(InvalidInput) as refused:
        chosen_tags(IDS[: MAX_TAGS + 1])
    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("tag_ids", "too_many")]


@given(some.text(max_size=40))
def test_a_tags_name_is_a_short_line_or_refused(name: str) -> None:
    try:
        cleaned = cleaned_tag_name(name)
    except InvalidInput as error:
        assert [problem.field for problem in error.fields] == ["name"]  # noqa: PT017 -- either is fine
        return
    assert cleaned == cleaned.strip() == cleaned_tag_name(cleaned)
    assert 0 < len(cleaned) <= 30
    assert "\n" not in cleaned
