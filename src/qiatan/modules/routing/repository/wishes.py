"""Whom pages named for their visitors' next conversations."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, select
from sqlalchemy.dialects.postgresql import insert

from qiatan.infra.db import Tx
from qiatan.modules.routing.models import WishRow as Row


class WishRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def put(self, customer_id: UUID, channel_id: UUID, wish: dict[str, Any], at: datetime) -> None:
        statement = insert(Row).values(enterprise_id=self._enterprise_id, customer_id=customer_id, channel_id=channel_id, wish=wish, at=at)
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=["enterprise_id", "customer_id", "channel_id"], set_={"wish": wish, "at": at})
        )

    async def get(self, customer_id: UUID, channel_id: UUID, *, since: datetime) -> dict[str, Any] | None:
        """The wish, unless it was made before `since`."""
        query = select(Row.wish).where(self._one(customer_id, channel_id), Row.at >= since)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def drop(self, customer_id: UUID, channel_id: UUID) -> None:
        await self._session.execute(delete(Row).where(self._one(customer_id, channel_id)).execution_options(synchronize_session=False))

    def _one(self, customer_id: UUID, channel_id: UUID) -> Any:
        return and_(Row.enterprise_id == self._enterprise_id, Row.customer_id == customer_id, Row.channel_id == channel_id)


async def delete_old(tx: Tx, before: datetime, limit: int) -> int:
    """Delete wishes from before then, of all enterprises; returns how many. Needs the system role."""
    old = select(Row.enterprise_id, Row.customer_id, Row.channel_id).where(Row.at < before).limit(limit).subquery()
    statement = delete(Row).where(
        Row.enterprise_id == old.c.enterprise_id, Row.customer_id == old.c.customer_id, Row.channel_id == old.c.channel_id
    )
    result = await tx.session.execute(statement.returning(Row.customer_id).execution_options(synchronize_session=False))
    return len(result.all())
