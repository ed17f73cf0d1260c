"""Every query on push subscriptions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert

from qiatan.infra.db import Tx
from qiatan.modules.push.models import SubscriptionRow

# Two sessions that save one browser at the same time would each see none to take it from.
_CLAIM = text("SELECT pg_advisory_xact_lock(hashtextextended('push:' || :endpoint, 0))")


class SubscriptionRepository:
    """One enterprise's. There is at most one for a session, and sessions of an agent are few."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def get(self, session_id: UUID) -> SubscriptionRow | None:
        query = select(SubscriptionRow).where(
            SubscriptionRow.enterprise_id == self._enterprise_id, SubscriptionRow.session_id == session_id
        )
        return (await self._session.execute(query)).scalar_one_or_none()

    async def save(self, session_id: UUID, **values: Any) -> None:
        """The session's only one from now on, and nobody else's."""
        await self._session.execute(_CLAIM, {"endpoint": values["endpoint"]})
        elsewhere = delete(SubscriptionRow).where(
            SubscriptionRow.enterprise_id == self._enterprise_id,
            SubscriptionRow.endpoint == values["endpoint"],
            SubscriptionRow.session_id != session_id,
        )
        await self._session.execute(elsewhere)
        statement = insert(SubscriptionRow).values(enterprise_id=self._enterprise_id, session_id=session_id, **values)
        await self._session.execute(statement.on_conflict_do_update(index_elements=["enterprise_id", "session_id"], set_=values))

    async def delete(self, session_id: UUID, *, endpoint: str | None = None) -> None:
        """Forget it; with `endpoint`, only if it is still that one."""
        statement = delete(SubscriptionRow).where(
            SubscriptionRow.enterprise_id == self._enterprise_id, SubscriptionRow.session_id == session_id
        )
        if endpoint is not None:
            statement = statement.where(SubscriptionRow.endpoint == endpoint)
        await self._session.execute(statement)

    async def of_agents(self, agent_ids: Collection[UUID]) -> Sequence[tuple[UUID, UUID]]:
        """(agent, session) of all that these agents have."""
        query = select(SubscriptionRow.agent_id, SubscriptionRow.session_id).where(
            SubscriptionRow.enterprise_id == self._enterprise_id, SubscriptionRow.agent_id.in_(agent_ids)
        )
        return [(row.agent_id, row.session_id) for row in await self._session.execute(query)]
