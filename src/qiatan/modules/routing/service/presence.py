"""Presence: what an agent has chosen, and the lease that their connections renew."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.infra.nodes import living_nodes
from qiatan.kit.access import AgentActor, ScopeKind, VisitorActor, require
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.permissions import SERVE, VIEW_COLLEAGUES
from qiatan.modules.routing import repository
from qiatan.modules.routing.contracts import Availability, Presence, PresenceList, PresenceStatus
from qiatan.modules.routing.events import OpeningChanged, PresenceChanged
from qiatan.modules.routing.models import PresenceRow
from qiatan.modules.routing.repository import RoutingRepository
from qiatan.modules.routing.repository.spans import SpanRepository
from qiatan.modules.routing.rules import Candidate
from qiatan.modules.routing.service.hours import Opening, opening

SLEEP = timedelta(minutes=10)
"""How long somebody stays present whose phone sleeps: browsers freeze what is not looked at within a minute, and a call wakes the agent."""

LEASE = timedelta(seconds=60)
"""How long an agent stays present without a sign of life from the process that holds their connection."""


async def set_presence(tx: Tx, actor: AgentActor, status: PresenceStatus) -> Presence:
    """An agent chooses the own status."""
    await _move(tx, actor.enterprise_id, actor.agent_id, status=status)
    return await announce_move(tx, actor.agent_id)


async def connected(tx: Tx, agent_id: UUID, node_id: UUID) -> Presence:
    """A page of the agent has connected to a node. One who was never seen before starts online."""
    await _move(tx, tx.enterprise_id, agent_id, lease_until=tx.now + LEASE)
    await RoutingRepository(tx, tx.enterprise_id).open_page(agent_id, node_id)
    return await announce_move(tx, agent_id)


async def page_closed(tx: Tx, agent_id: UUID, node_id: UUID, is_back: Callable[[], bool] = lambda: False) -> None:
    """The agent's last page on a node has gone; they are there still until `disconnected`. `is_back` is asked under the row's lock."""
    routing = RoutingRepository(tx, tx.enterprise_id)
    await routing.locked(agent_id)
    if not is_back():
        await routing.close_page(agent_id, node_id)


async def disconnected(tx: Tx, agent_id: UUID, node_id: UUID, is_back: Callable[[], bool] = lambda: False) -> None:
    """The agent's last page on a node has gone and did not come back within the grace period; nothing, if another node has one."""
    routing = RoutingRepository(tx, tx.enterprise_id)
    await routing.locked(agent_id)
    if is_back():
        return
    await routing.close_page(agent_id, node_id)
    await gone(tx, agent_id)


async def gone(tx: Tx, agent_id: UUID) -> None:
    """A node has no page of the agent any more: unless another one has, they are not there."""
    routing = RoutingRepository(tx, tx.enterprise_id)
    row = await routing.locked(agent_id)
    if row is None or row.lease_until <= tx.now or await routing.with_pages([agent_id]):
        return
    if row.asleep_until is None or row.asleep_until <= tx.now:
        await _move(tx, tx.enterprise_id, agent_id, lease_until=tx.now)
    await announce_move(tx, agent_id)


async def fall_asleep(tx: Tx, agent_id: UUID, node_id: UUID, *, alone: bool) -> None:
    """A phone of the agent sleeps, and is called when there is something for it: they are there for `SLEEP` from now, also without a page.

    `alone`: no other page of theirs is open on this node.
    """
    routing = RoutingRepository(tx, tx.enterprise_id)
    until = tx.now + SLEEP
    await _move(tx, tx.enterprise_id, agent_id, lease_until=until)
    await routing.sleep(agent_id, until)
    if alone:
        await routing.close_page(agent_id, node_id)
    await announce_move(tx, agent_id)


async def wake_up(tx: Tx, agent_id: UUID, node_id: UUID) -> None:
    """The agent looks at the phone again, whose page is connected to this node."""
    routing = RoutingRepository(tx, tx.enterprise_id)
    if await routing.locked(agent_id) is not None:
        await routing.sleep(agent_id, None)
    await connected(tx, agent_id, node_id)


