"""The hash chain of the audit log: each entry's hash covers the entry and the hash before it (security.md A67)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
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


def chain_hash(previous: bytes, entry: Mapping[str, Any]) -> bytes:
    """SHA-256 over the previous hash and the entry's columns in one canonical form (JSON with sorted keys, times in UTC)."""
    canonical = json.dumps([_plain(entry[name]) for name in HASHED], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(previous + canonical.encode()).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value) if isinstance(value, UUID) else value
