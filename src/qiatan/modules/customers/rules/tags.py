"""Tags: names, how many, in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from qiatan.kit.errors import InvalidInput
from qiatan.kit.text import clean_name
from qiatan.modules.customers.contracts import GROUP_LENGTH, MAX_TAGS, TAG_LENGTH


def cleaned_tag_name(name: str) -> str:
    """Raises InvalidInput: blank, too long or not text."""
    return clean_name(name, field="name", limit=TAG_LENGTH)


def cleaned_group_name(name: str) -> str:
    """Raises InvalidInput: blank, too long or not text."""
    return clean_name(name, field="name", limit=GROUP_LENGTH)


def chosen_tags(tag_ids: Iterable[UUID], *, limit: int = MAX_TAGS) -> list[UUID]:
    """Every tag once, in the order given.

    Raises:
        InvalidInput: there are too many (`tag_ids`).
    """
    distinct = list(dict.fromkeys(tag_ids))
    if len(distinct) > limit:
        raise InvalidInput.of("tag_ids", "too_many", f"Keep at most {limit} tags; there are {len(distinct)}.")
    return distinct


def new_order(held: Sequence[UUID], named: Sequence[UUID]) -> list[UUID]:
    """First what is named, as it is named; then the rest, in the order it had.

    Raises:
        InvalidInput: `ids` names something that is not there, or something twice.
    """
    known = set(held)
    for place, one in enumerate(named):
        if one not in known:
            raise InvalidInput.of(f"ids.{place}", "unknown", "This does not exist (any more). Load the list again.")
    wanted = list(dict.fromkeys(named))
    if len(wanted) != len(named):
        raise InvalidInput.of("ids", "twice", "Name each only once.")
    first = set(wanted)
    return [*wanted, *(one for one in held if one not in first)]
