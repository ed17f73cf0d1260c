"""Who could get a conversation, and what stands around a decision."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.modules.accounts import service as accounts
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


async def candidates(tx: Tx, settings: AssignmentSettings | None = None) -> Roster:
    """Everybody enabled whose role may serve, as they stand now, in the order of the settings (a draft, or the saved ones)."""
    if settings is None:
        settings, _ = await load_assignment(tx)
    connected = await RoutingRepository(tx, tx.enterprise_id).connected(tx.now)
    counts = await conversations.active_counts(tx)
    received: dict[UUID, int] = {}
    if settings.base_rule is BaseRule.FILL_UP:
        received = await DecisionRepository(tx, tx.enterprise_id).received(tx.now - RECEIVED_WITHIN)
    found = [
        Candidate(
            agent_id=agent.id,
            name=agent.name,
            # Of who is not there, it does not matter what they chose.
            status=connected.get(agent.id, PresenceStatus.OFFLINE),
            connected=agent.id in connected,
            open=counts.get(agent.id, 0),
            maximum=agent.max_conversations,
            group_ids=frozenset(agent.group_ids),
            received=received.get(agent.id, 0),
        )
        for agent in await accounts.serving_agents(tx, SERVE)
    ]
    return Roster(found, settings.order)


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
