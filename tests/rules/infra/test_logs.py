"""What a log line keeps of others' words."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from qiatan.infra import logs


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            'duplicate key value violates unique constraint "uq_tags_name"\nDETAIL:  Key (name)=(VIP) already exists.',
            'duplicate key value violates unique constraint "uq_tags_name"',
        ),
        ('invalid input syntax for type uuid: "Meier"', 'invalid input syntax for type uuid: "…"'),
        ("invalid literal for int() with base 10: 'Meier'", "invalid literal for int() with base 10: '…'"),
        ('relation "conversations" does not exist', 'relation "conversations" does not exist'),
        ("Key (email)=(a@b.example) is taken", "Key …"),
        ("1 validation error: name input_value=Meier", "1 validation error: name …"),
        ("it broke {'text': Meier}", "it broke …"),
        ("cut off 'Meier", "cut off '…"),
        (
            "the mail server answered 450: 4.2.0 <li.lei@example.com>: Recipient address rejected: Greylisted",
            "the mail server answered 450: 4.2.0 <…@…>: Recipient address rejected: Greylisted",
        ),
        ("550 5.1.1 li.lei@example.com... User unknown", "550 5.1.1 …@… User unknown"),
        ("", ""),
    ],
)
def test_quoted_words_and_values_are_left_out(said: str, told: str) -> None:
    assert logs.told(said) == told


@given(st.text(alphabet=st.characters(exclude_characters="'\"\\", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1))
def test_nothing_between_quotation_marks_is_kept(word: str) -> None:
    assert logs.told(f"cannot read '{word}' here") == "cannot read '…' here"
    assert logs.told(f'cannot read "{word}" here') == 'cannot read "…" here'


@given(st.text(max_size=1_000))
def test_a_line_stays_one_line_of_bounded_length(words: str) -> None:
    told = logs.told(words)

    assert "\n" not in told
    assert len(told) <= logs.MOST_TOLD


def test_text_is_for_people_and_json_for_machines() -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, structlog.get_config())
    try:
        text, json_ = io.StringIO(), io.StringIO()
        logs.configure(style="text", stream=text)
        structlog.get_logger("test").info("test.happened", number=3)
        logs.configure(style="json", stream=json_)
        structlog.get_logger("test").info("test.happened", number=3)
    finally:
        root.handlers[:] = before[0]
        root.setLevel(before[1])
        structlog.configure(**before[2])

    assert "test.happened" in text.getvalue()
    assert not text.getvalue().startswith("{")
    assert json.loads(json_.getvalue())["number"] == 3
