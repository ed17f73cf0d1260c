"""Opaque cursors for keyset paging: the sort key of the last row, as URL-safe text."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel

from qiatan.kit.errors import InvalidInput

MAX_PAGE = 100
MAX_CURSOR = 500
Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """One page of a list. `next` is the cursor of the following page, absent on the last."""

    items: list[Item]
    next: str | None = None


def encode_cursor(*key: str | int) -> str:
    packed = json.dumps(key, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode_cursor(cursor: str, length: int) -> list[str | int]:
    """The sort key inside a cursor.

    Raises:
        InvalidInput: when the text is not a cursor of that many parts; the client should start from the first page.
    """
    try:
        padded = cursor[:MAX_CURSOR].encode() + b"=" * (-len(cursor[:MAX_CURSOR]) % 4)
        key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, UnicodeError, RecursionError):
        key = None
    if not isinstance(key, list) or len(key) != length or not all(isinstance(part, str | int) for part in key):
        raise InvalidInput.of("after", "invalid", "This cursor is not ours. Start from the first page.")
    return key


def encode_time_cursor(at: datetime, row: UUID) -> str:
    return encode_cursor(at.isoformat(), str(row))


def decode_time_cursor(cursor: str) -> tuple[datetime, UUID]:
    """The (time, id) key of lists sorted by time.

    Raises:
        InvalidInput: as `decode_cursor`.
    """
    at, row = decode_cursor(cursor, 2)
    try:
        return moment_of(at), UUID(str(row))
    except ValueError:
        raise InvalidInput.of("after", "invalid", "This cursor is not ours. Start from the first page.") from None


def moment_of(part: str | int) -> datetime:
    """A time inside a cursor. Ours have a zone: one without could not be compared with them. Raises ValueError for what is none."""
    moment = datetime.fromisoformat(str(part))
    if moment.tzinfo is None:
        raise ValueError
    return moment
