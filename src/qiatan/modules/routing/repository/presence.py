"""Every query of this module."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert

from qiatan.infra.db import Tx
from qiatan.modules.routing.contracts import PresenceStatus
from qiatan.modules.routing.models import PresencePageRow as Page
from qiatan.modules.routing.models import PresenceRow as Row

_STATUSES = {status.value: status for status in PresenceStatus}
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

    async def connected(self, now: datetime) -> dict[UUID, PresenceStatus]:
        """The status of everybody whose pages are connected. Bare columns: it is read with every decision."""
        query = select(Row.agent_id, Row.status).where(Row.enterprise_id == self._enterprise_id, Row.lease_until > now)
        return {agent_id: _STATUSES[status] for agent_id, status in await self._session.execute(query)}

    async def get(self, agent_id: UUID) -> Row | None:
        return await self._session.get(Row, (self._enterprise_id, agent_id), populate_existing=True)

    async def locked(self, agent_id: UUID, *, unless_busy: bool = False) -> Row | None:
        """An agent's row under its lock: whoever changes status or lease holds it. `unless_busy`: None when another process does."""
        query = (
            select(Row)
            .where(Row.enterprise_id == self._enterprise_id, Row.agent_id == agent_id)
            .with_for_update(skip_locked=unless_busy)
            .execution_options(populate_existing=True)
        )
        return (await self._session.execute(query)).scalar_one_or_none()

    async def begin(self, agent_id: UUID, status: PresenceStatus, now: datetime) -> None:
        """A row for who was never seen before, not yet connected. Nothing if there is one."""
        statement = insert(Row).values(enterprise_id=self._enterprise_id, agent_id=agent_id, status=status, lease_until=now)
        await self._session.execute(statement.on_conflict_do_nothing())

    async def open_page(self, agent_id: UUID, node_id: UUID) -> None:
        """Note that a node holds pages of the agent."""
        statement = insert(Page).values(enterprise_id=self._enterprise_id, agent_id=agent_id, node_id=node_id)
        await self._session.execute(statement.on_conflict_do_nothing())

    async def close_page(self, agent_id: UUID, node_id: UUID) -> None:
        """Note that a node holds no page of the agent any more."""
        statement = delete(Page).where(Page.enterprise_id == self._enterprise_id, Page.agent_id == agent_id, Page.node_id == node_id)
        await self._session.execute(statement.execution_options(synchronize_session=False))

    async def with_pages(self, agent_ids: Collection[UUID], *, besides: UUID | None = None) -> set[UUID]:
        """Those of the agents who have a page open on some node (another one than `besides`)."""
        query = select(Page.agent_id).where(Page.enterprise_id == self._enterprise_id, Page.agent_id.in_(agent_ids)).distinct()
        if besides is not None:
            query = query.where(Page.node_id != besides)
        return set((await self._session.execute(query)).scalars())

    async def write(self, agent_id: UUID, *, status: PresenceStatus, lease_until: datetime) -> None:
        await self._session.execute(
            update(Row)
            .where(Row.enterprise_id == self._enterprise_id, Row.agent_id == agent_id)
            .values(status=status, lease_until=lease_until, absent_due_at=lease_until)
            .execution_options(synchronize_session=False)
        )

    async def sleep(self, agent_id: UUID, until: datetime | None) -> None:
        """The agent's phone sleeps until then at the latest; None: it is awake, or there is none."""
        await self._session.execute(
            update(Row)
            .where(Row.enterprise_id == self._enterprise_id, Row.agent_id == agent_id)
            .values(asleep_until=until)
            .execution_options(synchronize_session=False)
        )

    async def look_after(self, agent_id: UUID, seen: datetime, *, again_at: datetime | None) -> bool:
        """When to look again after somebody absent (None: not any more). False if the agent came or went since `seen` was read."""
        statement = (
            update(Row)
            .where(Row.enterprise_id == self._enterprise_id, Row.agent_id == agent_id, Row.absent_due_at == seen)
            .values(absent_due_at=again_at)
            .returning(Row.agent_id)
        )
        return (await self._session.execute(statement.execution_options(synchronize_session=False))).first() is not None

    async def look_after_everybody(self, now: datetime) -> None:
        here = Row.enterprise_id == self._enterprise_id
        # In the order in which leases are renewed.
        held = select(Row.agent_id).where(here).order_by(Row.agent_id).with_for_update(key_share=True).cte("held")
        query = update(Row).where(here, Row.agent_id == held.c.agent_id).values(absent_due_at=now)
        await self._session.execute(query.execution_options(synchronize_session=False))

    async def online(self, now: datetime) -> frozenset[UUID]:
        query = select(Row.agent_id).where(
            Row.enterprise_id == self._enterprise_id, Row.status == PresenceStatus.ONLINE, Row.lease_until > now
        )
        return frozenset((await self._session.execute(query)).scalars())


