"""Tries counted in the database: where a limit keeps somebody from guessing, any number of nodes together allow what one would (decision 0031).

What only guards a process against floods is counted in its memory (`throttle.py`).
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from sqlalchemy import Index, LargeBinary, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra import metrics
from qiatan.infra.db import Base, Tx
from qiatan.infra.sealing import Sealer
from qiatan.infra.throttle import Rate
from qiatan.kit.errors import TooMany

LONGEST = timedelta(days=1)
"""No limit reaches further."""


class TryRow(Base):
    """Of no enterprise; the application role does not see it. `until`: when all tries so far will be forgotten."""

    __tablename__ = "tries"
    __table_args__ = (Index("tries_until", "until"),)

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    until: Mapped[datetime]


class Tries:
    """Counts by purpose and parts (an account, an address …), under keys that tell nobody who tried what.

    Every `tx` sees all enterprises. Where several purposes are counted in one transaction, they come in the same order everywhere: each holds
    its row until the end.
    """

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    async def wait(self, tx: Tx, purpose: str, rate: Rate, *parts: str) -> float:
        """Take one try. Returns 0 when there was one, else the seconds until there will be; then nothing is counted."""
        key, every = self._key(purpose, parts), _every(rate)
        after = func.greatest(TryRow.until, tx.now) + every
        new = insert(TryRow).values(key=key, until=tx.now + every)
        counted = new.on_conflict_do_update(
            index_elements=[TryRow.key], set_={"until": after}, where=after <= tx.now + rate.burst * every
        ).returning(TryRow.until)
        if (await tx.session.execute(counted)).scalar_one_or_none() is not None:
            return 0.0
        metrics.THROTTLED.add(purpose)
        until = (await tx.session.execute(select(TryRow.until).where(TryRow.key == key))).scalar_one_or_none()
        left = (until or tx.now) - tx.now - (rate.burst - 1) * every
        return max(0.001, left.total_seconds())

    async def take(self, tx: Tx, purpose: str, rate: Rate, *parts: str) -> None:
        """Take one try.

        Raises:
            TooMany: with the whole seconds to wait.
        """
        seconds = await self.wait(tx, purpose, rate, *parts)
        if seconds > 0:
            raise too_many(seconds)

    async def give_back(self, tx: Tx, purpose: str, rate: Rate, *parts: str) -> None:
        """Count one try less: it was not one of those that are counted."""
        here = TryRow.key == self._key(purpose, parts)
        await tx.session.execute(update(TryRow).where(here).values(until=TryRow.until - _every(rate)))

    async def forget(self, tx: Tx, purpose: str, *parts: str) -> None:
        """Forget the tries counted by these parts (after a success)."""
        await tx.session.execute(delete(TryRow).where(TryRow.key == self._key(purpose, parts)))

    def _key(self, purpose: str, parts: tuple[str, ...]) -> bytes:
        return self._sealer.sign("|".join(parts).encode(), purpose=f"tries {purpose}")


def too_many(seconds: float) -> TooMany:
    """The refusal of who has to wait so long."""
    return TooMany(retry_after=max(1, math.ceil(seconds)))


async def purge(tx: Tx) -> None:
    """Drop what is over and says nothing any more, and what a clock that was wrong wrote."""
    await tx.session.execute(delete(TryRow).where(or_(TryRow.until <= tx.now, TryRow.until > tx.now + LONGEST)))


def _every(rate: Rate) -> timedelta:
    return timedelta(minutes=1 / rate.per_minute)
