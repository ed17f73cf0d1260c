"""Who could get a conversation, and what stands around a decision."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.modules.accounts import service as accounts
from qiatan.modules.accounts.contracts import ServingAgent
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.permissions import SERVE
from qiatan.modules.routing.contracts.presence import PresenceStatus
from qiatan.modules.routing.contracts.settings import AssignmentSettings, BaseRule
from qiatan.modules.routing.repository import RoutingRepository
from qiatan.modules.routing.repository.decisions import DecisionRepository
from qiatan.modules.routing.repository.pointers import PointerRepository
from qiatan.modules.routing.repository.requests import RequestRepository
from qiatan.modules.routing.rules import Candidate, Roster, Surroundings
from qiatan.modules.routing.service.hours import opening
from qiatan.modules.routing.service.settings import load_assignment, load_queue

RECEIVED_WITHIN = timedelta(hours=12)
"""What the fill-up rule counts (F28)."""


KEPT = 500
"""Rosters that are kept as they were made last. The largest (a few thousand agents) take about a MB."""


@dataclass(frozen=True, slots=True)
class _Kept:
    agents: Sequence[ServingAgent]
    order: Sequence[UUID]
    roster: Roster


# Of a thousand agents few stand differently from one look to the next.
_kept: OrderedDict[UUID, _Kept] = OrderedDict()


async def candidates(tx: Tx, settings: AssignmentSettings | None = None) -> Roster:
    """Everybody enabled whose role may serve, as they stand now, in the order of the settings (a draft, or the saved ones)."""
    if settings is None:
        settings, _ = await load_assignment(tx)
    agents = await accounts.serving_agents(tx, SERVE)
    kept = _kept.get(tx.enterprise_id)
    if kept is None or kept.agents is not agents or kept.order is not settings.order:
        kept = _Kept(agents, settings.order, Roster([_away(agent) for agent in agents], settings.order))
    connected = await RoutingRepository(tx, tx.enterprise_id).connected(tx.now)
    counts = await conversations.active_counts(tx)
    received: Mapping[UUID, int] = {}
    if settings.base_rule is BaseRule.FILL_UP:
        received = await DecisionRepository(tx, tx.enterprise_id).received(tx.now - RECEIVED_WITHIN)
    roster = kept.roster.with_states(_moved(kept.roster, connected, counts, received))
    _kept[tx.enterprise_id] = _Kept(agents, settings.order, roster)
    _kept.move_to_end(tx.enterprise_id)
    if len(_kept) > KEPT:
        _kept.popitem(last=False)
    return roster


def _away(agent: ServingAgent) -> Candidate:
    return Candidate(
        agent_id=agent.id,
        name=agent.name,
        status=PresenceStatus.OFFLINE,
        connected=False,
        open=0,
        maximum=agent.max_conversations,
        group_ids=frozenset(agent.group_ids),
    )


def _moved(
    roster: Roster, connected: Mapping[UUID, PresenceStatus], counts: Mapping[UUID, int], received: Mapping[UUID, int]
) -> list[Candidate]:
    """Those who stand differently now. Of who is not there, it does not matter what they chose."""
    found = []
    for one in roster:
        status, count, got = connected.get(one.agent_id), counts.get(one.agent_id, 0), received.get(one.agent_id, 0)
        is_there, shown = status is not None, status or PresenceStatus.OFFLINE
        if one.open != count or one.status is not shown or one.connected is not is_there or one.received != got:
            found.append(replace(one, status=shown, connected=is_there, open=count, received=got))
    return found


async def candidate_now(tx: Tx, agent_id: UUID) -> Candidate | None:
    """One agent as they stand now, without what they received; None if they may not serve."""
    agent = await accounts.serving_agent(tx, agent_id, SERVE)
    if agent is None:
        return None
    row = await RoutingRepository(tx, tx.enterprise_id).get(agent_id)
    return Candidate(
        agent_id=agent.id,
        name=agent.name,
        status=PresenceStatus(row.status) if row is not None else PresenceStatus.OFFLINE,
        connected=row is not None and row.lease_until > tx.now,
        open=await conversations.active_count(tx, agent_id),
        maximum=agent.max_conversations,
        group_ids=frozenset(agent.group_ids),
    )


async def surroundings(tx: Tx, settings: AssignmentSettings | None = None) -> Surroundings:
    """Working hours, the queue's room, groups, and where rotation stands."""
    if settings is None:
        settings, _ = await load_assignment(tx)
    now, queue = await opening(tx), await load_queue(tx)
    rotates = settings.base_rule is BaseRule.ROTATE
    return Surroundings(
        open_now=now.open_now,
        closed_groups=now.closed_groups,
        outside=now.outside,
        queue_enabled=queue.enabled,
        queue_has_room=await RequestRepository(tx, tx.enterprise_id).queue_length() < queue.limit,
        groups=await accounts.group_names(tx),
        pointers=await PointerRepository(tx, tx.enterprise_id).all() if rotates else {},
    )