async def renew_leases(tx: Tx, agents: Collection[tuple[UUID, UUID]], lease_until: datetime, node_id: UUID) -> list[tuple[UUID, UUID]]:
    """Renew the leases of those of the (enterprise, agent) that still hold, in one statement; returns the others. Needs the system role.

    That the node holds their pages is noted where it was not: the database was away when they connected. Rows are locked in key order, so that processes that renew the same ones at once wait for each other.
    """
    asked = sorted(set(agents))
    if not asked:
        return []
    statement = text(
        """
        WITH held AS (
            SELECT p.enterprise_id, p.agent_id FROM agent_presence p
              JOIN unnest(CAST(:enterprises AS uuid[]), CAST(:agents AS uuid[])) AS x(e, a) ON p.enterprise_id = x.e AND p.agent_id = x.a
             WHERE p.lease_until > :now
             ORDER BY 1, 2
               FOR NO KEY UPDATE OF p
        ), noted AS (
            INSERT INTO presence_pages (enterprise_id, agent_id, node_id)
            SELECT held.enterprise_id, held.agent_id, :node FROM held
             WHERE NOT EXISTS (SELECT 1 FROM presence_pages g
                                WHERE g.enterprise_id = held.enterprise_id AND g.agent_id = held.agent_id AND g.node_id = :node)
                ON CONFLICT DO NOTHING
        )
        UPDATE agent_presence p SET lease_until = greatest(p.lease_until, :until) FROM held
         WHERE p.enterprise_id = held.enterprise_id AND p.agent_id = held.agent_id
        RETURNING p.enterprise_id, p.agent_id
        """
    )
    values = {"node": node_id, "enterprises": [e for e, _ in asked], "agents": [a for _, a in asked], "now": tx.now, "until": lease_until}
    renewed = {(found[0], found[1]) for found in await tx.session.execute(statement, values)}
    return [agent for agent in asked if agent not in renewed]


async def close_pages_of(tx: Tx, node_id: UUID) -> None:
    """The node ends and takes its notes away. The leases run on until the agents' pages have found another node. Needs the system role."""
    await tx.session.execute(delete(Page).where(Page.node_id == node_id).execution_options(synchronize_session=False))


async def close_pages_besides(tx: Tx, living: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """Take away what nodes noted that do not live any more; returns whose pages they held. Needs the system role."""
    statement = delete(Page).where(Page.node_id.not_in(living)).returning(Page.enterprise_id, Page.agent_id)
    found = await tx.session.execute(statement.execution_options(synchronize_session=False))
    return sorted({(enterprise_id, agent_id) for enterprise_id, agent_id in found})


async def absent_due(tx: Tx, limit: int, besides: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """(enterprise, agent) of whose absence something has to be done by now, earliest first; none of the enterprises `besides`. Needs the
    system role."""
    due = and_(Row.absent_due_at <= tx.now, Row.enterprise_id.not_in(besides))
    query = select(Row.enterprise_id, Row.agent_id).where(due).order_by(Row.absent_due_at).limit(limit)
    return [(enterprise_id, agent_id) for enterprise_id, agent_id in await tx.session.execute(query)]


async def next_absent_due(tx: Tx) -> datetime | None:
    query = select(Row.absent_due_at).where(Row.absent_due_at.is_not(None)).order_by(Row.absent_due_at).limit(1)
    return (await tx.session.execute(query)).scalar_one_or_none()


async def online_in(tx: Tx) -> set[UUID]:
    """Enterprises in which somebody is online. Needs the system role."""
    query = select(Row.enterprise_id).where(Row.status == PresenceStatus.ONLINE, Row.lease_until > tx.now).distinct()
    return set((await tx.session.execute(query)).scalars())
