"""Queries on groups."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Select, Uuid, and_, delete, func, insert, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, ScopeKind
from qiatan.modules.accounts.models import AgentRow, AgentScopeGroupRow, GroupMemberRow, GroupRow


@dataclass(frozen=True, slots=True)
class GroupRecord:
    row: GroupRow
    member_ids: frozenset[UUID]


def _in_scope(actor: AgentActor) -> ColumnElement[bool]:
    """Which groups the actor's scope reaches; `rules.group_in_scope` says the same of one group."""
    if actor.scope.kind is ScopeKind.ALL:
        return true()
    reached = actor.scope.group_ids if actor.scope.kind is ScopeKind.GROUPS else frozenset[UUID]()
    return GroupRow.id.in_(reached)


class GroupRepository:
    """Groups of one enterprise."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    def _records(self) -> Select[GroupRow, Sequence[UUID]]:
        members = (
            select(GroupMemberRow.agent_id)
            .where(GroupMemberRow.enterprise_id == GroupRow.enterprise_id, GroupMemberRow.group_id == GroupRow.id)
            .correlate(GroupRow)
            .scalar_subquery()
        )
        columns = select(GroupRow, func.array(members, type_=ARRAY(Uuid())))
        return columns.where(GroupRow.enterprise_id == self._enterprise_id).execution_options(populate_existing=True)

    async def get(self, group_id: UUID, *, lock: bool = False) -> GroupRecord | None:
        if lock:
            # A statement of its own, so that the members are read as they are once the lock is held.
            here = select(GroupRow.id).where(GroupRow.enterprise_id == self._enterprise_id, GroupRow.id == group_id)
            await self._session.execute(here.with_for_update())
        found = (await self._session.execute(self._records().where(GroupRow.id == group_id))).one_or_none()
        return GroupRecord(found[0], frozenset(found[1])) if found else None

    async def page(self, actor: AgentActor, *, after: tuple[datetime, UUID] | None, limit: int) -> list[GroupRecord]:
        """Groups in the actor's scope in order of creation, from behind a key."""
        query = self._records().where(_in_scope(actor))
        if after is not None:
            query = query.where(tuple_(GroupRow.created_at, GroupRow.id) > tuple_(*after))
        query = query.order_by(GroupRow.created_at, GroupRow.id).limit(limit)
        return [GroupRecord(found[0], frozenset(found[1])) for found in await self._session.execute(query)]

    async def count(self) -> int:
        query = select(func.count()).select_from(GroupRow).where(GroupRow.enterprise_id == self._enterprise_id)
        return (await self._session.execute(query)).scalar_one()

    async def members_of(self, group_ids: Collection[UUID]) -> frozenset[UUID]:
        query = select(GroupMemberRow.agent_id).where(
            GroupMemberRow.enterprise_id == self._enterprise_id, GroupMemberRow.group_id.in_(group_ids)
        )
        return frozenset((await self._session.execute(query)).scalars())

    async def existing(self, group_ids: Collection[UUID]) -> set[UUID]:
        query = select(GroupRow.id).where(GroupRow.enterprise_id == self._enterprise_id, GroupRow.id.in_(group_ids))
        return set((await self._session.execute(query)).scalars())

    async def names(self, group_ids: Collection[UUID]) -> dict[UUID, str]:
        if not group_ids:
            return {}
        query = select(GroupRow.id, GroupRow.name).where(GroupRow.enterprise_id == self._enterprise_id, GroupRow.id.in_(group_ids))
        return {found.id: found.name for found in await self._session.execute(query)}

    async def all_names(self) -> dict[UUID, str]:
        query = select(GroupRow.id, GroupRow.name).where(GroupRow.enterprise_id == self._enterprise_id).order_by(GroupRow.name, GroupRow.id)
        return {found.id: found.name for found in await self._session.execute(query)}

    async def full(self, group_ids: Collection[UUID], limit: int) -> bool:
        """Whether one of the groups has more members than allowed."""
        query = (
            select(GroupMemberRow.group_id)
            .where(GroupMemberRow.enterprise_id == self._enterprise_id, GroupMemberRow.group_id.in_(group_ids))
            .group_by(GroupMemberRow.group_id)
            .having(func.count() > limit)
            .limit(1)
        )
        return (await self._session.execute(query)).first() is not None

    async def insert(self, values: dict[str, Any]) -> bool:
        """Add a group. False when one of this name is there (whatever the case of its letters)."""
        statement = (
            upsert(GroupRow)
            .values({"enterprise_id": self._enterprise_id, **values})
            .on_conflict_do_nothing(index_elements=[GroupRow.enterprise_id, func.lower(GroupRow.name)])
            .returning(GroupRow.id)
        )
        return (await self._session.execute(statement)).scalar_one_or_none() is not None

    async def name_taken(self, name: str, *, besides: UUID) -> bool:
        query = select(GroupRow.id).where(
            GroupRow.enterprise_id == self._enterprise_id, func.lower(GroupRow.name) == func.lower(name), GroupRow.id != besides
        )
        return (await self._session.execute(query)).first() is not None

    async def set_members(self, group_id: UUID, agent_ids: Collection[UUID]) -> None:
        here = and_(GroupMemberRow.enterprise_id == self._enterprise_id, GroupMemberRow.group_id == group_id)
        await self._session.execute(delete(GroupMemberRow).where(here))
        rows = [{"enterprise_id": self._enterprise_id, "group_id": group_id, "agent_id": agent_id} for agent_id in sorted(agent_ids)]
        if rows:
            await self._session.execute(insert(GroupMemberRow), rows)

    async def scoped_agents(self, group_id: UUID) -> set[UUID]:
        """Whose scope names the group."""
        query = select(AgentScopeGroupRow.agent_id).where(
            AgentScopeGroupRow.enterprise_id == self._enterprise_id, AgentScopeGroupRow.group_id == group_id
        )
        return set((await self._session.execute(query)).scalars())

    async def delete(self, group_id: UUID) -> None:
        """Remove a group; memberships and scopes that named it go with it."""
        await self._session.execute(delete(GroupRow).where(GroupRow.enterprise_id == self._enterprise_id, GroupRow.id == group_id))

    async def touch(self, group_ids: Collection[UUID]) -> list[tuple[UUID, int]]:
        """Raise the versions of groups whose members changed; returns (id, version)."""
        here = and_(GroupRow.enterprise_id == self._enterprise_id, GroupRow.id.in_(group_ids))
        statement = update(GroupRow).where(here).values(version=GroupRow.version + 1).returning(GroupRow.id, GroupRow.version)
        return [(found.id, found.version) for found in await self._session.execute(statement)]

    async def touch_agents(self, agent_ids: Collection[UUID]) -> None:
        """Raise the versions of agents whose groups changed."""
        here = and_(AgentRow.enterprise_id == self._enterprise_id, AgentRow.id.in_(agent_ids))
        await self._session.execute(update(AgentRow).where(here).values(version=AgentRow.version + 1))
