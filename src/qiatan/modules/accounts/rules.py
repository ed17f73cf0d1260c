"""Decisions about accounts: pure, with time and everything else passed in."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address
from uuid import UUID

from qiatan.kit.access import AgentActor, Point, Scope, ScopeKind
from qiatan.modules.accounts.contracts import Role

SESSION_IDLE = timedelta(days=30)
SESSION_LONGEST = timedelta(days=90)
SEEN_EVERY = timedelta(minutes=5)
INVITATION_LIVES = timedelta(days=7)
SIGN_IN_LINK_LIVES = timedelta(minutes=15)

MAX_AGENTS = 10_000
MAX_GROUPS = 1_000
MAX_SESSIONS_OF_AGENT = 50


def session_expiry(created_at: datetime, seen_at: datetime) -> datetime:
    """When a session ends that was last used at `seen_at`: after a time of silence, or at its greatest age."""
    return min(seen_at + SESSION_IDLE, created_at + SESSION_LONGEST)


def points_of(role: Role, catalogue: Collection[Point]) -> frozenset[str]:
    """What a built-in role holds of all points that exist."""
    return frozenset(point.name for point in catalogue if role is Role.ADMIN or point.everyday)


def usual_scope(role: Role) -> Scope:
    """The scope an account gets with its role when nobody says otherwise."""
    return Scope(ScopeKind.ALL if role is Role.ADMIN else ScopeKind.SELF)


def covers(own: Scope, other: Scope) -> bool:
    """Whether a scope reaches at least as far as another one (which belongs to somebody else)."""
    if own.kind is ScopeKind.ALL or other.kind is ScopeKind.SELF:
        return True
    return own.kind is ScopeKind.GROUPS and other.kind is ScopeKind.GROUPS and other.group_ids <= own.group_ids


def may_grant(actor: AgentActor, *, points: frozenset[str], scope: Scope) -> bool:
    """Nobody hands out, or decides about, more than they hold themselves."""
    return points <= actor.points and covers(actor.scope, scope)


def agent_in_scope(actor: AgentActor, agent_id: UUID, group_ids: Collection[UUID]) -> bool:
    """Whether the actor's scope reaches an agent who is in these groups. The repository says the same in SQL."""
    if actor.scope.kind is ScopeKind.ALL or actor.agent_id == agent_id:
        return True
    return actor.scope.kind is ScopeKind.GROUPS and not actor.scope.group_ids.isdisjoint(group_ids)


def group_in_scope(actor: AgentActor, group_id: UUID) -> bool:
    if actor.scope.kind is ScopeKind.ALL:
        return True
    return actor.scope.kind is ScopeKind.GROUPS and group_id in actor.scope.group_ids


def address_group(address: str) -> str:
    """Whom an address speaks for when tries are counted: itself, or its /64 (what one IPv6 customer gets, to change within at will)."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Network((parsed, 64), strict=False))
    return address
