"""Who acts, and what they may do: the words every module shares (architecture: who may do what).

A permission point is declared by the module that owns it. A right is a point together with an object inside the actor's scope;
what scope means for an object is said by the module that owns the object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias
from uuid import UUID

from qiatan.kit.errors import NotAllowed


class Template(StrEnum):
    """Roles that enterprises usually want (F06), offered as a start when one is built."""

    SPECIALIST = "specialist"
    GROUP_LEADER = "group_leader"
    ANALYST = "analyst"
    DEPARTMENT_HEAD = "department_head"


EVERYBODY = frozenset(Template)
SERVING = EVERYBODY - {Template.ANALYST}
LEADING = frozenset({Template.GROUP_LEADER, Template.DEPARTMENT_HEAD})
HEADS = frozenset({Template.DEPARTMENT_HEAD})
ANALYSING = frozenset({Template.ANALYST, Template.DEPARTMENT_HEAD})


@dataclass(frozen=True, slots=True)
class Point:
    """A permission point, named `module.what`, with the plain explanation shown when roles are built.

    `everyday` points belong to the built-in role of ordinary agents; administrators hold all. `templates` are the templates that
    include it. A `personal` point is worth something to a person only: API keys cannot hold it.
    """

    name: str
    explanation: str
    everyday: bool = False
    templates: frozenset[Template] = frozenset()
    personal: bool = False


class ScopeKind(StrEnum):
    SELF = "self"
    GROUPS = "groups"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Scope:
    """How far an account's rights reach: itself, some groups, or the whole enterprise."""

    kind: ScopeKind = ScopeKind.SELF
    group_ids: frozenset[UUID] = frozenset()


class RegionMode(StrEnum):
    """Which online visitors an agent sees (F22): of all regions, only of some, of all but some."""

    ALL = "all"
    ONLY = "only"
    EXCEPT = "except"


@dataclass(frozen=True, slots=True)
class RegionLimit:
    """Whose visitors an account sees, by where they are. A code like `CN/广东省` means all that lies in it too."""

    mode: RegionMode = RegionMode.ALL
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentActor:
    """A signed-in agent, or a program with an API key. `session_id` names the session that acts, so that ending it ends its sockets.

    `via`: `session` a person; `view` a person (`viewer_id`) who looks at the product as this agent, and may change nothing; `api_key`
    a program, whose `agent_id` and `session_id` are the key's id. `must_enrol`: the role demands a second factor that the account does
    not have yet, so nothing but adding one is allowed. `address` is where the request came from.
    """

    enterprise_id: UUID
    agent_id: UUID
    session_id: UUID
    points: frozenset[str]
    scope: Scope = field(default_factory=Scope)
    group_ids: frozenset[UUID] = frozenset()
    regions: RegionLimit = field(default_factory=RegionLimit)
    via: Literal["session", "view", "api_key"] = "session"
    viewer_id: UUID | None = None
    must_enrol: bool = False
    address: str = field(default="", compare=False)

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
