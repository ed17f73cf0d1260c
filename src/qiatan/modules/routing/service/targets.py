"""To whom an agent may transfer by hand (F24): the scope decides, and who sees no colleagues sees groups at most."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, ScopeKind, require
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.permissions import TRANSFER
from qiatan.modules.routing.contracts.transfers import TargetAgent, TargetGroup, TransferTargets
from qiatan.modules.routing.rules import Candidate, has_place, serving
from qiatan.modules.routing.service.hours import opening
from qiatan.modules.routing.service.roster import candidates
from qiatan.modules.routing.service.settings import load_transfers

MAX_AGENTS_SHOWN = 500
"""Those who can be given a conversation come first; the page searches among them."""


async def transfer_targets(tx: Tx, actor: AgentActor, conversation_id: UUID) -> TransferTargets:
    """Colleagues and groups a conversation may go to. Raises NotAllowed, ConversationNotFound."""
    require(actor, TRANSFER)
    await conversations.get(tx, actor, conversation_id)
    roster = await candidates(tx)
    names = await groups_in_reach(tx, actor)
    now = await opening(tx)
    others = [one for one in roster if one.agent_id != actor.agent_id]
    groups = []
    for group_id, name in names.items():
        members = [one for one in roster.of_group(group_id) if one.agent_id != actor.agent_id]
        groups.append(
            TargetGroup(
                id=group_id,
                name=name,
                serving=sum(serving(one) for one in members),
                free=sum(has_place(one) for one in members),
                open_now=now.group_open(group_id),
            )
        )
    reached = [one for one in others if agent_in_reach(actor, one)]
    reached.sort(key=lambda one: (not has_place(one), not serving(one), not one.connected, one.name, one.agent_id))
    agents = [_shown(one, names) for one in reached[:MAX_AGENTS_SHOWN]]
    return TransferTargets(agents=agents, groups=groups, asks=(await load_transfers(tx)).ask)


def agent_in_reach(actor: AgentActor, one: Candidate) -> bool:
    """Whether the actor may transfer to this colleague."""
    if one.agent_id == actor.agent_id or actor.scope.kind is ScopeKind.SELF:
        return False
    return actor.scope.kind is ScopeKind.ALL or not actor.scope.group_ids.isdisjoint(one.group_ids)


async def groups_in_reach(tx: Tx, actor: AgentActor) -> dict[UUID, str]:
    """The groups the actor may transfer to, by name."""
    names = await accounts.group_names(tx)
    if actor.scope.kind is ScopeKind.GROUPS:
        return {group_id: name for group_id, name in names.items() if group_id in actor.scope.group_ids}
    if actor.scope.kind is ScopeKind.SELF and not (await load_transfers(tx)).groups_for_self:
        return {}
    return names


def _shown(one: Candidate, names: Collection[UUID]) -> TargetAgent:
    return TargetAgent(
        id=one.agent_id,
        name=one.name,
        status=one.status,
        connected=one.connected,
        open=one.open,
        maximum=one.maximum,
        group_ids=sorted(one.group_ids.intersection(names)),
    )
