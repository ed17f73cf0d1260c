"""Times in which agents were there: one open span at most for each, and what the attendance reads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import and_, delete, exists, func, or_, select, text, update

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.modules.routing.contracts import PresenceStatus
from qiatan.modules.routing.models import PresenceRow
from qiatan.modules.routing.models import PresenceSpanRow as Row
from qiatan.modules.routing.rules.attendance import Day


@dataclass(frozen=True, slots=True)
class DaySpent:
    """One agent's day; the times in seconds. `last` is None while they are still there."""

    day: date
    agent_id: UUID
    first: datetime
    last: datetime | None
    online: int
    away: int
    busy: int


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

    async def any_online(self, agent_ids: Collection[UUID], *, since: datetime) -> bool:
        """Whether one of these agents was online at any time since then. Asked apart of who still is, so that each has its index."""
        of_them = (Row.enterprise_id == self._enterprise_id, Row.agent_id.in_(agent_ids), Row.status == PresenceStatus.ONLINE.value)
        still, lately = (exists(select(Row.id).where(*of_them, when)) for when in (Row.ended_at.is_(None), Row.ended_at > since))
        return (await self._session.execute(select(or_(still, lately)))).scalar_one()

    async def days(self, days: Sequence[Day], agents: Collection[UUID] | None, *, now: datetime, limit: int) -> list[DaySpent]:
        """What these agents (None: all) spent on each of some days that follow one another; nothing of a day on which they were not there.

        The newest days first. Counted by the database: a team's month has more spans than this process could go through between two frames.
        """
        values = {
            "enterprise": self._enterprise_id,
            "names": [day.name for day in days],
            "begins": [day.begins for day in days],
            "ends": [day.ends for day in days],
            "agents": list(agents) if agents is not None else None,
            "now": now,
            "limit": limit,
        }
        return [DaySpent(*found) for found in await self._session.execute(_DAYS, values)]


# An open span goes on until its lease runs out, or until now. Who is there at the end of what is known of a day has no last time.
_DAYS = text("""
    WITH days AS (
        SELECT * FROM unnest(CAST(:names AS date[]), CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[])) AS days (day, begins, ends)
    ), stays AS (
        SELECT spans.agent_id, spans.status, spans.started_at AS begins,
               coalesce(spans.ended_at, least(presence.lease_until, :now), spans.started_at) AS ends,
               spans.ended_at IS NULL AND coalesce(presence.lease_until > :now, false) AS running
          FROM presence_spans AS spans
          LEFT JOIN agent_presence AS presence ON presence.enterprise_id = spans.enterprise_id AND presence.agent_id = spans.agent_id
         WHERE spans.enterprise_id = :enterprise
           AND spans.started_at < (SELECT max(ends) FROM days)
           AND (spans.ended_at IS NULL OR spans.ended_at > (SELECT min(begins) FROM days))
           AND (CAST(:agents AS uuid[]) IS NULL OR spans.agent_id = ANY(CAST(:agents AS uuid[])))
    ), pieces AS (
        SELECT days.day, stays.agent_id, stays.status, greatest(stays.begins, days.begins) AS begins, least(stays.ends, days.ends) AS ends,
               stays.running AND stays.ends <= days.ends AS running
          FROM stays JOIN days ON stays.begins < days.ends AND stays.ends > days.begins
    )
    SELECT day, agent_id, min(begins), CASE WHEN NOT bool_or(running) THEN max(ends) END,
           coalesce(floor(extract(epoch FROM sum(ends - begins) FILTER (WHERE status = 'online'))), 0)::int,
           coalesce(floor(extract(epoch FROM sum(ends - begins) FILTER (WHERE status = 'away'))), 0)::int,
           coalesce(floor(extract(epoch FROM sum(ends - begins) FILTER (WHERE status = 'busy'))), 0)::int
      FROM pieces WHERE begins < ends
     GROUP BY day, agent_id ORDER BY day DESC, agent_id LIMIT :limit
""")


_OF_PRESENCE = and_(PresenceRow.enterprise_id == Row.enterprise_id, PresenceRow.agent_id == Row.agent_id, Row.ended_at.is_(None))


async def lapsed(tx: Tx, limit: int, besides: Collection[UUID] = ()) -> list[tuple[UUID, UUID]]:
    """(enterprise, agent) of who is noted as there while the lease has run out, longest first; none of the enterprises `besides`. Needs
    the system role."""
    query = (
        select(Row.enterprise_id, Row.agent_id)
        .join(PresenceRow, _OF_PRESENCE)
        .where(PresenceRow.lease_until <= tx.now, PresenceRow.enterprise_id.not_in(besides))
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
