"""Who acts, and what they may do: the words every module shares (architecture: who may do what).

A permission point is declared by the module that owns it. A right is a point together with an object inside the actor's scope;
what scope means for an object is said by the module that owns the object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from qiatan.kit.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class Point:
    """A permission point, named `module.what`, with the plain explanation shown when roles are built.

    `everyday` points belong to the built-in role of ordinary agents; administrators hold all.
    """

    name: str
    explanation: str
    everyday: bool = False


class ScopeKind(StrEnum):
    SELF = "self"
    GROUPS = "groups"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Scope:
    """How far an account's rights reach: itself, some groups, or the whole enterprise."""

    kind: ScopeKind = ScopeKind.SELF
    group_ids: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class AgentActor:
    """A signed-in agent. `session_id` names the session that acts, so that ending it ends its sockets."""

    enterprise_id: UUID
    agent_id: UUID
    session_id: UUID
    points: frozenset[str]
    scope: Scope = field(default_factory=Scope)
    group_ids: frozenset[UUID] = frozenset()

    def may(self, point: Point) -> bool:
        return point.name in self.points


@dataclass(frozen=True, slots=True)
class VisitorActor:
    """A visitor known by a token that is bound to one enterprise, one channel and one customer."""

    enterprise_id: UUID
    customer_id: UUID
    channel_id: UUID
    token_id: UUID


@dataclass(frozen=True, slots=True)
class SystemActor:
    """The program itself: timers, assignment, the command line."""

    enterprise_id: UUID


Actor: TypeAlias = AgentActor | VisitorActor | SystemActor


def require(actor: Actor, point: Point) -> None:
    """Let the system and holders of the point pass.

    Raises:
        NotAllowed: for a visitor, and for an agent whose role lacks the point.
    """
    if isinstance(actor, SystemActor):
        return
    if isinstance(actor, AgentActor) and actor.may(point):
        return
    raise NotAllowed
