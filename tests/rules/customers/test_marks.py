from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from qiatan.kit.errors import InvalidInput
from qiatan.kit.text import clean_name
from qiatan.modules.customers.contracts import MAX_METADATA, METADATA_VALUE_LENGTH
from qiatan.modules.customers.rules import merged_metadata

words = some.text(max_size=40)


@given(some.dictionaries(words, words, max_size=20), some.dictionaries(words, some.none() | some.text(max_size=600), max_size=25))
def test_metadata_never_grows_beyond_its_bounds(held: dict[str, str], given_values: dict[str, str | None]) -> None:
    merged = {}
    try:
        merged = merged_metadata(held, given_values)
    except InvalidInput as error:
        assert error.fields != ()  # noqa: PT017 -- either is fine, but a refusal names what is wrong
        return
    assert len(merged) <= MAX_METADATA
    taken = {name for name, value in given_values.items() if value is None}
    assert held.keys() - merged.keys() <= {clean_name(name, field="values") for name in taken}
    assert all(
        value.strip() == value and 0 < len(value) <= METADATA_VALUE_LENGTH for name, value in merged.items() if held.get(name) != value
    )


def test_every_value_that_is_refused_is_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        merged_metadata({}, {"a": "x" * 501, "b": "\ud800", "c": "kept"})

    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("values.a", "too_long"), ("values.b", "invalid_text")]
