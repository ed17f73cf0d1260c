"""What becomes of the conversations of an agent who is gone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.infra.resources import Resources
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.contracts import Status
from qiatan.modules.routing import jobs
from qiatan.modules.routing.contracts.decisions import Cause, Outcome
from qiatan.modules.routing.repository import RoutingRepository
from qiatan.modules.routing.repository import presence as every_presence
from qiatan.modules.routing.repository.decisions import DecisionRepository
from qiatan.modules.routing.service.delayed import choose_another, hand_over, reschedule, world
from qiatan.modules.routing.service.requests import note_decision
from qiatan.modules.routing.service.settings import load_transfers

LOOK_AGAIN = timedelta(seconds=30)
"""How often to see whether somebody can take over by now, or another customer of the agent waits."""


async def absent_due(tx: Tx, limit: int, besides: Collection[UUID] = ()) -> Sequence[tuple[UUID, UUID]]:
    """(enterprise, agent) of whose absence something has to be done, earliest first; none of the enterprises `besides`. Needs the system
    role."""
    return await every_presence.absent_due(tx, limit, besides)


async def next_absent_due(tx: Tx) -> datetime | None:
    """The next such moment. Needs the system role."""
    return await every_presence.next_absent_due(tx)


async def fire_absent(tx: Tx, agent_id: UUID) -> None:
    """Look after an agent who may be gone: after the enterprise's patience, one conversation in which the customer waits goes to another.

    It looks again until nothing is left to do, or until the agent is back.
    """
    routing = RoutingRepository(tx, tx.enterprise_id)
    row = await routing.get(agent_id)
    if row is None or row.absent_due_at is None or row.absent_due_at > tx.now:
        return
    patience = (await load_transfers(tx)).absent_minutes
    gone_until = row.lease_until + timedelta(minutes=patience)
    if patience == 0:
        await routing.look_after(agent_id, row.absent_due_at, again_at=None)
    elif gone_until > tx.now:
        await routing.look_after(agent_id, row.absent_due_at, again_at=gone_until)
    else:
        await routing.claim_assignment()
        if await routing.look_after(agent_id, row.absent_due_at, again_at=tx.now + LOOK_AGAIN):
            await _move_one(tx, routing, agent_id)


async def look_after_everybody(tx: Tx) -> None:
    """The enterprise's patience has changed: look anew after everybody."""
    await RoutingRepository(tx, tx.enterprise_id).look_after_everybody(tx.now)


async def _move_one(tx: Tx, routing: RoutingRepository, agent_id: UUID) -> None:
    held = await conversations.held_waiting(tx, agent_id)
    seen = await world(tx) if held else None
    for conversation_id in held:
        routed = await conversations.routed(tx, conversation_id)
        if seen is None or routed is None:
            continue
        choice = await choose_another(tx, seen, routed)
        if choice.agent_id is not None:
            # Locked only now: one conversation in a transaction.
            routed = await conversations.routed(tx, conversation_id, lock=True)
            if routed is None or routed.status is not Status.ACTIVE or routed.assignee_id != agent_id or routed.unanswered_since is None:
                continue
            await hand_over(tx, routed, choice, choice.agent_id, cause=Cause.ABSENT)
            # The others follow at once, each in a transaction of its own.
            await routing.look_after(agent_id, tx.now + LOOK_AGAIN, again_at=tx.now)
            return
        latest = await DecisionRepository(tx, tx.enterprise_id).latest(conversation_id)
        if latest is None or (latest.cause, latest.outcome) != (Cause.ABSENT, Outcome.KEPT):
            await note_decision(tx, conversation_id, Cause.ABSENT, Outcome.KEPT, steps=choice.steps)
    if not held and not await conversations.active_count(tx, agent_id):
        await routing.look_after(agent_id, tx.now + LOOK_AGAIN, again_at=None)


@jobs.reschedule.kept_by
async def _reschedule(resources: Resources, *, enterprise_id: str) -> None:
    """The same as the reaction to the saved settings; doing it twice changes nothing."""
    async with resources.database.tenant(UUID(enterprise_id)) as tx:
        await look_after_everybody(tx)
    after: UUID | None = None
    while True:
        async with resources.database.tenant(UUID(enterprise_id)) as tx:
            after = await reschedule(tx, after=after)
        if after is None:
            return
