"""Queries on the blacklist. `standing` is the one word for what counts now."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Text, and_, cast, exists, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from qiatan.infra.db import Tx, is_among, is_one_of
from qiatan.modules.customers.models import BlacklistRulesRow, BlockRow, CustomerRow


def standing(now: datetime) -> ColumnElement[bool]:
    """Neither released nor over by itself."""
    return and_(BlockRow.released_at.is_(None), or_(BlockRow.expires_at.is_(None), BlockRow.expires_at > now))


def blocked_customer(
    enterprise_id: InstrumentedAttribute[UUID] | UUID, customer_id: InstrumentedAttribute[UUID] | UUID, now: datetime
) -> ColumnElement[bool]:
    """True where the columns name a customer who is on the blacklist."""
    return exists(select(BlockRow.id).where(BlockRow.enterprise_id == enterprise_id, BlockRow.customer_id == customer_id, standing(now)))


def blocked_address(enterprise_id: InstrumentedAttribute[UUID] | UUID, address_group: str, now: datetime) -> ColumnElement[bool]:
    """True where the enterprise lets nobody in from an address from where somebody on its blacklist came."""
    return exists(
        select(BlockRow.id)
        .join(BlacklistRulesRow, BlacklistRulesRow.enterprise_id == BlockRow.enterprise_id)
        .where(
            BlockRow.enterprise_id == enterprise_id,
            BlockRow.address_group == address_group,
            BlacklistRulesRow.same_address,
            standing(now),
        )
    )


async def closed_addresses(tx: Tx, places: Collection[tuple[UUID, str]], now: datetime) -> set[tuple[UUID, str]]:
    """From which of these (enterprise, address) nobody is let in. For system transactions."""
    query = (
        select(BlockRow.enterprise_id, BlockRow.address_group)
        .join(BlacklistRulesRow, BlacklistRulesRow.enterprise_id == BlockRow.enterprise_id)
        .where(BlacklistRulesRow.same_address, standing(now), is_among(BlockRow.enterprise_id, BlockRow.address_group, places))
    )
    return {(enterprise_id, group) for enterprise_id, group in await tx.session.execute(query) if group is not None}


class BlockRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def of_customer(self, customer_id: UUID, now: datetime) -> BlockRow | None:
        query = select(BlockRow).where(BlockRow.enterprise_id == self._enterprise_id, BlockRow.customer_id == customer_id, standing(now))
        return (await self._session.execute(query)).scalar_one_or_none()

    async def is_blocked(self, customer_id: UUID, now: datetime) -> bool:
        return bool((await self._session.execute(select(blocked_customer(self._enterprise_id, customer_id, now)))).scalar_one())

    async def is_address_blocked(self, address_group: str, now: datetime) -> bool:
        return bool((await self._session.execute(select(blocked_address(self._enterprise_id, address_group, now)))).scalar_one())

    async def add(self, **values: Any) -> BlockRow:
        """A new entry. One that ran out by itself is closed by it, as only one may be open."""
        await self._session.execute(
            update(BlockRow)
            .where(
                BlockRow.enterprise_id == self._enterprise_id,
                BlockRow.customer_id == values["customer_id"],
                BlockRow.released_at.is_(None),
            )
            .values(released_at=BlockRow.expires_at)
            .execution_options(synchronize_session=False)
        )
        row = BlockRow(enterprise_id=self._enterprise_id, **values)
        self._session.add(row)
        await self._session.flush()
        return row

    async def page(
        self, *, by: Collection[UUID] | None, words: str, now: datetime, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[Row[BlockRow, str | None, bool]]:
        """(entry, the customer's name, mark) of what counts now, newest first; `by`: made by these agents, None: by anybody.

        `words`: a piece of the shown name (`rules.shown_name`) or of the reason.
        """
        query = (
            select(BlockRow, CustomerRow.name, CustomerRow.vip)
            .join(CustomerRow, and_(CustomerRow.enterprise_id == BlockRow.enterprise_id, CustomerRow.id == BlockRow.customer_id))
            .where(BlockRow.enterprise_id == self._enterprise_id, standing(now))
        )
        if by is not None:
            query = query.where(BlockRow.agent_id.in_(by))
        if words:
            shown = func.coalesce(CustomerRow.name, "访客 " + func.upper(func.right(cast(CustomerRow.id, Text), 5)))
            query = query.where(or_(shown.icontains(words, autoescape=True), BlockRow.reason.icontains(words, autoescape=True)))
        if after is not None:
            query = query.where(tuple_(BlockRow.at, BlockRow.id) < after)
        return list((await self._session.execute(query.order_by(BlockRow.at.desc(), BlockRow.id.desc()).limit(limit))).all())

    async def standing_of(self, customer_ids: Collection[UUID], *, by: Collection[UUID] | None, now: datetime) -> list[BlockRow]:
        """What counts now of these customers, in the order of keys, locked."""
        query = select(BlockRow).where(
            BlockRow.enterprise_id == self._enterprise_id, is_one_of(BlockRow.customer_id, customer_ids), standing(now)
        )
        if by is not None:
            query = query.where(BlockRow.agent_id.in_(by))
        return list((await self._session.execute(query.order_by(BlockRow.id).with_for_update())).scalars())

    async def rules(self) -> tuple[bool, int]:
        """(same address, version); version 0 while nothing was saved."""
        query = select(BlacklistRulesRow.same_address, BlacklistRulesRow.version)
        found = (await self._session.execute(query.where(BlacklistRulesRow.enterprise_id == self._enterprise_id))).first()
        return (False, 0) if found is None else (found[0], found[1])

    async def save_rules(self, *, same_address: bool, version: int) -> bool:
        """False when `version` is not the current one any more."""
        if version == 0:
            fresh = (
                insert(BlacklistRulesRow)
                .values(enterprise_id=self._enterprise_id, same_address=same_address, version=1)
                .on_conflict_do_nothing(index_elements=["enterprise_id"])
                .returning(BlacklistRulesRow.version)
            )
            return (await self._session.execute(fresh)).first() is not None
        changed = (
            update(BlacklistRulesRow)
            .where(BlacklistRulesRow.enterprise_id == self._enterprise_id, BlacklistRulesRow.version == version)
            .values(same_address=same_address, version=version + 1)
            .returning(BlacklistRulesRow.version)
        )
        return (await self._session.execute(changed)).first() is not None
