"""Queries on notes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, tuple_

from qiatan.infra.db import Tx
from qiatan.modules.customers.models import NoteRow


class NoteRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def page(self, customer_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int) -> list[NoteRow]:
        """Newest first."""
        query = select(NoteRow).where(NoteRow.enterprise_id == self._enterprise_id, NoteRow.customer_id == customer_id)
        if after is not None:
            query = query.where(tuple_(NoteRow.created_at, NoteRow.id) < after)
        query = query.order_by(NoteRow.created_at.desc(), NoteRow.id.desc()).limit(limit)
        return list((await self._session.execute(query)).scalars())

    async def count(self, customer_id: UUID) -> int:
        query = select(func.count()).select_from(NoteRow)
        query = query.where(NoteRow.enterprise_id == self._enterprise_id, NoteRow.customer_id == customer_id)
        return (await self._session.execute(query)).scalar_one()

    async def locked(self, customer_id: UUID, note_id: UUID) -> NoteRow | None:
        query = select(NoteRow).where(
            NoteRow.enterprise_id == self._enterprise_id, NoteRow.customer_id == customer_id, NoteRow.id == note_id
        )
        query = query.with_for_update().execution_options(populate_existing=True)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def add(self, note_id: UUID, customer_id: UUID, agent_id: UUID, text: str, now: datetime) -> NoteRow:
        row = NoteRow(
            enterprise_id=self._enterprise_id, id=note_id, customer_id=customer_id, agent_id=agent_id, text=text, created_at=now, version=1
        )
        self._session.add(row)
        await self._session.flush()
        return row

    async def delete(self, row: NoteRow) -> None:
        await self._session.delete(row)
        await self._session.flush()
