"""How large, how many, how long (F14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

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
PICTURES_OF_VISITOR = 100 * 1024 * 1024
PICTURES_OF_AGENT = 5 * 1024 * 1024 * 1024
"""Bytes of pictures as they are kept, within a day. They stay for ever once sent, so they are few where anybody can send them."""
ADDRESSES = 8
"""One address may send a share of what all visitors of an enterprise may: it takes so many of them to shut the others out."""


@dataclass(frozen=True, slots=True)
class DayLimit:
    """How many bytes may come from one source within a day; `refusal` is told to who is above."""

    source: str
    bytes: int
    refusal: str


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
    _check(quota.bytes, lately, size, now, _too_much(quota.bytes))


def day_limits(kind: str, sender_id: UUID, address_group: str, enterprise_bytes: int, *, pictures: bool) -> list[DayLimit]:
    """What counts for something that is sent: the narrowest first. `enterprise_bytes`: of all visitors, and as many of all agents.

    Files of one person are not among it: what they begin to send counts, and not only what has come (`check_quota`).
    """
    limits = []
    if pictures:
        most = PICTURES_OF_AGENT if kind == "agent" else PICTURES_OF_VISITOR
        limits.append(DayLimit(f"pictures {sender_id}", most, _too_much(most)))
    if kind != "agent":
        share = min(enterprise_bytes, max(OF_VISITOR.bytes, enterprise_bytes // ADDRESSES))
        refusal = "As much was sent from your network today as this server takes from one. Send it later."
        limits.append(DayLimit(f"address {address_group}", share, refusal))
    return [*limits, of_everybody(kind, enterprise_bytes)]


def of_everybody(kind: str, enterprise_bytes: int) -> DayLimit:
    """Agents and visitors have as much each, so that no crowd of strangers keeps an enterprise's own people from sending."""
    source = "agents" if kind == "agent" else "visitors"
    return DayLimit(
        source, enterprise_bytes, f"All {source} of this enterprise have sent as much today as this server takes. Send it later."
    )


def check_day(limit: DayLimit, lately: Sequence[tuple[datetime, int]], size: int, now: datetime) -> None:
    """Whether so much more may come, given what came within a day (which hour, bytes), oldest first.

    Raises:
        QuotaReached: with the seconds after which it may.
    """
    _check(limit.bytes, lately, size, now, limit.refusal)


def hour_of(now: datetime) -> datetime:
    """What comes within an hour is counted together."""
    return now.replace(minute=0, second=0, microsecond=0)


def _too_much(most: int) -> str:
    return f"More than {most // 1024 // 1024} MiB in a day. Send it later."


def _check(most: int, lately: Sequence[tuple[datetime, int]], size: int, now: datetime, refusal: str) -> None:
    over = sum(count for _, count in lately) + size - most
    if over <= 0:
        return
    free_at = now + UNFINISHED_FOR
    for came_at, count in lately:
        over -= count
        if over <= 0:
            free_at = came_at + UNFINISHED_FOR
            break
    raise QuotaReached(refusal, retry_after=max(1, round((free_at - now).total_seconds())))
