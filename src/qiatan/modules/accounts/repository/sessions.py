"""Queries on sessions.

The functions at the end look across enterprises, in a system transaction: who comes with a token or an e-mail address has not said
yet where they belong.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, delete, func, select, update

from qiatan.infra.db import Tx, is_among
from qiatan.modules.accounts.models import AgentRow, ChallengeRow, LoginEntryRow, OneTimeLinkRow, RoleRow, SessionRow
from qiatan.modules.accounts.repository.agents import (
    AgentRecord,
    group_ids_column,
    locked_record,
    record,
    records,
    scope_group_ids_column,
    two_factor_column,
)
from qiatan.modules.accounts.repository.login import restricted_column


@dataclass(frozen=True, slots=True)
class FoundSession:
    """A living session and what its agent's rights are made of, in plain values. `restricted`: where it is used from matters."""

    enterprise_id: UUID
    id: UUID
    agent_id: UUID
    agent_name: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    role_id: UUID
    builtin: str | None
    points: Sequence[str]
    requires_two_factor: bool
    restricted: bool
    two_factor: bool
    scope_kind: str
    group_ids: Sequence[UUID]
    scope_group_ids: Sequence[UUID]
    visitor_region_mode: str
    visitor_regions: Sequence[str]


class SessionRepository:
    """Sessions of one enterprise."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._now = tx.now
        self._enterprise_id = enterprise_id

    async def insert(self, values: dict[str, Any], *, keep: int) -> None:
        """Add a session and end the agent's oldest beyond `keep`."""
        row = SessionRow(enterprise_id=self._enterprise_id, **values)
        self._session.add(row)
        await self._session.flush()
        of_agent = and_(SessionRow.enterprise_id == self._enterprise_id, SessionRow.agent_id == row.agent_id)
        too_old = select(SessionRow.id).where(of_agent).order_by(SessionRow.created_at.desc(), SessionRow.id.desc()).offset(keep)
        await self._session.execute(delete(SessionRow).where(of_agent, SessionRow.id.in_(too_old)))

    async def see(self, session_id: UUID, *, seen_at: datetime, expires_at: datetime, address: str, region: str) -> None:
        here = and_(SessionRow.enterprise_id == self._enterprise_id, SessionRow.id == session_id)
        seen = {"last_seen_at": seen_at, "expires_at": expires_at, "address": address, "region": region}
        await self._session.execute(update(SessionRow).where(here).values(seen))

    async def delete(self, session_id: UUID) -> bool:
        """End a session. False when it has ended already (of two who come at once, one ends it)."""
        here = and_(SessionRow.enterprise_id == self._enterprise_id, SessionRow.id == session_id)
        statement = delete(SessionRow).where(here).returning(SessionRow.id)
        return (await self._session.execute(statement)).scalar_one_or_none() is not None

    async def signed_in_at(self, session_id: UUID) -> datetime | None:
        """When a living session began."""
        here = and_(SessionRow.enterprise_id == self._enterprise_id, SessionRow.id == session_id)
        return (await self._session.execute(select(SessionRow.created_at).where(here))).scalar_one_or_none()

    async def of_agent(self, agent_id: UUID) -> list[SessionRow]:
        """The agent's living sessions, used last first. Their number is bounded where they are made."""
        query = select(SessionRow).where(SessionRow.enterprise_id == self._enterprise_id, SessionRow.agent_id == agent_id)
        query = query.where(SessionRow.expires_at > self._now).order_by(SessionRow.last_seen_at.desc(), SessionRow.id.desc())
        return list((await self._session.execute(query)).scalars())

    async def living(self, session_ids: Collection[UUID]) -> set[UUID]:
        query = select(SessionRow.id).where(SessionRow.enterprise_id == self._enterprise_id, SessionRow.id.in_(session_ids))
        return set((await self._session.execute(query.where(SessionRow.expires_at > self._now))).scalars())

    async def delete_of(self, agent_id: UUID, session_id: UUID) -> bool:
        """End one session of the agent. False when there is none of this id."""
        here = and_(SessionRow.enterprise_id == self._enterprise_id, SessionRow.agent_id == agent_id, SessionRow.id == session_id)
        statement = delete(SessionRow).where(here).returning(SessionRow.id)
        return (await self._session.execute(statement)).scalar_one_or_none() is not None

    async def delete_all(self, agent_id: UUID, *, besides: UUID | None = None) -> None:
        """End the agent's sessions, and the sign-ins that wait for their second step."""
        here = and_(SessionRow.enterprise_id == self._enterprise_id, SessionRow.agent_id == agent_id)
        statement = delete(SessionRow).where(here)
        if besides is not None:
            statement = statement.where(SessionRow.id != besides)
        await self._session.execute(statement)
        under_way = and_(ChallengeRow.enterprise_id == self._enterprise_id, ChallengeRow.agent_id == agent_id)
        await self._session.execute(delete(ChallengeRow).where(under_way))


