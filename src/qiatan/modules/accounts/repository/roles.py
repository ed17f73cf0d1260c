"""Queries on roles."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from qiatan.infra.db import Tx
from qiatan.modules.accounts.contracts import BuiltinRole
from qiatan.modules.accounts.models import AgentRow, RoleRow
from qiatan.modules.accounts.repository.agents import role_facts
from qiatan.modules.accounts.rules import RoleFacts


@dataclass(frozen=True, slots=True)
class RoleRecord:
    """A role and how many accounts have it."""

    row: RoleRow
    member_count: int

    @property
    def facts(self) -> RoleFacts:
        return role_facts(self.row)


def _member_count() -> ColumnElement[int]:
    members = (
        select(func.count()).select_from(AgentRow).where(AgentRow.enterprise_id == RoleRow.enterprise_id, AgentRow.role_id == RoleRow.id)
    )
    return members.correlate(RoleRow).scalar_subquery()


class RoleRepository:
    """Roles of one enterprise."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    def _records(self) -> Select[RoleRow, int]:
        query = select(RoleRow, _member_count()).where(RoleRow.enterprise_id == self._enterprise_id)
        return query.execution_options(populate_existing=True)

    async def get(self, role_id: UUID, *, lock: bool = False) -> RoleRecord | None:
        if lock:
            # A statement of its own, so that the members are counted as they are once the lock is held.
            here = select(RoleRow.id).where(RoleRow.enterprise_id == self._enterprise_id, RoleRow.id == role_id)
            await self._session.execute(here.with_for_update(key_share=True))
        found = (await self._session.execute(self._records().where(RoleRow.id == role_id))).one_or_none()
        return RoleRecord(found[0], found[1]) if found else None

    async def everything(self) -> dict[UUID, RoleFacts]:
        """What every role holds."""
        rows = (await self._session.execute(select(RoleRow).where(RoleRow.enterprise_id == self._enterprise_id))).scalars()
        return {row.id: RoleRecord(row, 0).facts for row in rows}

    async def builtin(self, builtin: BuiltinRole) -> RoleRow:
        query = select(RoleRow).where(RoleRow.enterprise_id == self._enterprise_id, RoleRow.builtin == builtin.value)
        return (await self._session.execute(query)).scalar_one()

    async def named(self, name: str) -> RoleRow | None:
        """The role of this name, whatever the case of its letters."""
        query = select(RoleRow).where(RoleRow.enterprise_id == self._enterprise_id, func.lower(RoleRow.name) == func.lower(name))
        return (await self._session.execute(query)).scalar_one_or_none()

    async def page(self, *, after: tuple[datetime, UUID] | None, limit: int) -> list[RoleRecord]:
        """Roles in order of creation, from behind a key."""
        query = self._records()
        if after is not None:
            query = query.where(tuple_(RoleRow.created_at, RoleRow.id) > tuple_(*after))
        found = await self._session.execute(query.order_by(RoleRow.created_at, RoleRow.id).limit(limit))
        return [RoleRecord(row, count) for row, count in found]

    async def existing(self, role_ids: Collection[UUID]) -> dict[UUID, RoleRow]:
        query = select(RoleRow).where(RoleRow.enterprise_id == self._enterprise_id, RoleRow.id.in_(role_ids))
        return {row.id: row for row in (await self._session.execute(query)).scalars()}

    async def count(self) -> int:
        query = select(func.count()).select_from(RoleRow).where(RoleRow.enterprise_id == self._enterprise_id)
        return (await self._session.execute(query)).scalar_one()

    async def insert(self, values: dict[str, Any]) -> bool:
        """Add a role. False when one of this name is there (whatever the case of its letters)."""
        statement = (
            upsert(RoleRow)
            .values({"enterprise_id": self._enterprise_id, **values})
            .on_conflict_do_nothing(index_elements=[RoleRow.enterprise_id, func.lower(RoleRow.name)])
            .returning(RoleRow.id)
        )
        return (await self._session.execute(statement)).scalar_one_or_none() is not None

    async def member_ids(self, role_id: UUID) -> list[UUID]:
        query = select(AgentRow.id).where(AgentRow.enterprise_id == self._enterprise_id, AgentRow.role_id == role_id).order_by(AgentRow.id)
        return list((await self._session.execute(query)).scalars())

    async def delete(self, role_id: UUID) -> None:
        await self._session.execute(delete(RoleRow).where(RoleRow.enterprise_id == self._enterprise_id, RoleRow.id == role_id))
