from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qiatan.kit.errors import InvalidInput
from qiatan.kit.rich_text import RichDocument, RichParagraph, RichSpan
from qiatan.modules.replies.contracts import VARIABLES, ReplyKind
from qiatan.modules.replies.rules import check_entry, check_title, moved, pinyin_of


def says(*spans: RichSpan | str) -> RichDocument:
    made = [RichSpan(text=span) if isinstance(span, str) else span for span in spans]
    return RichDocument(blocks=[RichParagraph(kind="paragraph", spans=made)])


def test_without_form_it_is_plain_and_its_text_is_all_of_it() -> None:
    entry = check_entry(says("您好\n在的 😀 "))

    assert (entry.text, entry.kind, entry.document) == ("您好\n在的 😀", ReplyKind.PLAIN, None)


def test_with_form_it_is_rich_and_keeps_its_text_for_searching() -> None:
    entry = check_entry(says("退货", RichSpan(text="免运费", bold=True)))

    assert (entry.text, entry.kind) == ("退货免运费", ReplyKind.RICH)
    assert entry.document is not None


def test_every_known_variable_may_be_used_with_or_without_blanks() -> None:
    text = " ".join(f"{{{{{name}}}}} {{{{ {name} }}}}" for name in VARIABLES)

    assert check_entry(says(text)).text == text


def test_unknown_variables_are_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        check_entry(says("{{customer.nmae}} {{ customer.name }} {{constructor.constructor('alert(1)')()}} {{}}"))

    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("document", "unknown_variable")] * 3
    assert "{{customer.nmae}}" in refused.value.fields[0].message
    assert "{{customer.name}}" in refused.value.fields[0].message


def test_a_variable_has_one_look() -> None:
    with pytest.raises(InvalidInput) as refused:
        check_entry(says("{{customer.", RichSpan(text="name}}", bold=True)))

    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("document", "split_variable")]


@pytest.mark.parametrize("text", ["{ {customer.name} }", "{{", "}}", "{{a{b}}", "${x}", "{% if x %}", "{{{"])
def test_other_braces_are_text(text: str) -> None:
    assert check_entry(says(text)).text == text


@pytest.mark.parametrize(("title", "code"), [("", "empty"), (" \u200b", "empty"), ("字" * 101, "too_long"), ("a\x00", "invalid_text")])
def test_titles_that_are_none(title: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_title(title)

    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("title", code)]


@pytest.mark.parametrize(
    ("text", "syllables", "initials"),
    [
        ("退货地址", "tui huo di zhi", "thdz"),
        ("重庆银行", "chong qing yin hang", "cqyh"),
        ("7 天无理由 VIP", "7 tian wu li you vip", "7twlyv"),
        ("ＡＢＣ　绿色", "abc lv se", "als"),
        ("😀！", "", ""),
        ("Return policy", "return policy", "rp"),
    ],
)
def test_how_a_title_is_typed(text: str, syllables: str, initials: str) -> None:
    found = pinyin_of(text)

    assert (found.syllables, found.initials) == (syllables, initials)


@settings(deadline=None)  # the first call loads a dictionary
@given(st.text(max_size=60))
def test_any_title_has_a_spelling_of_small_latin_letters(text: str) -> None:
    found = pinyin_of(text)

    assert found.syllables.isascii()
    assert found.initials == "".join(syllable[0] for syllable in found.syllables.split())


A, B, C, D = (UUID(int=number) for number in range(1, 5))


@pytest.mark.parametrize(
    ("wanted", "right"),
    [([A, B], True), ([B, A], True), ([B, C, A], True), ([A], False), ([A, B, D], False), ([], False)],
)
def test_an_order_names_all_that_is_there_and_nothing_foreign(wanted: list[UUID], right: bool) -> None:
    assert moved(wanted, {A, B}, {A, B, C}) is right


def test_an_order_names_each_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        moved([A, B, A], {A, B}, ())

    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("ids", "duplicate")]