async def node_ends(tx: Tx, node_id: UUID) -> None:
    """A node closes in order. Its agents' leases last until they are back on another one. Needs the system role."""
    await repository.close_pages_of(tx, node_id)


async def forget_dead_nodes(tx: Tx) -> list[tuple[UUID, UUID]]:
    """Take away what dead nodes noted; returns the (enterprise, agent) who may be `gone` by it. Needs the system role."""
    living = await living_nodes(tx)
    return await repository.close_pages_besides(tx, [node.id for node in living])


async def with_pages(tx: Tx, agent_ids: Collection[UUID], *, besides: UUID) -> set[UUID]:
    """Those of the agents who serve and have a page open on another node than this."""
    return await RoutingRepository(tx, tx.enterprise_id).with_pages(agent_ids, besides=besides)


async def renew(tx: Tx, agents: Iterable[tuple[UUID, UUID]], node_id: UUID) -> list[tuple[UUID, UUID]]:
    """Renew the leases of all (enterprise, agent) whose pages are connected to this node. Needs the system role.

    Returns who was not there until now (the lease had run out, or the database was away when they connected), to be announced.
    """
    back = await repository.renew_leases(tx, list(agents), tx.now + LEASE, node_id)
    for enterprise_id, agent_id in back:
        await _move(tx, enterprise_id, agent_id, lease_until=tx.now + LEASE)
        await RoutingRepository(tx, enterprise_id).open_page(agent_id, node_id)
    return back


async def lapse(tx: Tx, agent_id: UUID) -> None:
    """The agent's lease has run out: the process that held the connection is gone. Nothing, if it was renewed meanwhile."""
    row = await RoutingRepository(tx, tx.enterprise_id).locked(agent_id, unless_busy=True)
    if row is None or row.lease_until > tx.now:
        return
    await _note(tx, tx.enterprise_id, agent_id, gone_at=row.lease_until, becomes=None)
    await announce_move(tx, agent_id)


async def _move(
    tx: Tx, enterprise_id: UUID, agent_id: UUID, *, status: PresenceStatus | None = None, lease_until: datetime | None = None
) -> None:
    """Change status or lease under the row's lock, and keep the record of the times in which the agent was there."""
    routing = RoutingRepository(tx, enterprise_id)
    before = await routing.locked(agent_id)
    if before is None:
        await routing.begin(agent_id, status or PresenceStatus.ONLINE, tx.now)
        before = await routing.locked(agent_id)
    if before is None:
        raise RuntimeError("a row that was just written cannot be missing")
    gone_at = before.lease_until if before.lease_until <= tx.now else None
    chosen = status or PresenceStatus(before.status)
    # A second page that connects must not shorten what the first one's process has renewed.
    until = before.lease_until if lease_until is None else lease_until if lease_until <= tx.now else max(before.lease_until, lease_until)
    await routing.write(agent_id, status=chosen, lease_until=until)
    there = until > tx.now and chosen is not PresenceStatus.OFFLINE
    await _note(tx, enterprise_id, agent_id, gone_at=gone_at, becomes=chosen if there else None)


async def _note(tx: Tx, enterprise_id: UUID, agent_id: UUID, *, gone_at: datetime | None, becomes: PresenceStatus | None) -> None:
    """Close and open spans as status and connection change. `gone_at`: when the lease ran out that held until now."""
    spans = SpanRepository(tx, enterprise_id)
    running = await spans.open_one(agent_id)
    if running is not None and (gone_at is not None or running[1] is not becomes):
        await spans.end(running[0], gone_at or tx.now)
        running = None
    if running is None and becomes is not None:
        await spans.begin(agent_id, becomes, tx.now)


async def announce_move(tx: Tx, agent_id: UUID) -> Presence:
    """Tell that an agent came, left, or chose another status: whether anybody serves is asked anew afterwards."""
    return await announce(tx, agent_id, moved=True)


