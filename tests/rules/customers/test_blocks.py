from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from qiatan.kit.errors import InvalidInput
from qiatan.modules.customers.rules import checked_end, cleaned_reason

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)


def test_a_block_ends_later_or_never() -> None:
    assert checked_end(None, NOW) is None
    assert checked_end(NOW + timedelta(seconds=1), NOW) == NOW + timedelta(seconds=1)
    for wanted, code in ((NOW, "past"), (NOW - timedelta(days=1), "past"), (NOW + timedelta(days=3_661), "too_late")):
        with pytest.raises(InvalidInput) as refused:
            checked_end(wanted, NOW)
        assert [(problem.field, problem.code) for problem in refused.value.fields] == [("expires_at", code)]


def test_a_reason_is_one_line() -> None:
    assert cleaned_reason(" 辱骂\n客服 ") == "辱骂 客服"
    for given, code in ((" ", "empty"), ("长" * 201, "too_long"), ("a\x00", "invalid_text")):
        with pytest.raises(InvalidInput) as refused:
            cleaned_reason(given)
        assert [(problem.field, problem.code) for problem in refused.value.fields] == [("reason", code)]
