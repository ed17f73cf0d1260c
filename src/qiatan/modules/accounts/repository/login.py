"""Queries on the login restriction and the login log.

The functions at the end look across enterprises, in a system transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, and_, delete, exists, func, insert, or_, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor
from qiatan.modules.accounts.models import (
    AgentRow,
    LoginEntryRow,
    LoginPolicyRoleRow,
    LoginPolicyRow,
    RoleRow,
    SessionRow,
    TrustedAddressRow,
)
from qiatan.modules.accounts.repository.agents import in_scope
from qiatan.modules.accounts.rules.login import LoginRules, stored_range


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """An enterprise's login restriction. `version` is 0 when none was saved yet; `trusted` is in the order of the rules' ranges."""

    rules: LoginRules = field(default_factory=LoginRules)
    version: int = 0
    trusted: Sequence[TrustedAddressRow] = ()


@dataclass(frozen=True, slots=True)
class LivingSession:
    """A session that lives, and whom it belongs to. `restricted`: where it is used from matters."""

    enterprise_id: UUID
    id: UUID
    agent_id: UUID
    agent_name: str
    user_agent: str
    address: str
    role_id: UUID
    builtin: str | None
    restricted: bool


@dataclass(frozen=True, slots=True)
class LoginFilter:
    """Which entries of the login log are asked for: `since` counts in, `until` does not."""

    agent_id: UUID | None = None
    allowed: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


def restricted_column() -> ColumnElement[bool]:
    """Whether the role of the outer query is one whose members are restricted now."""
    restricted = exists().where(
        LoginPolicyRoleRow.enterprise_id == RoleRow.enterprise_id,
        LoginPolicyRoleRow.role_id == RoleRow.id,
        LoginPolicyRow.enterprise_id == LoginPolicyRoleRow.enterprise_id,
        LoginPolicyRow.enabled,
    )
    return restricted.correlate(RoleRow)


def _may_sign_in() -> ColumnElement[bool]:
    return and_(AgentRow.enabled, AgentRow.password_hash.is_not(None))


def _living() -> Any:
    columns = select(
        SessionRow.enterprise_id,
        SessionRow.id,
        SessionRow.agent_id,
        AgentRow.name.label("agent_name"),
        SessionRow.user_agent,
        SessionRow.address,
        RoleRow.id.label("role_id"),
        RoleRow.builtin,
        restricted_column().label("restricted"),
    )
    joined = columns.join(AgentRow, and_(AgentRow.enterprise_id == SessionRow.enterprise_id, AgentRow.id == SessionRow.agent_id)).join(
        RoleRow, and_(RoleRow.enterprise_id == AgentRow.enterprise_id, RoleRow.id == AgentRow.role_id)
    )
    return joined.where(_may_sign_in())


class LoginRepository:
    """The login restriction and the login log of one enterprise."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._tx = tx
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def policy(self) -> PolicyRecord:
        return (await policies_of(self._tx, {self._enterprise_id})).get(self._enterprise_id, PolicyRecord())

    async def save(self, *, enabled: bool, role_ids: Collection[UUID], regions: Sequence[str], version: int) -> None:
        """The policy and its roles. The caller holds the enterprise's lock."""
        values = {"enabled": enabled, "regions": list(regions), "version": version}
        statement = upsert(LoginPolicyRow).values({"enterprise_id": self._enterprise_id, **values})
        await self._session.execute(statement.on_conflict_do_update(index_elements=[LoginPolicyRow.enterprise_id], set_=values))
        await self._session.execute(delete(LoginPolicyRoleRow).where(LoginPolicyRoleRow.enterprise_id == self._enterprise_id))
        rows = [{"enterprise_id": self._enterprise_id, "role_id": role_id} for role_id in sorted(role_ids)]
        if rows:
            await self._session.execute(insert(LoginPolicyRoleRow), rows)

    async def replace_trusted(self, entries: Sequence[dict[str, Any]]) -> None:
        """All trusted addresses, in order."""
        await self._session.execute(delete(TrustedAddressRow).where(TrustedAddressRow.enterprise_id == self._enterprise_id))
        rows = [{"enterprise_id": self._enterprise_id, "position": position, **entry} for position, entry in enumerate(entries)]
        if rows:
            await self._session.execute(insert(TrustedAddressRow), rows)

    async def use_trusted(self, entry_id: UUID, *, at: datetime, every: timedelta) -> None:
        """Note that somebody came from a trusted address; once in a while is enough, however many people an office has."""
        used = TrustedAddressRow.last_used_at
        here = and_(TrustedAddressRow.enterprise_id == self._enterprise_id, TrustedAddressRow.id == entry_id)
        statement = update(TrustedAddressRow).where(here, or_(used.is_(None), used <= at - every)).values(last_used_at=at)
        await self._session.execute(statement)

    async def counts(self, role_ids: Collection[UUID]) -> tuple[int, int]:
        """How many accounts that may sign in have one of these roles, and how many have not."""
        chosen = AgentRow.role_id.in_(role_ids)
        query = select(func.count().filter(chosen), func.count().filter(~chosen)).where(
            AgentRow.enterprise_id == self._enterprise_id, _may_sign_in()
        )
        found = (await self._session.execute(query)).one()
        return found[0], found[1]

    async def sessions_of_roles(self, role_ids: Collection[UUID], *, besides: UUID) -> list[LivingSession]:
        """Living sessions of everybody with one of these roles but one agent, by their names."""
        query = _living().where(
            SessionRow.enterprise_id == self._enterprise_id,
            SessionRow.expires_at > self._tx.now,
            AgentRow.role_id.in_(role_ids),
            AgentRow.id != besides,
        )
        query = query.order_by(AgentRow.name, AgentRow.id)
        return [LivingSession(**found) for found in (await self._session.execute(query)).mappings()]

    async def within_scope(self, actor: AgentActor, agent_ids: Collection[UUID]) -> set[UUID]:
        """Which of these agents the actor's scope reaches."""
        query = select(AgentRow.id).where(AgentRow.enterprise_id == self._enterprise_id, AgentRow.id.in_(agent_ids), in_scope(actor))
        return set((await self._session.execute(query)).scalars())

    async def note(self, values: dict[str, Any]) -> None:
        await self._session.execute(insert(LoginEntryRow), {"enterprise_id": self._enterprise_id, **values})

    async def entries(
        self, actor: AgentActor, asked: LoginFilter, *, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[tuple[LoginEntryRow, str]]:
        """Entries of agents in the actor's scope with the agents' names, newest first, from behind a key."""
        query = (
            select(LoginEntryRow, AgentRow.name)
            .join(AgentRow, and_(AgentRow.enterprise_id == LoginEntryRow.enterprise_id, AgentRow.id == LoginEntryRow.agent_id))
            .where(LoginEntryRow.enterprise_id == self._enterprise_id, in_scope(actor), *_asked(asked))
        )
        if after is not None:
            query = query.where(tuple_(LoginEntryRow.at, LoginEntryRow.id) < tuple_(*after))
        query = query.order_by(LoginEntryRow.at.desc(), LoginEntryRow.id.desc()).limit(limit)
        return [(row, name) for row, name in await self._session.execute(query)]


def _asked(asked: LoginFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if asked.agent_id is not None:
        conditions.append(LoginEntryRow.agent_id == asked.agent_id)
    if asked.allowed is not None:
        conditions.append(LoginEntryRow.allowed.is_(asked.allowed))
    if asked.since is not None:
        conditions.append(LoginEntryRow.at >= asked.since)
    if asked.until is not None:
        conditions.append(LoginEntryRow.at < asked.until)
    return conditions or [true()]


async def forget_logins(tx: Tx, enterprise_id: UUID, *, before: datetime) -> None:
    """Remove what is older from an enterprise's login log."""
    here = and_(LoginEntryRow.enterprise_id == enterprise_id, LoginEntryRow.at < before)
    await tx.session.execute(delete(LoginEntryRow).where(here))


async def policies_of(tx: Tx, enterprise_ids: Collection[UUID]) -> dict[UUID, PolicyRecord]:
    """The login restrictions of these enterprises; those that saved none are left out."""
    chosen = select(LoginPolicyRoleRow.role_id).where(LoginPolicyRoleRow.enterprise_id == LoginPolicyRow.enterprise_id)
    role_ids = func.array(chosen.correlate(LoginPolicyRow).scalar_subquery(), type_=ARRAY(Uuid()))
    policies = select(LoginPolicyRow, role_ids).where(LoginPolicyRow.enterprise_id.in_(enterprise_ids))
    saved = {row.enterprise_id: (row, roles) for row, roles in await tx.session.execute(_fresh(policies))}
    if not saved:
        return {}
    trusted: dict[UUID, list[TrustedAddressRow]] = {enterprise_id: [] for enterprise_id in saved}
    entries = select(TrustedAddressRow).where(TrustedAddressRow.enterprise_id.in_(saved)).order_by(TrustedAddressRow.position)
    for row in (await tx.session.execute(_fresh(entries))).scalars():
        trusted[row.enterprise_id].append(row)
    return {enterprise_id: _policy(row, roles, trusted[enterprise_id]) for enterprise_id, (row, roles) in saved.items()}


def _fresh(query: Any) -> Any:
    return query.execution_options(populate_existing=True)


def _policy(row: LoginPolicyRow, role_ids: Collection[UUID], trusted: Sequence[TrustedAddressRow]) -> PolicyRecord:
    ranges = tuple(stored_range(entry.first, entry.last) for entry in trusted)
    return PolicyRecord(LoginRules(row.enabled, frozenset(role_ids), frozenset(row.regions), ranges), row.version, trusted)
