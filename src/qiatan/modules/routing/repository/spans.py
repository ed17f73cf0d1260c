"""Times in which agents were there: one open span at most for each, and what the attendance reads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, delete, func, or_, select, update

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.modules.routing.contracts import PresenceStatus
from qiatan.modules.routing.models import PresenceRow
from qiatan.modules.routing.models import PresenceSpanRow as Row

MAX_READ = 200_000


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """A span as it is known now. `lease_until` is there while it is open: it ends then, unless the lease is renewed."""

    agent_id: UUID
    status: PresenceStatus
    started_at: datetime
    ended_at: datetime | None
    lease_until: datetime | None


class SpanRepository:
    """Works in system transactions too, where the enterprise is not the transaction's."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def open_one(self, agent_id: UUID) -> tuple[UUID, PresenceStatus, datetime] | None:
        query = select(Row.id, Row.status, Row.started_at).where(
            Row.enterprise_id == self._enterprise_id, Row.agent_id == agent_id, Row.ended_at.is_(None)
        )
        found = (await self._session.execute(query)).one_or_none()
        return (found[0], PresenceStatus(found[1]), found[2]) if found is not None else None

    async def begin(self, agent_id: UUID, status: PresenceStatus, at: datetime) -> None:
        self._session.add(Row(enterprise_id=self._enterprise_id, id=new_id(), agent_id=agent_id, status=status.value, started_at=at))
        await self._session.flush()

    async def end(self, span_id: UUID, at: datetime) -> None:
        """End a span; one in which no time has passed was none."""
        here = and_(Row.enterprise_id == self._enterprise_id, Row.id == span_id)
        closed = update(Row).where(here, Row.started_at < at).values(ended_at=at).returning(Row.id)
        if (await self._session.execute(closed.execution_options(synchronize_session=False))).first() is None:
            await self._session.execute(delete(Row).where(here).execution_options(synchronize_session=False))

    async def between(self, since: datetime, until: datetime, agents: Collection[UUID] | None) -> Sequence[SpanRecord]:
        """The spans that touch a period, of these agents (None: of all), by agent and start."""
        query = (
            select(Row.agent_id, Row.status, Row.started_at, Row.ended_at, PresenceRow.lease_until)
            .outerjoin(PresenceRow, and_(PresenceRow.enterprise_id == Row.enterprise_id, PresenceRow.agent_id == Row.agent_id))
            .where(Row.enterprise_id == self._enterprise_id, Row.started_at < until, or_(Row.ended_at.is_(None), Row.ended_at > since))
            .order_by(Row.agent_id, Row.started_at, Row.id)
            .limit(MAX_READ)
        )
        if agents is not None:
            query = query.where(Row.agent_id.in_(agents))
        return [
            SpanRecord(found[0], PresenceStatus(found[1]), found[2], found[3], found[4] if found[3] is None else None)
            for found in await self._session.execute(query)
        ]


_OF_PRESENCE = and_(PresenceRow.enterprise_id == Row.enterprise_id, PresenceRow.agent_id == Row.agent_id, Row.ended_at.is_(None))


async def lapsed(tx: Tx, limit: int) -> list[tuple[UUID, UUID]]:
    """(enterprise, agent) of who is noted as there while the lease has run out, longest first. Needs the system role."""
    query = (
        select(Row.enterprise_id, Row.agent_id)
        .join(PresenceRow, _OF_PRESENCE)
        .where(PresenceRow.lease_until <= tx.now)
        .order_by(PresenceRow.lease_until)
        .limit(limit)
    )
    return [(found[0], found[1]) for found in await tx.session.execute(query)]


async def next_lapse(tx: Tx) -> datetime | None:
    """When the next lease runs out unless it is renewed. Needs the system role."""
    query = select(func.min(PresenceRow.lease_until)).select_from(Row).join(PresenceRow, _OF_PRESENCE)
    return (await tx.session.execute(query)).scalar_one()


async def delete_old(tx: Tx, before: datetime, limit: int) -> int:
    """Delete spans that ended before then, of all enterprises; returns how many. Needs the system role."""
    old = select(Row.enterprise_id, Row.id).where(Row.ended_at < before).limit(limit).subquery()
    statement = delete(Row).where(Row.enterprise_id == old.c.enterprise_id, Row.id == old.c.id).returning(Row.id)
    return len((await tx.session.execute(statement.execution_options(synchronize_session=False))).all())
