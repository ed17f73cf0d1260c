"""The use cases of routing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, ScopeKind, SystemActor, VisitorActor, require
from qiatan.kit.errors import NotAllowed
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.contracts import Conversation
from qiatan.modules.conversations.permissions import SERVE, TAKE, VIEW_COLLEAGUES
from qiatan.modules.routing import repository
from qiatan.modules.routing.contracts import Availability, Presence, PresenceList, PresenceStatus
from qiatan.modules.routing.errors import LimitReached
from qiatan.modules.routing.events import PresenceChanged
from qiatan.modules.routing.models import PresenceRow
from qiatan.modules.routing.repository import RoutingRepository
from qiatan.modules.routing.rules import Candidate, choose

LEASE = timedelta(seconds=60)
"""How long an agent stays present without a sign of life from the process that holds their connection."""


async def assign_next(tx: Tx) -> Conversation | None:
    """Give the conversation that waits longest to the agent who should get it; None when nothing waits or nobody is free.

    One conversation per transaction: the claim is held shortly, and at most one conversation is locked under it.
    """
    enterprise_id = tx.enterprise_id
    routing = RoutingRepository(tx, enterprise_id)
    await routing.claim_assignment()
    conversation_id = await conversations.oldest_waiting(tx)
    if conversation_id is None:
        return None
    chosen = choose(await _candidates(tx, routing))
    if chosen is None:
        return None
    conversation = await conversations.assign(tx, SystemActor(enterprise_id), conversation_id, chosen.agent_id)
    await _after_assignment(tx, routing, chosen.agent_id)
    return conversation


async def _candidates(tx: Tx, routing: RoutingRepository) -> list[Candidate]:
    present = await routing.all()
    counts = await conversations.active_counts(tx)
    found = []
    for agent in await accounts.serving_agents(tx, SERVE):
        row = present.get(agent.id)
        found.append(
            Candidate(
                agent_id=agent.id,
                serving=row is not None and _serves(row, tx),
                open=counts.get(agent.id, 0),
                maximum=agent.max_conversations,
                last_assigned_at=row.last_assigned_at if row else None,
            )
        )
    return found


def _serves(row: PresenceRow, tx: Tx) -> bool:
    return row.status == PresenceStatus.ONLINE and row.lease_until > tx.now


async def _after_assignment(tx: Tx, routing: RoutingRepository, agent_id: UUID) -> None:
    await routing.mark_assigned(agent_id, tx.now)
    await announce(tx, agent_id)


async def take(tx: Tx, actor: AgentActor, conversation_id: UUID) -> Conversation:
    """An agent takes a waiting conversation.

    Raises:
        NotAllowed, ConversationNotFound
        AlreadyTaken: it no longer waits.
        LimitReached: the agent's maximum is reached; nothing was changed.
    """
    require(actor, TAKE)
    routing = RoutingRepository(tx, actor.enterprise_id)
    await routing.claim_assignment()
    await conversations.get(tx, actor, conversation_id)
    agent = await accounts.get_agent(tx, actor.agent_id)
    if not agent.enabled:  # switched off between sign-in and claim
        raise NotAllowed
    if await conversations.active_count(tx, actor.agent_id) >= agent.max_conversations:
        raise LimitReached
    conversation = await conversations.assign(tx, actor, conversation_id, actor.agent_id)
    await _after_assignment(tx, routing, actor.agent_id)
    return conversation


async def release_idle(tx: Tx, agent_ids: Collection[UUID]) -> int:
    """Put back into the queue what those of the agents hold who may serve no more; returns how many conversations.

    Under the claim: an assignment that still saw the agent serving has committed, and its conversation is among them.
    """
    await RoutingRepository(tx, tx.enterprise_id).claim_assignment()
    held = set(agent_ids).intersection(await conversations.active_counts(tx))
    serving = {agent.id for agent in await accounts.serving_agents(tx, SERVE)} if held else set()
    return sum([await conversations.release_all_of(tx, agent_id) for agent_id in sorted(held - serving)])


async def set_presence(tx: Tx, actor: AgentActor, status: PresenceStatus) -> Presence:
    """An agent chooses the own status."""
    await RoutingRepository(tx, actor.enterprise_id).set_status(actor.agent_id, status, tx.now)
    return await announce(tx, actor.agent_id)


async def connected(tx: Tx, agent_id: UUID) -> Presence:
    """A page of the agent has connected."""
    await RoutingRepository(tx, tx.enterprise_id).connect(agent_id, tx.now + LEASE)
    return await announce(tx, agent_id)


async def disconnected(tx: Tx, agent_id: UUID) -> Presence:
    """The agent's last page has gone and did not come back within the grace period."""
    await RoutingRepository(tx, tx.enterprise_id).disconnect(agent_id, tx.now)
    return await announce(tx, agent_id)


async def renew(tx: Tx, agents: Iterable[tuple[UUID, UUID]]) -> None:
    """Renew the leases of all (enterprise, agent) whose pages are connected to this process. Needs the system role."""
    await repository.renew_leases(tx, agents, tx.now + LEASE)


async def announce(tx: Tx, agent_id: UUID) -> Presence:
    """Tell who may know how this agent stands now."""
    routing = RoutingRepository(tx, tx.enterprise_id)
    row = await routing.get(agent_id)
    presence = _presence(agent_id, row, tx, await conversations.active_count(tx, agent_id))
    serves = await routing.anybody_serves(tx.now)
    tx.emit(PresenceChanged(enterprise_id=tx.enterprise_id, presence=presence, anybody_serves=serves))
    return presence


def _presence(agent_id: UUID, row: PresenceRow | None, tx: Tx, count: int) -> Presence:
    if row is None:
        return Presence(agent_id=agent_id, status=PresenceStatus.OFFLINE, connected=False, open=count)
    return Presence(agent_id=agent_id, status=PresenceStatus(row.status), connected=row.lease_until > tx.now, open=count)


async def list_presence(tx: Tx, actor: AgentActor) -> PresenceList:
    """How the colleagues inside the actor's scope stand; oneself is always in it."""
    require(actor, SERVE)
    present = await RoutingRepository(tx, actor.enterprise_id).all()
    counts = await conversations.active_counts(tx)
    visible: set[UUID] = {actor.agent_id}
    if actor.may(VIEW_COLLEAGUES) and actor.scope.kind is ScopeKind.ALL:
        visible |= {agent.id for agent in await accounts.serving_agents(tx, SERVE)}
    elif actor.may(VIEW_COLLEAGUES) and actor.scope.kind is ScopeKind.GROUPS:
        visible |= await accounts.member_ids(tx, actor.scope.group_ids)
    return PresenceList(items=[_presence(agent_id, present.get(agent_id), tx, counts.get(agent_id, 0)) for agent_id in sorted(visible)])


async def availability(tx: Tx, actor: VisitorActor) -> Availability:
    """Whether anybody serves now, for a visitor's panel."""
    return Availability(online=await RoutingRepository(tx, actor.enterprise_id).anybody_serves(tx.now))
