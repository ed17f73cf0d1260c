"""Simulations, and the recorded traffic they run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from qiatan.infra.db import Tx
from qiatan.modules.routing.models import RequestRow
from qiatan.modules.routing.models import SimulationRow as Row

AT_WORK = ("queued", "running")


@dataclass(frozen=True, slots=True)
class SimulationHead:
    """What a list shows of a simulation; of its request the traffic alone."""

    id: UUID
    made_by: UUID
    made_at: datetime
    state: str
    progress: int
    request: dict[str, Any]


class SimulationRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def add(self, **values: Any) -> bool:
        """Add one that waits for its turn; False when another one is at work."""
        statement = insert(Row).values(enterprise_id=self._enterprise_id, state="queued", progress=0, **values)
        return (await self._session.execute(statement.on_conflict_do_nothing().returning(Row.id))).first() is not None

    async def get(self, simulation_id: UUID, *, lock: bool = False) -> Row | None:
        query = select(Row).where(Row.enterprise_id == self._enterprise_id, Row.id == simulation_id)
        query = query.execution_options(populate_existing=True)
        return (await self._session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()

    async def newest(self, limit: int) -> list[SimulationHead]:
        """Without settings and results, which may be long."""
        query = select(Row.id, Row.made_by, Row.made_at, Row.state, Row.progress, Row.request["traffic"])
        query = query.where(Row.enterprise_id == self._enterprise_id).order_by(Row.made_at.desc(), Row.id.desc()).limit(limit)
        found = await self._session.execute(query)
        return [SimulationHead(row[0], row[1], row[2], row[3], row[4], {"traffic": row[5]}) for row in found]

    async def write(self, simulation_id: UUID, **values: Any) -> None:
        """Change one that is at work."""
        here = and_(Row.enterprise_id == self._enterprise_id, Row.id == simulation_id, Row.state.in_(AT_WORK))
        await self._session.execute(update(Row).where(here).values(**values).execution_options(synchronize_session=False))

    async def give_up(self, before: datetime) -> None:
        """Whatever was begun before then and is still at work has died."""
        here = and_(Row.enterprise_id == self._enterprise_id, Row.state.in_(AT_WORK), Row.made_at < before)
        await self._session.execute(update(Row).where(here).values(state="failed").execution_options(synchronize_session=False))

    async def keep_newest(self, count: int) -> None:
        kept = select(Row.id).where(Row.enterprise_id == self._enterprise_id).order_by(Row.made_at.desc(), Row.id.desc()).limit(count)
        old = delete(Row).where(Row.enterprise_id == self._enterprise_id, Row.id.not_in(kept), Row.state.not_in(AT_WORK))
        await self._session.execute(old.execution_options(synchronize_session=False))

    async def wishes(self, conversation_ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
        """What conversations were placed by, where anybody was wished for."""
        query = select(RequestRow.conversation_id, RequestRow.wish).where(
            RequestRow.enterprise_id == self._enterprise_id, RequestRow.conversation_id.in_(conversation_ids), RequestRow.wish.is_not(None)
        )
        return {found[0]: found[1] for found in await self._session.execute(query) if found[1] is not None}
