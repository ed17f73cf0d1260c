"""The audit chain: appending to it, reading it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, func, insert, or_, select, union_all, update
from sqlalchemy.dialects.postgresql import insert as upsert

from qiatan.infra.db import Tx
from qiatan.modules.accounts.models import AgentRow, ApiKeyRow, AuditEntryRow, AuditHeadRow
from qiatan.modules.accounts.rules.audit import GENESIS


class AuditFilters(NamedTuple):
    """Which entries are asked for. `action`: a whole name, or its first part (`agent` is all of `agent.…`). `until` is not included."""

    actor_id: UUID | None = None
    action: str | None = None
    subject_kind: str | None = None
    subject_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditRepository:
    """The chain of one enterprise."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def lock_head(self) -> tuple[int, bytes]:
        """The newest (seq, hash), locked until the end of the transaction; (0, 32 zero bytes) before the first entry."""
        start = upsert(AuditHeadRow).values(enterprise_id=self._enterprise_id, seq=0, hash=GENESIS).on_conflict_do_nothing()
        await self._session.execute(start)
        query = select(AuditHeadRow.seq, AuditHeadRow.hash).where(AuditHeadRow.enterprise_id == self._enterprise_id).with_for_update()
        found = (await self._session.execute(query)).one()
        return found.seq, found.hash

    async def append(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add entries (complete rows of this enterprise) and move the head to the last of them. The caller holds the head's lock."""
        await self._session.execute(insert(AuditEntryRow), list(rows))
        newest = rows[-1]
        here = AuditHeadRow.enterprise_id == self._enterprise_id
        await self._session.execute(update(AuditHeadRow).where(here).values(seq=newest["seq"], hash=newest["hash"]))

    async def page(self, filters: AuditFilters, *, before: int | None, limit: int) -> list[AuditEntryRow]:
        """Entries that fit, newest first, older than a number."""
        return list((await self._session.execute(self._found(filters, before=before, limit=limit))).scalars())

    def _found(self, filters: AuditFilters, *, before: int | None, limit: int) -> Select[AuditEntryRow]:
        query = select(AuditEntryRow).where(AuditEntryRow.enterprise_id == self._enterprise_id)
        if before is not None:
            query = query.where(AuditEntryRow.seq < before)
        if filters.actor_id is not None:
            query = query.where(AuditEntryRow.actor_id == filters.actor_id)
        if filters.action is not None:
            below = AuditEntryRow.action.startswith(filters.action + ".", autoescape=True)
            query = query.where(or_(AuditEntryRow.action == filters.action, below))
        if filters.subject_kind is not None:
            query = query.where(AuditEntryRow.subject_kind == filters.subject_kind)
        if filters.subject_id is not None:
            query = query.where(AuditEntryRow.subject_id == filters.subject_id)
        if filters.since is not None:
            query = query.where(AuditEntryRow.at >= filters.since)
        if filters.until is not None:
            query = query.where(AuditEntryRow.at < filters.until)
        # The planner does not know that numbers and times go together: for the first page of a stretch of time it would walk back by
        # number, past everything that came later. An order that no index has makes it look the stretch up by time.
        by_time = before is None and filters.since is not None and filters.until is not None
        newest_first = (AuditEntryRow.seq + 0 if by_time else AuditEntryRow.seq).desc()
        return query.order_by(newest_first).limit(limit)

    async def names(self, actor_ids: Collection[UUID]) -> dict[UUID, str]:
        """What the agents and keys among these are called now."""
        agents = select(AgentRow.id, AgentRow.name).where(AgentRow.enterprise_id == self._enterprise_id, AgentRow.id.in_(actor_ids))
        keys = select(ApiKeyRow.id, ApiKeyRow.name).where(ApiKeyRow.enterprise_id == self._enterprise_id, ApiKeyRow.id.in_(actor_ids))
        return {found[0]: found[1] for found in await self._session.execute(union_all(agents, keys))}

    async def ends(self) -> tuple[int, bytes, int]:
        """The head's number and hash, and the greatest number there is, at one moment."""
        newest = select(func.coalesce(func.max(AuditEntryRow.seq), 0)).where(AuditEntryRow.enterprise_id == self._enterprise_id)
        head = select(AuditHeadRow.seq, AuditHeadRow.hash, newest.scalar_subquery()).where(
            AuditHeadRow.enterprise_id == self._enterprise_id
        )
        found = (await self._session.execute(head)).one_or_none()
        return (found[0], found[1], found[2]) if found else (0, GENESIS, (await self._session.execute(newest)).scalar_one())

    async def stretch(self, *, after: int, up_to: int, limit: int) -> list[dict[str, Any]]:
        """Whole rows in the order of the chain."""
        here = (AuditEntryRow.enterprise_id == self._enterprise_id, AuditEntryRow.seq > after, AuditEntryRow.seq <= up_to)
        query = select(*AuditEntryRow.__table__.columns).where(*here).order_by(AuditEntryRow.seq).limit(limit)
        return [dict(row) for row in (await self._session.execute(query)).mappings()]


async def drifted_head(tx: Tx, enterprise_id: UUID) -> bool:
    """Whether an enterprise's head names another number than its newest entry has."""
    head = select(AuditHeadRow.seq).where(AuditHeadRow.enterprise_id == enterprise_id).scalar_subquery()
    newest = select(func.max(AuditEntryRow.seq)).where(AuditEntryRow.enterprise_id == enterprise_id).scalar_subquery()
    return bool((await tx.session.execute(select(func.coalesce(head, 0) != func.coalesce(newest, 0)))).scalar_one())
