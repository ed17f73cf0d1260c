"""Who holds, sees and may grant what."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from qiatan.kit.access import AgentActor, Point, RegionLimit, RegionMode, Scope, ScopeKind, Template
from qiatan.modules.accounts.contracts import BuiltinRole
from qiatan.modules.accounts.rules.login import region_in

MAX_AGENTS = 10_000
MAX_GROUPS = 1_000
MAX_ROLES = 200


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """What a role grants: of the built-in ones all or the everyday points, of others those it names."""

    builtin: BuiltinRole | None
    points: frozenset[str] = frozenset()

    @property
    def is_admin(self) -> bool:
        return self.builtin is BuiltinRole.ADMIN


def points_of(role: RoleFacts, catalogue: Collection[Point]) -> frozenset[str]:
    """What a role holds of all points that exist. A stored name that no module declares any more is worth nothing."""
    if role.builtin is None:
        return role.points.intersection(point.name for point in catalogue)
    return frozenset(point.name for point in catalogue if role.is_admin or point.everyday)


def points_of_template(template: Template, catalogue: Collection[Point]) -> frozenset[str]:
    """What a role begins with that is made from a template."""
    return frozenset(point.name for point in catalogue if template in point.templates)


def usual_scope(role: RoleFacts) -> Scope:
    """The scope an account gets with its role when nobody says otherwise. For administrators it is the only one (F06)."""
    return Scope(ScopeKind.ALL if role.is_admin else ScopeKind.SELF)


def covers(own: Scope, other: Scope) -> bool:
    """Whether a scope reaches at least as far as another one (which belongs to somebody else)."""
    if own.kind is ScopeKind.ALL or other.kind is ScopeKind.SELF:
        return True
    return own.kind is ScopeKind.GROUPS and other.kind is ScopeKind.GROUPS and other.group_ids <= own.group_ids


def covers_regions(own: RegionLimit, other: RegionLimit) -> bool:
    """Whether every visitor who is seen under a limit is seen under one's own too (F22).

    Places that are named one by one are not added up: all cities of a province do not cover the province, as newer region data may
    know one more. Visitors whose place is unknown are in none.
    """
    if own.mode is RegionMode.ALL or (own.mode is RegionMode.EXCEPT and not own.codes):
        return True
    if own.mode is RegionMode.ONLY:
        return other.mode is RegionMode.ONLY and all(region_in(code, own.codes) for code in other.codes)
    if other.mode is RegionMode.ONLY:
        return not any(region_in(code, own.codes) for code in other.codes) and not any(region_in(code, other.codes) for code in own.codes)
    return other.mode is RegionMode.EXCEPT and all(region_in(code, other.codes) for code in own.codes)


class Holder(Protocol):
    """Whoever holds rights: somebody who acts, or an account as it stands (`Held`)."""

    @property
    def points(self) -> frozenset[str]: ...

    @property
    def scope(self) -> Scope: ...

    @property
    def regions(self) -> RegionLimit: ...


@dataclass(frozen=True, slots=True)
class Held:
    """The rights of an account."""

    points: frozenset[str]
    scope: Scope
    regions: RegionLimit


def may_grant(actor: Holder, *, points: frozenset[str], scope: Scope, regions: RegionLimit) -> bool:
    """Nobody hands out, or decides about, more than they hold themselves."""
    return points <= actor.points and covers(actor.scope, scope) and covers_regions(actor.regions, regions)


def may_change_role(actor: AgentActor, *, before: frozenset[str], after: frozenset[str], security: bool) -> bool:
    """Whether the actor may give and take a role's points so: they hold what is added and what is removed.

    `security`: what protects the role (its second factor) changes too, which touches all its points.
    """
    touched = before | after if security else before ^ after
    return touched <= actor.points


@dataclass(frozen=True, slots=True)
class Demands:
    """What a role asks of its members before they act: a second factor (F16), a place they may sign in from (F02)."""

    two_factor: bool = False
    place: bool = False


def demands_shed(own: Demands, *, before: Demands | None, after: Demands, more_points: bool) -> Demands:
    """Which of the demands on oneself a change of a role would let somebody get around; `before` is None for a new role.

    Whoever is under a demand could else take it from the own role, or move with all they hold into a role that lacks it. So points go
    only into roles that ask for as much, and no role asks for less than it did. Administrators are under none here: they answer for it.
    """
    gives = before is None or more_points
    return Demands(
        two_factor=own.two_factor and not after.two_factor and (gives or (before is not None and before.two_factor)),
        place=own.place and not after.place and gives,
    )


def unknown_points(names: Collection[str], catalogue: Collection[Point]) -> list[str]:
    """The names that no module declares, in order."""
    return sorted(set(names).difference(point.name for point in catalogue))


def agent_in_scope(actor: AgentActor, agent_id: UUID, group_ids: Collection[UUID]) -> bool:
    """Whether the actor's scope reaches an agent who is in these groups. The repository says the same in SQL."""
    if actor.scope.kind is ScopeKind.ALL or actor.agent_id == agent_id:
        return True
    return actor.scope.kind is ScopeKind.GROUPS and not actor.scope.group_ids.isdisjoint(group_ids)


def group_in_scope(actor: AgentActor, group_id: UUID) -> bool:
    if actor.scope.kind is ScopeKind.ALL:
        return True
    return actor.scope.kind is ScopeKind.GROUPS and group_id in actor.scope.group_ids
