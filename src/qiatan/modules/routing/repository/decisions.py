"""Decisions: who got a conversation and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.modules.routing.models import DecisionRow as Row


class DecisionRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def add(self, **values: Any) -> None:
        await self._session.execute(insert(Row).values(enterprise_id=self._enterprise_id, id=new_id(), **values))

    async def of_conversation(self, conversation_id: UUID, limit: int) -> list[Row]:
        """The first ones, oldest first."""
        query = select(Row).where(Row.enterprise_id == self._enterprise_id, Row.conversation_id == conversation_id)
        return list((await self._session.execute(query.order_by(Row.at, Row.id).limit(limit))).scalars())

    async def given_to(self, conversation_id: UUID) -> frozenset[UUID]:
        """Everybody who was given the conversation."""
        query = select(Row.agent_id).where(
            Row.enterprise_id == self._enterprise_id, Row.conversation_id == conversation_id, Row.agent_id.is_not(None)
        )
        return frozenset(agent_id for agent_id in (await self._session.execute(query)).scalars() if agent_id is not None)

    async def waits_since(self, conversation_id: UUID) -> datetime | None:
        """Since when a conversation that was given to somebody before waits again; None where that was not noted."""
        here = (Row.enterprise_id == self._enterprise_id, Row.conversation_id == conversation_id)
        given = select(func.max(Row.at)).where(*here, Row.agent_id.is_not(None)).scalar_subquery()
        query = select(func.min(Row.at)).where(*here, Row.outcome.in_(("queued", "message")), Row.at >= given)
        return (await self._session.execute(query)).scalar_one()

    async def latest(self, conversation_id: UUID) -> Row | None:
        query = select(Row).where(Row.enterprise_id == self._enterprise_id, Row.conversation_id == conversation_id)
        return (await self._session.execute(query.order_by(Row.at.desc(), Row.id.desc()).limit(1))).scalar_one_or_none()


async def delete_old(tx: Tx, before: datetime, limit: int) -> int:
    """Delete decisions from before then, of all enterprises; returns how many. Needs the system role."""
    old = select(Row.enterprise_id, Row.id).where(Row.at < before).limit(limit).subquery()
    statement = delete(Row).where(Row.enterprise_id == old.c.enterprise_id, Row.id == old.c.id)
    result = await tx.session.execute(statement.returning(Row.id).execution_options(synchronize_session=False))
    return len(result.all())
