"""Queries on agents."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Row,
    Select,
    Uuid,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from qiatan.infra.db import Tx, is_one_of
from qiatan.kit.access import AgentActor, RegionLimit, RegionMode, Scope, ScopeKind
from qiatan.modules.accounts.contracts import BuiltinRole
from qiatan.modules.accounts.models import (
    UNUSABLE,
    AgentRow,
    AgentScopeGroupRow,
    ChallengeRow,
    GroupMemberRow,
    OidcProviderRow,
    PasskeyRow,
    RecoveryCodeRow,
    RoleRow,
    SessionRow,
    TotpRow,
)
from qiatan.modules.accounts.rules import RoleFacts

# Of sets: what is combined by exclusive or needs no order, and each member is there once.
_SERVING_DIGEST = text(
    """
    SELECT (SELECT coalesce(bit_xor(hashtextextended(concat_ws('|', id, max_conversations, role_id, name), 0)), 0) FROM agents
             WHERE enterprise_id = :enterprise AND enabled AND password_hash IS NOT NULL),
           (SELECT coalesce(bit_xor(hashtextextended(concat_ws('|', agent_id, group_id), 0)), 0) FROM group_members
             WHERE enterprise_id = :enterprise),
           (SELECT coalesce(bit_xor(hashtextextended(concat_ws('|', id, builtin, points), 0)), 0) FROM roles WHERE enterprise_id = :enterprise)
    """
)


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """An agent's row and role, the groups it works in and those its scope names.

    `two_factor`: whether signing in asks for a second factor. `last_seen_at`: when its living sessions were used last.
    """

    row: AgentRow
    role_row: RoleRow
    group_ids: frozenset[UUID]
    scope_group_ids: frozenset[UUID]
    two_factor: bool = False
    last_seen_at: datetime | None = None

    @property
    def role(self) -> RoleFacts:
        return role_facts(self.role_row)

    @property
    def scope(self) -> Scope:
        return Scope(ScopeKind(self.row.scope_kind), self.scope_group_ids)

    @property
    def regions(self) -> RegionLimit:
        """Whose visitors the agent sees (F22)."""
        return RegionLimit(RegionMode(self.row.visitor_region_mode), tuple(self.row.visitor_regions))

    @property
    def pending(self) -> bool:
        return self.row.password_hash is None

    @property
    def may_sign_in(self) -> bool:
        return self.row.enabled and not self.pending


def group_ids_column() -> ColumnElement[Sequence[UUID]]:
    """The ids of the groups the agent of the outer query works in."""
    members = select(GroupMemberRow.group_id).where(
        GroupMemberRow.enterprise_id == AgentRow.enterprise_id, GroupMemberRow.agent_id == AgentRow.id
    )
    return func.array(members.correlate(AgentRow).scalar_subquery(), type_=ARRAY(Uuid()))


def scope_group_ids_column() -> ColumnElement[Sequence[UUID]]:
    """The ids of the groups that the scope of the outer query's agent names."""
    reached = select(AgentScopeGroupRow.group_id).where(
        AgentScopeGroupRow.enterprise_id == AgentRow.enterprise_id, AgentScopeGroupRow.agent_id == AgentRow.id
    )
    return func.array(reached.correlate(AgentRow).scalar_subquery(), type_=ARRAY(Uuid()))


def two_factor_column() -> ColumnElement[bool]:
    """Whether the agent of the outer query has a confirmed authenticator app or a passkey."""
    totp = exists().where(
        TotpRow.enterprise_id == AgentRow.enterprise_id, TotpRow.agent_id == AgentRow.id, TotpRow.confirmed_at.is_not(None)
    )
    passkey = exists().where(PasskeyRow.enterprise_id == AgentRow.enterprise_id, PasskeyRow.agent_id == AgentRow.id)
    return or_(totp.correlate(AgentRow), passkey.correlate(AgentRow))


def _last_seen_column() -> ColumnElement[datetime]:
    seen = select(func.max(SessionRow.last_seen_at)).where(
        SessionRow.enterprise_id == AgentRow.enterprise_id, SessionRow.agent_id == AgentRow.id
    )
    return seen.correlate(AgentRow).scalar_subquery()


def role_facts(row: RoleRow) -> RoleFacts:
    return RoleFacts(BuiltinRole(row.builtin) if row.builtin is not None else None, frozenset(row.points))


def in_scope(actor: AgentActor) -> ColumnElement[bool]:
    """Which agents the actor's scope reaches; `rules.agent_in_scope` says the same of one agent."""
    return _reached(actor.enterprise_id, actor.agent_id, actor.scope)


def _reached(enterprise_id: UUID, agent_id: UUID, scope: Scope) -> ColumnElement[bool]:
    if scope.kind is ScopeKind.ALL:
        return true()
    own = AgentRow.id == agent_id
    if scope.kind is ScopeKind.SELF:
        return own
    colleagues = select(GroupMemberRow.agent_id).where(
        GroupMemberRow.enterprise_id == enterprise_id, GroupMemberRow.group_id.in_(scope.group_ids)
    )
    return or_(own, AgentRow.id.in_(colleagues))


