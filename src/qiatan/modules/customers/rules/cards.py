"""Names, and what a site says of its visitor."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from qiatan.kit.errors import FieldProblem, InvalidInput
from qiatan.kit.text import clean_name, storable
from qiatan.modules.customers.contracts import (
    MAX_METADATA,
    METADATA_NAME_LENGTH,
    METADATA_VALUE_LENGTH,
)


def shown_name(customer_id: UUID, name: str | None) -> str:
    """The given name; for a nameless visitor one that stays the same and tells two of them apart."""
    return name or f"访客 {customer_id.hex[-5:].upper()}"


def id_part(words: str) -> str | None:
    """The beginning of the made name's mark that somebody searches for, as it stands in ids; None for what is no such mark."""
    mark = words.removeprefix("访客").strip().lower()
    return mark if 2 <= len(mark) <= 5 and set(mark) <= set("0123456789abcdef") else None


def merged_metadata(held: Mapping[str, str], given: Mapping[str, str | None]) -> dict[str, str]:
    """What is known after the site said `given`: later words replace earlier ones of the same name, empty ones change nothing, None takes
    the name away.

    Raises:
        InvalidInput: names every value (`values.NAME`) that is too long or not text, or `values` when there are too many names.
    """
    merged = dict(held)
    problems: list[FieldProblem] = []
    for raw, value in given.items():
        try:
            name = clean_name(raw, field="values", limit=METADATA_NAME_LENGTH)
        except InvalidInput as error:
            problems += error.fields
            continue
        if value is None:
            merged.pop(name, None)
        elif not storable(value):
            problems.append(FieldProblem(f"values.{name}", "invalid_text", "Remove the characters that are not text (NUL, broken pairs)."))
        elif len(value) > METADATA_VALUE_LENGTH:
            problems.append(
                FieldProblem(f"values.{name}", "too_long", f"Shorten it to {METADATA_VALUE_LENGTH} characters; it has {len(value)}.")
            )
        elif value.strip():
            merged[name] = value.strip()
    if len(merged) > MAX_METADATA:
        known = f"Keep to {MAX_METADATA} names; with those known there are {len(merged)}. Null takes one away."
        problems.append(FieldProblem("values", "too_many", known))
    if problems:
        raise InvalidInput(fields=tuple(problems[:MAX_METADATA]))
    return merged
