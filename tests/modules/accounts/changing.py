"""Changing accounts in tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias
from uuid import UUID

from qiatan.kit.access import Scope, ScopeKind
from tests.support.access import points_of
from tests.support.factories import Factories, Member, Tenant

Change: TypeAlias = Callable[..., Awaitable[Any]]


async def leader(factories: Factories, tenant: Tenant, *groups: UUID, points: frozenset[str] | None = None) -> Member:
    """Somebody who holds every point (or these), over some groups only."""
    scope = Scope(ScopeKind.GROUPS, frozenset(groups))
    return await factories.agent(tenant.enterprise_id, points=points_of("admin") if points is None else points, scope=scope)