Found = Row[AgentRow, RoleRow, Sequence[UUID], Sequence[UUID], bool, datetime]


def record(found: Found) -> AgentRecord:
    return AgentRecord(found[0], found[1], frozenset(found[2]), frozenset(found[3]), found[4], found[5])


def records() -> Select[AgentRow, RoleRow, Sequence[UUID], Sequence[UUID], bool, datetime]:
    """Agents with everything that `record` makes of them."""
    columns = select(
        AgentRow, RoleRow, group_ids_column(), scope_group_ids_column(), two_factor_column(), _last_seen_column().label("last_seen_at")
    )
    joined = columns.join(RoleRow, and_(RoleRow.enterprise_id == AgentRow.enterprise_id, RoleRow.id == AgentRow.role_id))
    return joined.execution_options(populate_existing=True)


async def locked_record(tx: Tx, *which: ColumnElement[bool]) -> AgentRecord | None:
    """The one agent that fits, its row locked.

    The lock is a statement of its own: whoever had to wait for one is shown the locked row anew, but everything else (the role, factors,
    groups) as it was before the wait.
    """
    lock = select(AgentRow.id).where(*which).with_for_update(key_share=True)
    agent_id = (await tx.session.execute(lock)).scalar_one_or_none()
    if agent_id is None:
        return None
    found = (await tx.session.execute(records().where(AgentRow.id == agent_id, *which))).one_or_none()
    return record(found) if found else None


