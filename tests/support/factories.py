"""Makers of things, each with a world of its own: no test sees what another made."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from uuid import UUID

from argon2 import PasswordHasher
from sqlalchemy import or_, select

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.infra.resources import Resources
from qiatan.infra.throttle import Throttle
from qiatan.kit.access import AgentActor, Scope, ScopeKind, VisitorActor
from qiatan.modules.accounts.models import (
    AgentRow,
    AgentScopeGroupRow,
    EnterpriseRow,
    GroupMemberRow,
    GroupRow,
    RoleRow,
    SessionRow,
)
from qiatan.modules.channels import service as channels
from qiatan.modules.channels.contracts import Channel, NewChannel
from qiatan.modules.visitors import service as visitors
from qiatan.modules.visitors.contracts import SessionRequest
from tests.support.access import points_of

PASSWORD = "correct horse battery"


@cache
def _password_hash() -> str:
    # Cheap parameters: a sign-in with them also shows that hashes with old parameters still work.
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)


@dataclass(frozen=True)
class Member:
    """An agent who is signed in. `password` opens the account unless it is pending."""

    actor: AgentActor
    email: str
    name: str
    role: str
    session_token: str
    password: str = PASSWORD

    @property
    def id(self) -> UUID:
        return self.actor.agent_id

    @property
    def enterprise_id(self) -> UUID:
        return self.actor.enterprise_id


@dataclass(frozen=True)
class Tenant:
    """An enterprise and its first administrator."""

    enterprise_id: UUID
    name: str
    admin: Member


@dataclass(frozen=True)
class Guest:
    """A visitor of a web channel, with the token their browser keeps."""

    actor: VisitorActor
    token: str

    @property
    def customer_id(self) -> UUID:
        return self.actor.customer_id


class Factories:
    """Writes rows as the use cases would, without their events and without the price of a password hash."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def tenant(self, name: str = "松间器物") -> Tenant:
        """An enterprise with an administrator."""
        enterprise_id = new_id()
        async with self._resources.database.system() as tx:
            tx.session.add(EnterpriseRow(id=enterprise_id, name=name, created_at=tx.now))
            await tx.session.flush()
            for builtin, role_name in (("admin", "管理员"), ("agent", "普通客服")):
                tx.session.add(RoleRow(enterprise_id=enterprise_id, id=new_id(), name=role_name, builtin=builtin, created_at=tx.now))
        admin = await self.agent(enterprise_id, role="admin", scope=Scope(ScopeKind.ALL), name="沈知夏")
        return Tenant(enterprise_id, name, admin)

    async def group(self, enterprise_id: UUID, *members: UUID, name: str | None = None) -> UUID:
        """A group with these agents; returns its id."""
        group_id = new_id()
        async with self._resources.database.tenant(enterprise_id) as tx:
            tx.session.add(GroupRow(enterprise_id=enterprise_id, id=group_id, name=name or f"组 {group_id.hex[-6:]}", created_at=tx.now))
            await tx.session.flush()
            for agent_id in members:
                tx.session.add(GroupMemberRow(enterprise_id=enterprise_id, group_id=group_id, agent_id=agent_id))
        return group_id

    async def role(
        self, enterprise_id: UUID, points: frozenset[str], *, name: str | None = None, requires_two_factor: bool = False
    ) -> UUID:
        """A role of the enterprise's own; returns its id."""
        role_id = new_id()
        async with self._resources.database.tenant(enterprise_id) as tx:
            tx.session.add(
                RoleRow(
                    enterprise_id=enterprise_id,
                    id=role_id,
                    name=name or f"角色 {role_id.hex[-6:]}",
                    points=sorted(points),
                    requires_two_factor=requires_two_factor,
                    created_at=tx.now,
                )
            )
        return role_id

    async def role_id(self, enterprise_id: UUID, role: str) -> UUID:
        """A built-in role's; a template's is made at its first use."""
        async with self._resources.database.tenant(enterprise_id) as tx:
            query = select(RoleRow.id).where(RoleRow.enterprise_id == enterprise_id, or_(RoleRow.builtin == role, RoleRow.name == role))
            found = (await tx.session.execute(query)).scalar_one_or_none()
        return found or await self.role(enterprise_id, points_of(role), name=role)

    async def agent(
        self,
        enterprise_id: UUID,
        *,
        role: str = "agent",
        points: frozenset[str] | None = None,
        scope: Scope | None = None,
        name: str = "顾言",
        email: str | None = None,
        enabled: bool = True,
        pending: bool = False,
        max_conversations: int = 10,
        group_ids: tuple[UUID, ...] = (),
    ) -> Member:
        """An account with an open session (also a disabled one: whose session must then be worth nothing).

        `role`: a built-in one or a template's; with `points` it is a role of its own that holds these.
        """
        scope = scope or Scope()
        role_id = await self.role_id(enterprise_id, role) if points is None else await self.role(enterprise_id, points)
        agent_id = new_id()
        email = email or f"{agent_id.hex}@example.com"
        async with self._resources.database.tenant(enterprise_id) as tx:
            tx.session.add(
                AgentRow(
                    enterprise_id=enterprise_id,
                    id=agent_id,
                    email=email,
                    name=name,
                    password_hash=None if pending else _password_hash(),
                    role_id=role_id,
                    scope_kind=scope.kind.value,
                    max_conversations=max_conversations,
                    enabled=enabled,
                    created_at=tx.now,
                )
            )
            await tx.session.flush()
            for group_id in scope.group_ids:
                tx.session.add(AgentScopeGroupRow(enterprise_id=enterprise_id, agent_id=agent_id, group_id=group_id))
            for group_id in group_ids:
                tx.session.add(GroupMemberRow(enterprise_id=enterprise_id, group_id=group_id, agent_id=agent_id))
            session_id, token = _open_session(tx, enterprise_id, agent_id)
        held = points_of(role) if points is None else points
        actor = AgentActor(enterprise_id, agent_id, session_id, held, scope, frozenset(group_ids))
        return Member(actor, email, name, role, token)

    async def session(self, member: Member) -> Member:
        """The same agent, signed in at another browser."""
        async with self._resources.database.tenant(member.enterprise_id) as tx:
            session_id, token = _open_session(tx, member.enterprise_id, member.id)
        actor = AgentActor(member.enterprise_id, member.id, session_id, member.actor.points, member.actor.scope, member.actor.group_ids)
        return Member(actor, member.email, member.name, member.role, token)

    async def channel(self, enterprise_id: UUID) -> Channel:
        """A web channel, switched on."""
        async with self._resources.database.tenant(enterprise_id) as tx:
            return await channels.create(tx, _everything(enterprise_id), NewChannel(name="测试站"))

    async def visitor(self, channel: Channel) -> Guest:
        """Somebody who just opened the widget."""
        async with self._resources.database.tenant(channel.enterprise_id) as tx:
            session = await visitors.open_session(
                tx,
                channel,
                SessionRequest(page_url="https://shop.example/cups", page_title="杯子"),
                token=None,
                address="198.51.100.7",
                user_agent=None,
                throttle=Throttle(),
            )
        async with self._resources.database.system() as tx:
            actor = await visitors.resolve_token(tx, session.token)
        assert actor is not None
        return Guest(actor, session.token)


def _everything(enterprise_id: UUID) -> AgentActor:
    return AgentActor(enterprise_id, new_id(), new_id(), points_of("admin"), Scope(ScopeKind.ALL))


def _open_session(tx: Tx, enterprise_id: UUID, agent_id: UUID) -> tuple[UUID, str]:
    session_id, token = new_id(), secrets.token_urlsafe(32)
    tx.session.add(
        SessionRow(
            enterprise_id=enterprise_id,
            id=session_id,
            agent_id=agent_id,
            token_hash=hashlib.sha256(token.encode()).digest(),
            created_at=tx.now,
            last_seen_at=tx.now,
            expires_at=tx.now + timedelta(days=30),
            address="192.0.2.1",
            user_agent="tests",
        )
    )
    return session_id, token
