"""Where the rotation of each target stands."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from qiatan.infra.db import Tx
from qiatan.modules.routing.models import PointerRow as Row


class PointerRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def all(self) -> dict[str, UUID]:
        query = select(Row.target, Row.agent_id).where(Row.enterprise_id == self._enterprise_id)
        return {found.target: found.agent_id for found in await self._session.execute(query)}

    async def get(self, target: str) -> UUID | None:
        query = select(Row.agent_id).where(Row.enterprise_id == self._enterprise_id, Row.target == target)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def put(self, target: str, agent_id: UUID) -> None:
        statement = insert(Row).values(enterprise_id=self._enterprise_id, target=target, agent_id=agent_id)
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=["enterprise_id", "target"], set_={"agent_id": agent_id})
        )
