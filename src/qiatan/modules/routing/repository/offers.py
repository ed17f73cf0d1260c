"""Transfers that wait for a yes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, delete, func, not_, or_, select

from qiatan.infra.db import Tx
from qiatan.modules.routing.contracts.transfers import OfferState
from qiatan.modules.routing.models import OfferRow as Row

MAX_SHOWN = 200


class OfferRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def add(self, row: Row) -> None:
        self._session.add(row)
        await self._session.flush()

    async def get(self, offer_id: UUID, *, lock: bool = False, unless_busy: bool = False) -> Row | None:
        """An offer, on request under its lock. `unless_busy`: None when another process holds it."""
        query = select(Row).where(Row.enterprise_id == self._enterprise_id, Row.id == offer_id).execution_options(populate_existing=True)
        if lock:
            query = query.with_for_update(skip_locked=unless_busy)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def open_of(self, conversation_id: UUID) -> Row | None:
        """The offer of a conversation that nobody has answered yet, under its lock."""
        query = (
            select(Row)
            .where(Row.enterprise_id == self._enterprise_id, Row.conversation_id == conversation_id, Row.state == OfferState.OPEN)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return (await self._session.execute(query)).scalar_one_or_none()

    async def open_for(self, agent_id: UUID, group_ids: Collection[UUID], now: datetime) -> list[Row]:
        """What waits for an answer of this agent, or was asked by them, oldest first."""
        asked = and_(
            or_(Row.to_agent_id == agent_id, Row.to_group_id.in_(group_ids)),
            Row.from_agent_id != agent_id,
            not_(Row.refused_ids.contains([agent_id])),
        )
        query = (
            select(Row)
            .where(
                Row.enterprise_id == self._enterprise_id,
                Row.state == OfferState.OPEN,
                Row.due_at > now,
                or_(Row.from_agent_id == agent_id, asked),
            )
            .order_by(Row.made_at, Row.id)
            .limit(MAX_SHOWN)
            .execution_options(populate_existing=True)
        )
        return list((await self._session.execute(query)).scalars())

    async def close(self, row: Row, state: OfferState, *, by: UUID | None = None) -> None:
        row.state = state.value
        row.answered_by = by
        await self._session.flush()

    async def refuse_one(self, row: Row, agent_id: UUID) -> None:
        """Note that one of the asked group does not want it."""
        row.refused_ids = [*row.refused_ids, agent_id]
        await self._session.flush()


async def due_offers(tx: Tx, limit: int, besides: Collection[UUID] = ()) -> list[tuple[UUID, UUID]]:
    """(enterprise, offer) whose time has run out, earliest first; none of the enterprises `besides`. Needs the system role."""
    due = and_(Row.state == OfferState.OPEN, Row.due_at <= tx.now, Row.enterprise_id.not_in(besides))
    query = select(Row.enterprise_id, Row.id).where(due).order_by(Row.due_at).limit(limit)
    return [(found[0], found[1]) for found in await tx.session.execute(query)]


async def next_offer_due(tx: Tx) -> datetime | None:
    """When the next offer runs out. Needs the system role."""
    query = select(func.min(Row.due_at)).where(Row.state == OfferState.OPEN)
    return (await tx.session.execute(query)).scalar_one()


async def delete_old(tx: Tx, before: datetime, limit: int) -> int:
    """Delete offers that are over and from before then, of all enterprises; returns how many. Needs the system role."""
    old = select(Row.enterprise_id, Row.id).where(Row.state != OfferState.OPEN, Row.made_at < before).limit(limit).subquery()
    statement = delete(Row).where(Row.enterprise_id == old.c.enterprise_id, Row.id == old.c.id).returning(Row.id)
    return len((await tx.session.execute(statement.execution_options(synchronize_session=False))).all())
