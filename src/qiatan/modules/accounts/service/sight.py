"""What somebody's role and scope let them see, for whoever decides about it."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, Point, require
from qiatan.modules.accounts import permissions, rules
from qiatan.modules.accounts.contracts import AgentScope, Sight
from qiatan.modules.accounts.repository import AgentRepository
from qiatan.modules.accounts.service.agents import visible_agent

_NAMED = 100


async def see_sight(tx: Tx, actor: AgentActor, *, agent_id: UUID, catalogue: Collection[Point]) -> Sight:
    """What an account sees: its points, its scope and the colleagues that lie in it.

    Colleagues beyond the actor's own scope are counted, not named.

    Raises:
        NotFound: there is no such account in the actor's scope.
    """
    require(actor, permissions.VIEW_AGENTS)
    agents = AgentRepository(tx, actor.enterprise_id)
    found = await visible_agent(tx, actor, agent_id)
    return Sight(
        points=sorted(rules.points_of(found.role, catalogue)),
        scope=AgentScope(kind=found.scope.kind, group_ids=sorted(found.scope.group_ids)),
        colleague_ids=await agents.colleagues(found, seen_by=actor, limit=_NAMED),
        colleague_count=await agents.count_colleagues(found),
    )
