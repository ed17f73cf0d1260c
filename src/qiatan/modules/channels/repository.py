"""Every query on channels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, exists, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from qiatan.infra.db import Tx, is_one_of
from qiatan.modules.channels.models import ChannelRow

_CLAIM = text("SELECT pg_advisory_xact_lock(hashtextextended('channels:' || CAST(:enterprise AS text), 0))")


class ChannelRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def get(self, channel_id: UUID) -> ChannelRow | None:
        return await self._session.get(ChannelRow, (self._enterprise_id, channel_id), populate_existing=True)

    async def first(self) -> ChannelRow | None:
        query = select(ChannelRow).where(ChannelRow.enterprise_id == self._enterprise_id, ChannelRow.is_first)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def page(self, after: UUID | None, limit: int) -> list[ChannelRow]:
        """Oldest first."""
        query = select(ChannelRow).where(ChannelRow.enterprise_id == self._enterprise_id)
        if after is not None:
            query = query.where(ChannelRow.id > after)
        return list((await self._session.execute(query.order_by(ChannelRow.id).limit(limit))).scalars())

    async def claim(self) -> None:
        """Wait until nobody else of the enterprise makes a channel, until the end of the transaction."""
        await self._session.execute(_CLAIM, {"enterprise": self._enterprise_id})

    async def count(self) -> int:
        query = select(func.count()).select_from(ChannelRow).where(ChannelRow.enterprise_id == self._enterprise_id)
        return (await self._session.execute(query)).scalar_one()

    async def names(self, channel_ids: Iterable[UUID]) -> Sequence[Row[UUID, str, str]]:
        query = select(ChannelRow.id, ChannelRow.kind, ChannelRow.name).where(
            ChannelRow.enterprise_id == self._enterprise_id, is_one_of(ChannelRow.id, channel_ids)
        )
        return (await self._session.execute(query)).all()

    async def add(self, **values: Any) -> ChannelRow | None:
        """The new channel, or None where the enterprise has its first channel already and this would be another first."""
        query = (
            insert(ChannelRow)
            .values(enterprise_id=self._enterprise_id, **values)
            .on_conflict_do_nothing(index_elements=["enterprise_id"], index_where=text("is_first"))
            .returning(ChannelRow)
        )
        return (await self._session.execute(query)).scalar_one_or_none()

    async def change(self, channel_id: UUID, version: int, values: dict[str, Any]) -> ChannelRow | None:
        """None when the version is not the current one any more."""
        query = (
            update(ChannelRow)
            .where(ChannelRow.enterprise_id == self._enterprise_id, ChannelRow.id == channel_id, ChannelRow.version == version)
            .values(version=ChannelRow.version + 1, **values)
            .returning(ChannelRow)
            .execution_options(populate_existing=True)
        )
        return (await self._session.execute(query)).scalar_one_or_none()


class ChannelDirectory:
    """Finds the enterprise behind a public key: only in a transaction across enterprises."""

    def __init__(self, tx: Tx) -> None:
        if not tx.is_system:
            raise RuntimeError("keys are looked up across enterprises, in a system transaction")
        self._session = tx.session

    async def enabled_by_key(self, key: str) -> ChannelRow | None:
        query = select(ChannelRow).where(ChannelRow.key == key, ChannelRow.enabled)
        return (await self._session.execute(query)).scalar_one_or_none()


async def having_first(tx: Tx) -> set[UUID]:
    """Enterprises that have their first channel. Needs the system role."""
    return set((await tx.session.execute(select(ChannelRow.enterprise_id).where(ChannelRow.is_first))).scalars())


def enabled_channel(enterprise_id: InstrumentedAttribute[UUID], channel_id: InstrumentedAttribute[UUID]) -> ColumnElement[bool]:
    return exists().where(ChannelRow.enterprise_id == enterprise_id, ChannelRow.id == channel_id, ChannelRow.enabled)
