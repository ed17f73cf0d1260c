"""How large, how many, how long (F14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from qiatan.kit.errors import InvalidInput, TooLarge
from qiatan.modules.files.errors import QuotaReached

MAX_FILE_BYTES = 50 * 1024 * 1024
"""Inclusive, both directions, any format (F14)."""
CHUNK_BYTES = 4 * 1024 * 1024
MAX_PARTS = 500
"""A file of the largest size is 13 parts as the pages cut it. Each part is a file of its own meanwhile, and its name a word in the upload's row."""
SNIFFED = 64 * 1024
"""How much of a file is looked at to say what it is."""
KEPT_FOR = timedelta(days=7)
"""From when it was sent (F14)."""
UNFINISHED_FOR = timedelta(days=1)
LINK_FOR = timedelta(minutes=15)
"""A signed address: long enough to look at a file, too short to be handed around."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What one person may send up: `unfinished` uploads at once, `bytes` begun within a day."""

    unfinished: int
    bytes: int


OF_VISITOR = Quota(unfinished=10, bytes=300 * 1024 * 1024)
OF_AGENT = Quota(unfinished=30, bytes=5 * 1024 * 1024 * 1024)


def check_size(size: int) -> None:
    """Whether a file of that many bytes may be sent.

    Raises:
        TooLarge: above 50 MiB.
        InvalidInput: it is empty.
    """
    if size > MAX_FILE_BYTES:
        raise TooLarge(f"This is larger than {MAX_FILE_BYTES // 1024 // 1024} MiB. Send something smaller, or in parts.")
    if size < 1:
        raise InvalidInput.of("size", "empty", "The file is empty. Choose another one.")


def check_quota(quota: Quota, unfinished: int, lately: Sequence[tuple[datetime, int]], size: int, now: datetime) -> None:
    """Whether one more upload may begin, given the unfinished ones and what was begun within a day (when, bytes), oldest first.

    Raises:
        QuotaReached: with the seconds after which this upload may begin.
    """
    if unfinished >= quota.unfinished:
        raise QuotaReached(f"{unfinished} files are on their way up already. Finish or cancel one of them first.", retry_after=60)
    over = sum(count for _, count in lately) + size - quota.bytes
    if over <= 0:
        return
    free_at = now + UNFINISHED_FOR
    for begun_at, count in lately:
        over -= count
        if over <= 0:
            free_at = begun_at + UNFINISHED_FOR
            break
    most = quota.bytes // 1024 // 1024
    raise QuotaReached(f"More than {most} MiB in a day. Send it later.", retry_after=max(1, round((free_at - now).total_seconds())))


def check_ceiling(most: int, begun: int, oldest: datetime | None, size: int, now: datetime) -> None:
    """Whether an upload may begin where the whole enterprise has begun that many bytes within a day, the oldest of them at `oldest`.

    Raises:
        QuotaReached: with the seconds after which some of it no longer counts.
    """
    if begun + size <= most:
        return
    free_at = (oldest or now) + UNFINISHED_FOR
    raise QuotaReached(
        "Your enterprise has sent as many files today as this server takes. Send it later.",
        retry_after=max(1, round((free_at - now).total_seconds())),
    )
