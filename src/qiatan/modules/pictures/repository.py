"""Every query on pictures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from qiatan.infra.db import Tx, is_among
from qiatan.modules.pictures.models import HoldRow, PictureRow


class PictureRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def add(self, **values: Any) -> None:
        self._session.add(PictureRow(enterprise_id=self._enterprise_id, **values))
        await self._session.flush()

    async def pinned(self, ids: Collection[UUID]) -> Sequence[Row[UUID, int, int]]:
        """(id, width, height) of those there are; until the end of the transaction none of them can go."""
        query = (
            select(PictureRow.id, PictureRow.width, PictureRow.height)
            .where(PictureRow.enterprise_id == self._enterprise_id, PictureRow.id.in_(ids))
            .order_by(PictureRow.id)
            .with_for_update(read=True, key_share=True)
        )
        return (await self._session.execute(query)).all()

    async def held_by(self, holder_id: UUID) -> set[UUID]:
        query = select(HoldRow.picture_id).where(HoldRow.enterprise_id == self._enterprise_id, HoldRow.holder_id == holder_id)
        return set((await self._session.execute(query)).scalars())

    async def hold(self, holder_id: UUID, ids: Collection[UUID]) -> None:
        rows = [{"enterprise_id": self._enterprise_id, "holder_id": holder_id, "picture_id": picture_id} for picture_id in ids]
        await self._session.execute(insert(HoldRow).values(rows).on_conflict_do_nothing())

    async def release(self, holder_id: UUID, ids: Collection[UUID], now: datetime) -> None:
        await self._session.execute(
            delete(HoldRow).where(HoldRow.enterprise_id == self._enterprise_id, HoldRow.holder_id == holder_id, HoldRow.picture_id.in_(ids))
        )
        freed = update(PictureRow).where(PictureRow.enterprise_id == self._enterprise_id, PictureRow.id.in_(ids)).values(freed_at=now)
        await self._session.execute(freed)

    async def drop_unheld(self, ids: Collection[UUID]) -> list[str]:
        """Delete those of these that nothing holds and nobody is about to hold; answers the contents that are given up."""
        those = (
            select(PictureRow.enterprise_id, PictureRow.id)
            .where(PictureRow.enterprise_id == self._enterprise_id, PictureRow.id.in_(ids), PictureRow.sent_at.is_(None))
            .order_by(PictureRow.id)
        )
        return await _drop(self._session, those)

    async def drop_oldest_free(self, uploader_id: UUID, keep: int) -> list[str]:
        """Delete what this agent brought and nothing holds, but the newest `keep`; answers the contents that are given up."""
        free = (
            select(PictureRow.enterprise_id, PictureRow.id)
            .where(
                PictureRow.enterprise_id == self._enterprise_id,
                PictureRow.uploader_id == uploader_id,
                PictureRow.sent_at.is_(None),
                ~_held(),
            )
            .order_by(PictureRow.created_at.desc(), PictureRow.id.desc())
            .offset(keep)
        )
        return await _drop(self._session, free)


class PictureDirectory:
    """Pictures of whatever enterprise: only in a transaction across enterprises."""

    def __init__(self, tx: Tx) -> None:
        if not tx.is_system:
            raise RuntimeError("pictures are looked up across enterprises, in a system transaction")
        self._session = tx.session

    async def find(self, picture_id: UUID) -> PictureRow | None:
        return (await self._session.execute(select(PictureRow).where(PictureRow.id == picture_id))).scalar_one_or_none()

    async def drop_unused(self, before: datetime, limit: int) -> list[str]:
        """Delete what nothing has held since before that time; answers the contents that are given up."""
        old = (
            select(PictureRow.enterprise_id, PictureRow.id)
            .where(PictureRow.sent_at.is_(None), PictureRow.freed_at < before, ~_held())
            .limit(limit)
        )
        return await _drop(self._session, old)


async def _drop(session: AsyncSession, query: Select[UUID, UUID]) -> list[str]:
    """Delete those of the pictures that nobody holds or is about to hold; answers the contents that are given up."""
    found = (await session.execute(query.with_for_update(skip_locked=True))).all()
    if not found:
        return []
    # Somebody may have held one, and let go of the lock, after the query began: only a statement that begins now sees that.
    those = is_among(PictureRow.enterprise_id, PictureRow.id, [(row.enterprise_id, row.id) for row in found])
    given_up = await session.execute(delete(PictureRow).where(those, ~_held()).returning(PictureRow.blob))
    return list(given_up.scalars())


def _held() -> Any:
    return exists().where(HoldRow.enterprise_id == PictureRow.enterprise_id, HoldRow.picture_id == PictureRow.id)
