"""The blacklist (F17)."""

from __future__ import annotations

from datetime import datetime, timedelta

from qiatan.kit.errors import InvalidInput
from qiatan.kit.text import clean_name
from qiatan.modules.customers.contracts import REASON_LENGTH

LONGEST = timedelta(days=3_660)


def cleaned_reason(reason: str) -> str:
    """Raises InvalidInput: blank, too long or not text."""
    return clean_name(reason, field="reason", limit=REASON_LENGTH)


def checked_end(expires_at: datetime | None, now: datetime) -> datetime | None:
    """Raises InvalidInput: the time is over already, or more than ten years ahead."""
    if expires_at is None:
        return None
    if expires_at <= now:
        raise InvalidInput.of("expires_at", "past", "This time is over already. Choose a later one, or none.")
    if expires_at > now + LONGEST:
        raise InvalidInput.of("expires_at", "too_late", "Choose a time within ten years, or none.")
    return expires_at