_LIVING: Any = (
    select(
        SessionRow.enterprise_id,
        SessionRow.id,
        SessionRow.agent_id,
        AgentRow.name.label("agent_name"),
        SessionRow.user_agent,
        SessionRow.created_at,
        SessionRow.last_seen_at,
        RoleRow.id.label("role_id"),
        RoleRow.builtin,
        RoleRow.points,
        RoleRow.requires_two_factor,
        restricted_column().label("restricted"),
        two_factor_column().label("two_factor"),
        AgentRow.scope_kind,
        group_ids_column().label("group_ids"),
        scope_group_ids_column().label("scope_group_ids"),
        AgentRow.visitor_region_mode,
        AgentRow.visitor_regions,
    )
    .join(AgentRow, and_(AgentRow.enterprise_id == SessionRow.enterprise_id, AgentRow.id == SessionRow.agent_id))
    .join(RoleRow, and_(RoleRow.enterprise_id == AgentRow.enterprise_id, RoleRow.id == AgentRow.role_id))
    .where(SessionRow.expires_at > bindparam("now"))
    .where(AgentRow.enabled, AgentRow.password_hash.is_not(None))
)
"""Living sessions of enabled agents, with the agents' rights. Put together once: every request of an agent asks it."""
_OF_TOKEN: Any = _LIVING.where(SessionRow.token_hash == bindparam("token_hash"))


async def find_session(tx: Tx, token_hash: bytes) -> FoundSession | None:
    """The living session of an enabled agent, with the agent's rights, in one query."""
    found = (await tx.session.execute(_OF_TOKEN, {"now": tx.now, "token_hash": token_hash})).mappings().one_or_none()
    return FoundSession(**found) if found else None


async def living_sessions(tx: Tx, sessions: Collection[tuple[UUID, UUID]]) -> list[FoundSession]:
    """Those of these (enterprise, session) that still live and belong to agents who may sign in."""
    query = _LIVING.where(is_among(SessionRow.enterprise_id, SessionRow.id, sessions))
    return [FoundSession(**found) for found in (await tx.session.execute(query, {"now": tx.now})).mappings()]


async def find_account(tx: Tx, email: str, *, lock: bool = False) -> AgentRecord | None:
    """The account of an e-mail address, whatever the case of its letters; with its row locked if asked."""
    at_address = func.lower(AgentRow.email) == func.lower(email)
    if lock:
        return await locked_record(tx, at_address)
    found = (await tx.session.execute(records().where(at_address))).one_or_none()
    return record(found) if found else None


async def account_name(tx: Tx, email: str) -> str:
    """An address as accounts are told apart by it. The database says how: its small letters are not Python's (`İ` is one of its `i`)."""
    name: str = (await tx.session.execute(select(func.lower(email)))).scalar_one()
    return name


async def came_from(tx: Tx, email: str, *, since: datetime, limit: int) -> set[str]:
    """The addresses from which the account of an e-mail address came in, looking at its newest entries in the login log."""
    query = (
        select(LoginEntryRow.address)
        .join(AgentRow, and_(AgentRow.enterprise_id == LoginEntryRow.enterprise_id, AgentRow.id == LoginEntryRow.agent_id))
        .where(func.lower(AgentRow.email) == func.lower(email), LoginEntryRow.allowed, LoginEntryRow.at >= since)
        .order_by(LoginEntryRow.at.desc())
        .limit(limit)
    )
    return set((await tx.session.execute(query)).scalars())


async def enterprise_came_from(tx: Tx, enterprise_id: UUID, *, since: datetime, limit: int) -> set[str]:
    """The addresses from which anybody of an enterprise came in, looking at the newest entries in its login log."""
    here = (LoginEntryRow.enterprise_id == enterprise_id, LoginEntryRow.allowed, LoginEntryRow.at >= since)
    query = select(LoginEntryRow.address).where(*here).order_by(LoginEntryRow.at.desc()).limit(limit)
    return set((await tx.session.execute(query)).scalars())


async def purge(tx: Tx) -> None:
    """Forget expired sessions, links and challenges, of all enterprises."""
    await tx.session.execute(delete(SessionRow).where(SessionRow.expires_at <= tx.now))
    await tx.session.execute(delete(ChallengeRow).where(ChallengeRow.expires_at <= tx.now))
    await tx.session.execute(delete(OneTimeLinkRow).where(OneTimeLinkRow.expires_at <= tx.now))


async def avatar_shown(tx: Tx, name: str) -> bool:
    """Whether some agent shows this picture."""
    return (await tx.session.execute(select(AgentRow.id).where(AgentRow.avatar == name))).first() is not None
