"""The audit log's chain: what a hash covers, and what `details` may hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from hypothesis import assume, given
from hypothesis import strategies as some

from qiatan.modules.accounts.contracts import RegionMode
from qiatan.modules.accounts.rules.audit import GENESIS, HASHED, LONGEST_LIST, LONGEST_TEXT, bounded, chain_hash, flaw_of

words = some.text(some.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
# Numbers keep their form in `jsonb`; fractions would not, and nothing writes them.
details = some.dictionaries(
    words, some.recursive(words | some.booleans() | some.none() | some.integers(-(2**53), 2**53), some.lists, max_leaves=5), max_size=4
)
entries = some.fixed_dictionaries(
    {
        "enterprise_id": some.uuids(),
        "seq": some.integers(1, 2**63 - 1),
        "at": some.integers(0, 2**41).map(lambda milliseconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)),
        "actor_kind": some.sampled_from(["agent", "api_key", "operator", "system"]),
        "actor_id": some.none() | some.uuids(),
        "address": words,
        "action": words,
        "subject_kind": some.none() | words,
        "subject_id": some.none() | some.uuids(),
        "subject_name": some.none() | words,
        "details": details,
    }
)
hashes = some.binary(min_size=32, max_size=32)


@given(hashes, entries, entries, some.sampled_from(HASHED))
def test_any_column_that_changes_changes_the_hash(previous: bytes, entry: dict[str, Any], other: dict[str, Any], column: str) -> None:
    assume(json.dumps(entry[column], default=str, sort_keys=True) != json.dumps(other[column], default=str, sort_keys=True))

    assert chain_hash(previous, entry | {column: other[column]}) != chain_hash(previous, entry)


@given(hashes, hashes, entries)
def test_the_hash_before_is_part_of_it(previous: bytes, other: bytes, entry: dict[str, Any]) -> None:
    assert (chain_hash(previous, entry) == chain_hash(other, entry)) is (previous == other)


@given(hashes, entries)
def test_it_does_not_depend_on_how_the_database_hands_the_row_out(previous: bytes, entry: dict[str, Any]) -> None:
    elsewhere = entry["at"].astimezone(timezone(timedelta(hours=8)))
    details = dict(reversed(json.loads(json.dumps(entry["details"])).items()))

    assert chain_hash(previous, entry | {"at": elsewhere, "details": details}) == chain_hash(previous, entry)


def test_columns_do_not_run_into_each_other() -> None:
    entry = dict.fromkeys(HASHED) | {"at": datetime(2026, 3, 2, tzinfo=UTC), "details": {}}

    assert chain_hash(GENESIS, entry | {"address": "ab", "action": "c"}) != chain_hash(GENESIS, entry | {"address": "a", "action": "bc"})
    assert chain_hash(GENESIS, entry | {"subject_name": None}) != chain_hash(GENESIS, entry | {"subject_name": "null"})


@given(hashes, entries)
def test_a_whole_entry_has_no_flaw_and_each_kind_of_damage_is_named(previous: bytes, entry: dict[str, Any]) -> None:
    seq = entry["seq"]
    row = entry | {"previous_hash": previous, "hash": chain_hash(previous, entry)}

    assert flaw_of(row, seq=seq, previous=previous) is None
    assert flaw_of(row, seq=seq - 1, previous=previous) == f"entry {seq - 1} is missing"
    assert (
        flaw_of(row | {"previous_hash": GENESIS[1:] + b"x"}, seq=seq, previous=previous)
        == f"entry {seq} does not follow the entry before it"
    )
    assert flaw_of(row | {"action": entry["action"] + "x"}, seq=seq, previous=previous) == f"entry {seq} was changed"


@given(details)
def test_plain_details_stay_as_they_are(given_details: dict[str, Any]) -> None:
    assert bounded(given_details) == given_details


def test_details_are_bounded_and_become_json() -> None:
    at = datetime(2026, 3, 2, 12, tzinfo=timezone(timedelta(hours=8)))
    made = bounded(
        {
            "text": "长" * 3_000,
            "list": list(range(2_000)),
            "set": frozenset({"b", "a"}),
            "id": UUID(int=7),
            "at": at,
            "mode": RegionMode.ONLY,
            "pair": (None, True),
        }
    )

    assert made["text"] == "长" * (LONGEST_TEXT - 1) + "…"
    assert made["list"] == [*range(LONGEST_LIST), "…"]
    assert made["set"] == ["a", "b"]
    assert (made["id"], made["at"]) == ("00000000-0000-0000-0000-000000000007", "2026-03-02T04:00:00.000000+00:00")
    assert (made["mode"], type(made["mode"])) == ("only", str)
    assert made["pair"] == [None, True]
    assert json.loads(json.dumps(made)) == made


@given(some.datetimes(timezones=some.timezones() | some.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours)))))
def test_every_time_of_the_calendar_is_kept(at: datetime) -> None:
    # In UTC: hours that a clock leaves out, or has twice, equal no time of another zone.
    assert datetime.fromisoformat(bounded({"from": at})["from"]) == at.astimezone(UTC)
