"""The hash chain of the audit log: each entry's hash covers the entry and the hash before it (security.md A67)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from uuid import UUID

HASHED = (
    "enterprise_id",
    "seq",
    "at",
    "actor_kind",
    "actor_id",
    "address",
    "action",
    "subject_kind",
    "subject_id",
    "subject_name",
    "details",
)
GENESIS = bytes(32)
"""What comes before the first entry."""

LONGEST_TEXT = 2_000
LONGEST_LIST = 1_000


def chain_hash(previous: bytes, entry: Mapping[str, Any]) -> bytes:
    """SHA-256 over the previous hash and the entry's columns in one canonical form (JSON with sorted keys, times in UTC)."""
    canonical = json.dumps([_plain(entry[name]) for name in HASHED], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(previous + canonical.encode()).digest()


def flaw_of(entry: Mapping[str, Any], *, seq: int, previous: bytes) -> str | None:
    """What is wrong with an entry that should have this number and follow this hash; None when it is whole."""
    if entry["seq"] != seq:
        return f"entry {seq} is missing"
    if not hmac.compare_digest(entry["previous_hash"], previous):
        return f"entry {seq} does not follow the entry before it"
    if not hmac.compare_digest(entry["hash"], chain_hash(previous, entry)):
        return f"entry {seq} was changed"
    return None


def bounded(value: Any) -> Any:
    """A value as `details` keep it: JSON that comes back from the database as it went in; long texts and lists cut off with a mark."""
    if isinstance(value, Enum):
        return bounded(value.value)
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else value[: LONGEST_TEXT - 1] + "…"
    if isinstance(value, datetime | UUID):
        return _plain(value)
    if isinstance(value, Mapping):
        return {str(key): bounded(item) for key, item in list(value.items())[:LONGEST_LIST]}
    if isinstance(value, set | frozenset):
        value = sorted(value)
    if isinstance(value, list | tuple):
        kept = [bounded(item) for item in value[:LONGEST_LIST]]
        return kept if len(value) <= LONGEST_LIST else [*kept, "…"]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        try:
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        except OverflowError:
            # Within a day of the calendar's ends (a filter may name such a time) UTC has no date for it.
            return value.isoformat(timespec="microseconds")
    return str(value) if isinstance(value, UUID) else value
