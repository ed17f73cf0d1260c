"""Every query of this module."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from qiatan.infra.db import Tx
from qiatan.modules.routing.contracts import PresenceStatus
from qiatan.modules.routing.models import PresenceRow as Row

_CLAIM = text("SELECT pg_advisory_xact_lock(hashtextextended('routing:' || CAST(:enterprise AS text), 0))")


class RoutingRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def claim_assignment(self) -> None:
        """Until the transaction ends, nobody else assigns in this enterprise: maximum and order hold whatever runs at once."""
        await self._session.execute(_CLAIM, {"enterprise": str(self._enterprise_id)})

    async def all(self) -> dict[UUID, Row]:
        query = select(Row).where(Row.enterprise_id == self._enterprise_id).execution_options(populate_existing=True)
        return {row.agent_id: row for row in (await self._session.execute(query)).scalars()}

    async def get(self, agent_id: UUID) -> Row | None:
        return await self._session.get(Row, (self._enterprise_id, agent_id), populate_existing=True)

    async def set_status(self, agent_id: UUID, status: PresenceStatus, now: datetime) -> None:
        statement = insert(Row).values(enterprise_id=self._enterprise_id, agent_id=agent_id, status=status, lease_until=now)
        await self._session.execute(statement.on_conflict_do_update(index_elements=["enterprise_id", "agent_id"], set_={"status": status}))

    async def connect(self, agent_id: UUID, lease_until: datetime) -> None:
        """Give an agent a lease; one who was never seen before starts online."""
        statement = insert(Row).values(
            enterprise_id=self._enterprise_id,
            agent_id=agent_id,
            status=PresenceStatus.ONLINE,
            lease_until=lease_until,
        )
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["enterprise_id", "agent_id"],
                set_={"lease_until": func.greatest(Row.lease_until, lease_until)},
            )
        )

    async def disconnect(self, agent_id: UUID, now: datetime) -> None:
        await self._session.execute(
            update(Row).where(Row.enterprise_id == self._enterprise_id, Row.agent_id == agent_id).values(lease_until=now)
        )

    async def mark_assigned(self, agent_id: UUID, now: datetime) -> None:
        await self._session.execute(
            update(Row).where(Row.enterprise_id == self._enterprise_id, Row.agent_id == agent_id).values(last_assigned_at=now)
        )

    async def anybody_serves(self, now: datetime) -> bool:
        query = select(Row.agent_id).where(
            Row.enterprise_id == self._enterprise_id, Row.status == PresenceStatus.ONLINE, Row.lease_until > now
        )
        return (await self._session.execute(query.limit(1))).first() is not None


async def renew_leases(tx: Tx, agents: Iterable[tuple[UUID, UUID]], lease_until: datetime) -> None:
    """Renew the leases of all (enterprise, agent) connected to this process, in one statement. Needs the system role.

    Who has no row yet (the database was away when they connected) gets one, online as at any first connection.
    """
    rows = [
        {"enterprise_id": enterprise, "agent_id": agent, "status": PresenceStatus.ONLINE, "lease_until": lease_until}
        for enterprise, agent in sorted(agents)
    ]
    if rows:
        statement = insert(Row).values(rows)
        await tx.session.execute(
            statement.on_conflict_do_update(index_elements=["enterprise_id", "agent_id"], set_={"lease_until": lease_until})
        )
