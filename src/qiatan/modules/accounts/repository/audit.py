"""The audit chain: appending to it, reading it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from qiatan.infra.db import Tx
from qiatan.modules.accounts.models import AuditEntryRow, AuditHeadRow

GENESIS = bytes(32)


class AuditRepository:
    """The chain of one enterprise."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def lock_head(self) -> tuple[int, bytes]:
        """The newest (seq, hash), locked until the end of the transaction; (0, 32 zero bytes) before the first entry."""
        start = upsert(AuditHeadRow).values(enterprise_id=self._enterprise_id, seq=0, hash=GENESIS).on_conflict_do_nothing()
        await self._session.execute(start)
        query = select(AuditHeadRow.seq, AuditHeadRow.hash).where(AuditHeadRow.enterprise_id == self._enterprise_id).with_for_update()
        found = (await self._session.execute(query)).one()
        return found.seq, found.hash

    async def append(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add entries (complete rows of this enterprise) and move the head to the last of them. The caller holds the head's lock."""
        await self._session.execute(insert(AuditEntryRow), list(rows))
        newest = rows[-1]
        here = AuditHeadRow.enterprise_id == self._enterprise_id
        await self._session.execute(update(AuditHeadRow).where(here).values(seq=newest["seq"], hash=newest["hash"]))
