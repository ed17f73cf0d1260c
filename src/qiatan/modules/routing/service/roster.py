"""Who could get a conversation, and what stands around a decision."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.modules.accounts import service as accounts
from qiatan.modules.accounts.contracts import ServingAgent
from qiatan.modules.conversations.permissions import SERVE
from qiatan.modules.routing.contracts.presence import PresenceStatus
from qiatan.modules.routing.contracts.settings import AssignmentSettings, BaseRule
from qiatan.modules.routing.repository.pointers import PointerRepository
from qiatan.modules.routing.repository.requests import RequestRepository
from qiatan.modules.routing.repository.standing import Standing, StandingRepository
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
    standing: Standing
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
        kept = _Kept(agents, settings.order, Standing(), Roster([_away(agent) for agent in agents], settings.order))
    since = tx.now - RECEIVED_WITHIN if settings.base_rule is BaseRule.FILL_UP else None
    standing = await StandingRepository(tx, tx.enterprise_id).all(tx.now, received_since=since)
    roster = kept.roster.with_states(_moved(kept.roster, kept.standing, standing))
    _kept[tx.enterprise_id] = _Kept(agents, settings.order, standing, roster)
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


def _moved(roster: Roster, then: Standing, now: Standing) -> list[Candidate]:
    """Those who stand differently now. Of who is not there, it does not matter what they chose."""
    statuses = _differing(then.connected, now.connected)
    actives = _differing(then.active, now.active)
    received = _differing(then.received, now.received)
    found = []
    for agent_id in statuses.keys() | actives.keys() | received.keys():
        one = roster.get(UUID(agent_id))
        if one is None:
            continue
        if agent_id in statuses:
            status = statuses[agent_id]
            one = replace(one, status=PresenceStatus(status or PresenceStatus.OFFLINE), connected=status is not None)
        if agent_id in actives:
            one = replace(one, open=int(actives[agent_id] or 0))
        if agent_id in received:
            one = replace(one, received=int(received[agent_id] or 0))
        found.append(one)
    return found


def _differing(then: frozenset[str], now: frozenset[str]) -> dict[str, str | None]:
    """By agent, the value of each line that was not there; None for whose line is gone."""
    changed: dict[str, str | None] = {line.partition(" ")[0]: None for line in then - now}
    for line in now - then:
        agent_id, _, value = line.partition(" ")
        changed[agent_id] = value
    return changed


async def candidate_now(tx: Tx, agent_id: UUID) -> Candidate | None:
    """One agent as they stand now, without what they received; None if they may not serve."""
    agent = await accounts.serving_agent(tx, agent_id, SERVE)
    if agent is None:
        return None
    status, connected, active = await StandingRepository(tx, tx.enterprise_id).one(agent_id, tx.now)
    return Candidate(
        agent_id=agent.id,
        name=agent.name,
        status=PresenceStatus(status or PresenceStatus.OFFLINE),
        connected=connected,
        open=active,
        maximum=agent.max_conversations,
        group_ids=frozenset(agent.group_ids),
    )


async def surroundings(tx: Tx, settings: AssignmentSettings | None = None, *, queued: int | None = None) -> Surroundings:
    """Working hours, the queue's room, groups, and where rotation stands. `queued`: how many queue, where it is known already."""
    if settings is None:
        settings, _ = await load_assignment(tx)
    now, queue = await opening(tx), await load_queue(tx)
    if queued is None:
        queued = await RequestRepository(tx, tx.enterprise_id).queue_length()
    rotates = settings.base_rule is BaseRule.ROTATE
    return Surroundings(
        open_now=now.open_now,
        closed_groups=now.closed_groups,
        outside=now.outside,
        queue_enabled=queue.enabled,
        queue_has_room=queued < queue.limit,
        groups=await accounts.group_names(tx),
        pointers=await PointerRepository(tx, tx.enterprise_id).all() if rotates else {},
    )