class AgentRepository:
    """Agents of one enterprise."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._tx = tx
        self._session = tx.session
        self._enterprise_id = enterprise_id

    def _records(self) -> Select[AgentRow, RoleRow, Sequence[UUID], Sequence[UUID], bool, datetime]:
        return records().where(AgentRow.enterprise_id == self._enterprise_id)

    def _admins(self) -> ColumnElement[bool]:
        """Enabled administrators who have joined."""
        admin = select(RoleRow.id).where(RoleRow.enterprise_id == self._enterprise_id, RoleRow.builtin == BuiltinRole.ADMIN.value)
        return and_(
            AgentRow.enterprise_id == self._enterprise_id,
            AgentRow.role_id == admin.scalar_subquery(),
            AgentRow.enabled,
            AgentRow.password_hash.is_not(None),
        )

    async def get(self, agent_id: UUID, *, lock: bool = False) -> AgentRecord | None:
        if lock:
            return await locked_record(self._tx, AgentRow.enterprise_id == self._enterprise_id, AgentRow.id == agent_id)
        found = (await self._session.execute(self._records().where(AgentRow.id == agent_id))).one_or_none()
        return record(found) if found else None

    async def get_all(self, agent_ids: Collection[UUID]) -> list[AgentRecord]:
        query = self._records().where(is_one_of(AgentRow.id, agent_ids)).order_by(AgentRow.id)
        return [record(found) for found in await self._session.execute(query)]

    async def able_to_sign_in(self) -> list[AgentRecord]:
        """Everybody who is enabled and has joined, by name."""
        query = self._records().where(AgentRow.enabled, AgentRow.password_hash.is_not(None)).order_by(AgentRow.name, AgentRow.id)
        return [record(found) for found in await self._session.execute(query)]

    async def rows(self, agent_ids: Collection[UUID]) -> list[AgentRow]:
        query = select(AgentRow).where(AgentRow.enterprise_id == self._enterprise_id, is_one_of(AgentRow.id, agent_ids))
        return list((await self._session.execute(query.execution_options(populate_existing=True))).scalars())

    async def maximum(self, agent_id: UUID) -> int | None:
        query = select(AgentRow.max_conversations).where(AgentRow.enterprise_id == self._enterprise_id, AgentRow.id == agent_id)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def names(self, agent_ids: Collection[UUID]) -> dict[UUID, str]:
        named = is_one_of(AgentRow.id, agent_ids)
        query = select(AgentRow.id, AgentRow.name).where(AgentRow.enterprise_id == self._enterprise_id, named)
        return {found.id: found.name for found in await self._session.execute(query)}

    async def page(
        self, actor: AgentActor, *, after: tuple[datetime, UUID] | None, limit: int, role_id: UUID | None = None
    ) -> list[AgentRecord]:
        """Agents in the actor's scope (of one role, if given) in order of creation, from behind a key."""
        query = self._records().where(in_scope(actor))
        if role_id is not None:
            query = query.where(AgentRow.role_id == role_id)
        if after is not None:
            query = query.where(tuple_(AgentRow.created_at, AgentRow.id) > tuple_(*after))
        query = query.order_by(AgentRow.created_at, AgentRow.id).limit(limit)
        return [record(found) for found in await self._session.execute(query)]

    def _colleagues_of(self, found: AgentRecord) -> ColumnElement[bool]:
        reached = _reached(self._enterprise_id, found.row.id, found.scope)
        return and_(AgentRow.enterprise_id == self._enterprise_id, AgentRow.id != found.row.id, reached)

    async def colleagues(self, found: AgentRecord, *, seen_by: AgentActor, limit: int) -> list[UUID]:
        """The others an agent's scope reaches, as far as somebody else's does too, oldest first."""
        query = select(AgentRow.id).where(self._colleagues_of(found), in_scope(seen_by))
        return list((await self._session.execute(query.order_by(AgentRow.created_at, AgentRow.id).limit(limit))).scalars())

    async def count_colleagues(self, found: AgentRecord) -> int:
        query = select(func.count()).select_from(AgentRow).where(self._colleagues_of(found))
        return (await self._session.execute(query)).scalar_one()

    async def drop_factors(self, agent_id: UUID) -> None:
        """Take every second factor from an agent, and what waits for one."""
        for table in (TotpRow, PasskeyRow, RecoveryCodeRow, ChallengeRow):
            await self._session.execute(delete(table).where(table.enterprise_id == self._enterprise_id, table.agent_id == agent_id))

    async def count(self) -> int:
        query = select(func.count()).select_from(AgentRow).where(AgentRow.enterprise_id == self._enterprise_id)
        return (await self._session.execute(query)).scalar_one()

    async def other_admins(self, agent_id: UUID | None) -> int:
        """How many administrators can sign in besides one: by a password, a passkey, or the provider, where that is switched on."""
        passkey = exists().where(PasskeyRow.enterprise_id == AgentRow.enterprise_id, PasskeyRow.agent_id == AgentRow.id)
        provider = exists().where(OidcProviderRow.enterprise_id == AgentRow.enterprise_id, OidcProviderRow.enabled)
        comes_in = or_(AgentRow.password_hash != UNUSABLE, passkey.correlate(AgentRow), provider.correlate(AgentRow))
        query = select(func.count()).select_from(AgentRow).where(self._admins(), comes_in)
        if agent_id is not None:
            query = query.where(AgentRow.id != agent_id)
        return (await self._session.execute(query)).scalar_one()

    async def first_admin(self) -> AgentRow | None:
        query = select(AgentRow).where(self._admins()).order_by(AgentRow.created_at, AgentRow.id).limit(1)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def serving(self, agent_id: UUID | None = None) -> list[tuple[UUID, str, int, RoleFacts, Sequence[UUID]]]:
        """(id, name, maximum, role, groups) of those (of this one) who are enabled and have joined, in order of id."""
        query = (
            select(AgentRow.id, AgentRow.name, AgentRow.max_conversations, RoleRow, group_ids_column())
            .join(RoleRow, and_(RoleRow.enterprise_id == AgentRow.enterprise_id, RoleRow.id == AgentRow.role_id))
            .where(AgentRow.enterprise_id == self._enterprise_id, AgentRow.enabled, AgentRow.password_hash.is_not(None))
            .execution_options(populate_existing=True)
        )
        if agent_id is not None:
            query = query.where(AgentRow.id == agent_id)
        found = await self._session.execute(query.order_by(AgentRow.id))
        return [(row[0], row[1], row[2], role_facts(row[3]), row[4]) for row in found]

    async def serving_digest(self) -> tuple[int, int, int]:
        """Differs when anything differs that `serving` would answer. It is asked with every decision: reading a thousand agents costs ten times as much."""
        found = await self._session.execute(_SERVING_DIGEST, {"enterprise": self._enterprise_id})
        agents, members, roles = found.one()
        return agents, members, roles

    async def insert(self, values: dict[str, Any]) -> bool:
        """Add an agent. False when its e-mail address has an account, in whatever enterprise (row security hides which)."""
        row = {"enterprise_id": self._enterprise_id, **values}
        statement = upsert(AgentRow).values(row).on_conflict_do_nothing(index_elements=[func.lower(AgentRow.email)])
        return (await self._session.execute(statement.returning(AgentRow.id))).scalar_one_or_none() is not None

    async def delete_pending(self, agent_id: UUID) -> None:
        """Delete an account that nobody has ever used, with all that is about it alone."""
        here = and_(AgentRow.enterprise_id == self._enterprise_id, AgentRow.id == agent_id, AgentRow.password_hash.is_(None))
        await self._session.execute(delete(AgentRow).where(here))

    async def set_groups(self, agent_id: UUID, group_ids: Collection[UUID]) -> None:
        here = and_(GroupMemberRow.enterprise_id == self._enterprise_id, GroupMemberRow.agent_id == agent_id)
        await self._session.execute(delete(GroupMemberRow).where(here))
        rows = [{"enterprise_id": self._enterprise_id, "agent_id": agent_id, "group_id": group_id} for group_id in sorted(group_ids)]
        if rows:
            await self._session.execute(insert(GroupMemberRow), rows)

    async def set_scope_groups(self, agent_id: UUID, group_ids: Collection[UUID]) -> None:
        here = and_(AgentScopeGroupRow.enterprise_id == self._enterprise_id, AgentScopeGroupRow.agent_id == agent_id)
        await self._session.execute(delete(AgentScopeGroupRow).where(here))
        rows = [{"enterprise_id": self._enterprise_id, "agent_id": agent_id, "group_id": group_id} for group_id in sorted(group_ids)]
        if rows:
            await self._session.execute(insert(AgentScopeGroupRow), rows)