async def announce(tx: Tx, agent_id: UUID, *, moved: bool = False) -> Presence:
    """Tell who may know how this agent stands now."""
    row = await RoutingRepository(tx, tx.enterprise_id).get(agent_id)
    maximum = await accounts.maximum_of(tx, agent_id)
    sleeps = row is not None and _sleeps(row, tx) and not await RoutingRepository(tx, tx.enterprise_id).with_pages([agent_id])
    presence = _presence(agent_id, row, tx, await conversations.active_count(tx, agent_id), maximum, asleep=sleeps)
    tx.emit(PresenceChanged(enterprise_id=tx.enterprise_id, presence=presence, moved=moved))
    return presence


def announce_one_more(tx: Tx, agent: Candidate) -> None:
    """The same of who was given one more in this transaction, by how they stood before it."""
    presence = Presence(agent_id=agent.agent_id, status=agent.status, connected=agent.connected, open=agent.open + 1, maximum=agent.maximum)
    tx.emit(PresenceChanged(enterprise_id=tx.enterprise_id, presence=presence, moved=False))


def _sleeps(row: PresenceRow, tx: Tx) -> bool:
    return row.asleep_until is not None and row.asleep_until > tx.now < row.lease_until


def _presence(agent_id: UUID, row: PresenceRow | None, tx: Tx, count: int, maximum: int, *, asleep: bool) -> Presence:
    return Presence(
        agent_id=agent_id,
        status=PresenceStatus(row.status) if row is not None else PresenceStatus.OFFLINE,
        connected=row is not None and row.lease_until > tx.now,
        open=count,
        maximum=maximum,
        asleep=asleep,
    )


async def list_presence(tx: Tx, actor: AgentActor) -> PresenceList:
    """How the colleagues inside the actor's scope stand; oneself is always in it."""
    require(actor, SERVE)
    present = await RoutingRepository(tx, actor.enterprise_id).all()
    counts = await conversations.active_counts(tx)
    maxima = {agent.id: agent.max_conversations for agent in await accounts.serving_agents(tx, SERVE)}
    visible: set[UUID] = {actor.agent_id}
    if actor.may(VIEW_COLLEAGUES) and actor.scope.kind is ScopeKind.ALL:
        visible |= maxima.keys()
    elif actor.may(VIEW_COLLEAGUES) and actor.scope.kind is ScopeKind.GROUPS:
        visible |= await accounts.member_ids(tx, actor.scope.group_ids)
    sleeping = {agent_id for agent_id, row in present.items() if agent_id in visible and _sleeps(row, tx)}
    if sleeping:
        sleeping -= await RoutingRepository(tx, actor.enterprise_id).with_pages(sleeping)
    return PresenceList(
        items=[
            _presence(agent_id, present.get(agent_id), tx, counts.get(agent_id, 0), maxima.get(agent_id, 0), asleep=agent_id in sleeping)
            for agent_id in sorted(visible)
        ]
    )


async def availability(tx: Tx, _actor: VisitorActor) -> Availability:
    """Whether anybody serves now, for a visitor's panel: somebody is online, and it is working time."""
    return Availability(online=await anybody_serves(tx))


async def announce_opening(tx: Tx) -> Opening:
    """Working time begins or ends: let who waits be looked at again, and whether anybody serves. Returns how it stands."""
    tx.emit(OpeningChanged(enterprise_id=tx.enterprise_id))
    return await opening(tx)


async def anybody_serves(tx: Tx) -> bool:
    """Whether it is working time and somebody is online who may be given anything at all."""
    if not (await opening(tx)).open_now:
        return False
    online = await RoutingRepository(tx, tx.enterprise_id).online(tx.now)
    return bool(online) and any(agent.id in online and agent.max_conversations > 0 for agent in await accounts.serving_agents(tx, SERVE))


async def enterprises_online(tx: Tx) -> set[UUID]:
    """Enterprises in which somebody is online, who need not be able to serve. Needs the system role."""
    return await repository.online_in(tx)
