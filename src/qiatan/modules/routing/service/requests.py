"""How the routing of a conversation stands: written here by everybody who changes it, and told to whoever sees the conversation.

Whoever writes holds the enterprise's claim and the conversation's lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.contracts import Routed, Status
from qiatan.modules.conversations.errors import ConversationNotFound
from qiatan.modules.routing.contracts.common import Target, TargetKind
from qiatan.modules.routing.contracts.decisions import Cause, Outcome, Step, Wish
from qiatan.modules.routing.contracts.queue import MOST_OTHERS, QueuePlace, Routing, RoutingState
from qiatan.modules.routing.events import RoutingChanged
from qiatan.modules.routing.models import RequestRow
from qiatan.modules.routing.repository.decisions import DecisionRepository
from qiatan.modules.routing.repository.requests import RequestRepository, kept_others, others_of, target_of
from qiatan.modules.routing.repository.wishes import WishRepository
from qiatan.modules.routing.rules import ENTERPRISE, Candidate
from qiatan.modules.routing.rules.delayed import delay_start, next_step
from qiatan.modules.routing.service.case import pending_wish, read_wish
from qiatan.modules.routing.service.presence import announce, announce_one_more
from qiatan.modules.routing.service.settings import load_queue, load_transfers

QUEUE_LEASE = timedelta(seconds=75)
"""How long a place is kept without a sign of the visitor's page: a minute of absence, and the ten seconds between two renewals, late ones."""

_WAITING = (RoutingState.QUEUED, RoutingState.MESSAGE)
_FROM_WAITING = (Cause.WAITING, Cause.RELEASED, Cause.TAKEN)


@dataclass(frozen=True, slots=True)
class Given:
    """What whoever decided has read already, under the claim and the conversation's lock: before the agent got it."""

    agent: Candidate
    routed: Routed
    row: RequestRow | None


async def note_assignment(
    tx: Tx,
    conversation_id: UUID,
    agent_id: UUID,
    *,
    cause: Cause,
    by: UUID | None = None,
    steps: Sequence[Step] = (),
    target: Target | None = None,
    wish: Wish | None = None,
    delay: tuple[datetime, int] | None = None,
    given: Given | None = None,
) -> None:
    """Write down that an agent has got the conversation just now, by whom and why; the deadline of the delayed transfer follows.

    `wish`: what a new conversation was placed by. `delay`: start and number of steps done, after a step has fired. Who had to wait, at
    first or again after a release, is waited for from the assignment (F04): whoever gets them has the time that the settings promise.
    """
    requests = RequestRepository(tx, tx.enterprise_id)
    if given is not None:
        routed, row = replace(given.routed, assigned_at=tx.now), given.row
    else:
        found = await conversations.routed(tx, conversation_id)
        if found is None:
            raise ConversationNotFound
        routed, row = found, await requests.get(conversation_id)
    waited = row is None or row.state != RoutingState.PLACED
    kept = target or (target_of(row.target_kind, row.target_id) if row is not None else ENTERPRISE)
    if wish is None:
        wish = read_wish(row.wish) if row is not None else await _used_up(tx, routed) if cause is Cause.TAKEN else None
    since = routed.waiting_since or routed.created_at
    if waited and row is not None and row.delay_from is not None:
        # Somebody had it before: the time with them was no waiting.
        since = await DecisionRepository(tx, tx.enterprise_id).waits_since(conversation_id) or since
    start, done = delay or (row.delay_from if row is not None else None, row.delay_step if row is not None else 0)
    queued = cause in _FROM_WAITING
    if start is None or queued:
        start = delay_start(first_customer_at=routed.first_customer_at, assigned_at=routed.assigned_at, queued=queued)
    steps_left = next_step((await load_transfers(tx)).steps, start, done, answered=routed.replied_at is not None, wish=wish)
    due_at = steps_left.at if steps_left is not None else None
    row = await requests.put(
        conversation_id,
        routed.customer_id,
        **_no_place(due_at),
        state=RoutingState.PLACED,
        target_kind=kept.kind,
        target_id=kept.id,
        also=None,
        wish=wish.model_dump(mode="json") if wish is not None else None,
        delay_from=start,
        delay_step=done,
        delay_due_at=due_at,
    )
    await note_decision(
        tx,
        conversation_id,
        cause,
        Outcome.ASSIGNED,
        agent_id=agent_id,
        by_agent_id=by,
        waited_seconds=max(0, int((tx.now - since).total_seconds())) if waited else None,
        steps=steps,
    )
    await tell(tx, row, assignee_id=agent_id, to_customer=waited)
    if given is not None:
        announce_one_more(tx, given.agent)
    else:
        await announce(tx, agent_id)


async def note_waiting(
    tx: Tx,
    routed: Routed,
    row: RequestRow | None,
    *,
    queued: bool,
    target: Target,
    also: Sequence[Target],
    cause: Cause,
    wish: Wish | None,
    steps: Sequence[Step],
) -> None:
    """Write down that a conversation queues from now on (its place is told by the next count), or was left as a message.

    `target`: in whose queue its place is counted; `also`: whose agents may take it too.
    """
    # The place goes by when they came, also of who comes back into the queue; how long they may wait counts from now.
    values = await _place(tx, routed.waiting_since or tx.now) if queued else _no_place()
    row = await RequestRepository(tx, tx.enterprise_id).put(
        routed.id,
        routed.customer_id,
        **values,
        state=RoutingState.QUEUED if queued else RoutingState.MESSAGE,
        target_kind=target.kind,
        target_id=target.id,
        also=kept_others(also),
        wish=wish.model_dump(mode="json") if wish is not None else None,
        delay_due_at=None,
    )
    await note_decision(tx, routed.id, cause, Outcome.QUEUED if queued else Outcome.MESSAGE, steps=steps)
    if not queued:
        await tell(tx, row, assignee_id=None, to_customer=True)


async def _used_up(tx: Tx, routed: Routed) -> Wish | None:
    """The wish that a conversation nobody has looked at yet would have been placed by. It was for this one, and is gone."""
    wish = await pending_wish(tx, routed)
    if wish is not None:
        await WishRepository(tx, tx.enterprise_id).drop(routed.customer_id, routed.channel_id)
    return wish


async def note_left(tx: Tx, row: RequestRow, step: Step) -> RequestRow:
    """Somebody in the queue leaves it, by will or not: what they wrote stays as a message."""
    changed = await RequestRepository(tx, tx.enterprise_id).change(
        row.conversation_id, **_no_place(), state=RoutingState.MESSAGE, delay_due_at=None
    )
    await note_decision(tx, row.conversation_id, Cause.WAITING, Outcome.MESSAGE, steps=[step])
    await tell(tx, changed, assignee_id=None, to_customer=True)
    return changed


async def note_ended(tx: Tx, row: RequestRow) -> None:
    """The conversation is over: nothing is due any more."""
    if row.state == RoutingState.ENDED:
        return
    waited = row.state in _WAITING
    changed = await RequestRepository(tx, tx.enterprise_id).change(
        row.conversation_id, **_no_place(), state=RoutingState.ENDED, delay_due_at=None
    )
    await tell(tx, changed, assignee_id=None, to_customer=waited)


async def note_decision(
    tx: Tx,
    conversation_id: UUID,
    cause: Cause,
    outcome: Outcome,
    *,
    agent_id: UUID | None = None,
    by_agent_id: UUID | None = None,
    waited_seconds: int | None = None,
    steps: Sequence[Step] = (),
) -> None:
    await DecisionRepository(tx, tx.enterprise_id).add(
        conversation_id=conversation_id,
        at=tx.now,
        cause=cause.value,
        outcome=outcome.value,
        agent_id=agent_id,
        by_agent_id=by_agent_id,
        waited_seconds=waited_seconds,
        trace=[step.model_dump(mode="json") for step in steps],
    )


def _no_place(due_at: datetime | None = None) -> dict[str, Any]:
    """What is written of somebody who does not queue."""
    return {**dict.fromkeys(("entered_at", "present_until", "wait_until", "told_position", "told_seconds")), "due_at": due_at}


async def _place(tx: Tx, entered: datetime) -> dict[str, Any]:
    longest = (await load_queue(tx)).max_wait_minutes
    present_until = tx.now + QUEUE_LEASE
    wait_until = tx.now + timedelta(minutes=longest) if longest else None
    return _no_place() | {
        "entered_at": entered,
        "present_until": present_until,
        "wait_until": wait_until,
        "due_at": min(present_until, wait_until) if wait_until is not None else present_until,
    }


# -- telling


async def tell(tx: Tx, row: RequestRow, *, assignee_id: UUID | None, to_customer: bool) -> None:
    [routing] = await present(tx, [row])
    emit(tx, row, routing, assignee_id=assignee_id, place=await place_of(tx, row) if to_customer else None)


def emit(tx: Tx, row: RequestRow, routing: Routing, *, assignee_id: UUID | None, place: QueuePlace | None) -> None:
    tx.emit(
        RoutingChanged(
            enterprise_id=tx.enterprise_id,
            routing=routing,
            customer_id=row.customer_id,
            assignee_id=assignee_id,
            waiting=row.state in _WAITING,
            place=place,
        )
    )


async def present(tx: Tx, rows: Sequence[RequestRow]) -> list[Routing]:
    """The rows as agents see them, in the same order. Place and expected wait are those that were told last."""
    if not rows:
        return []
    steps = len((await load_transfers(tx)).steps)
    targets = [(target_of(row.target_kind, row.target_id), others_of(row.also)) for row in rows]
    shown = {one for target, also in targets for one in (target, *also[:MOST_OTHERS])}
    groups = await accounts.group_names(tx) if any(one.kind is TargetKind.GROUP for one in shown) else {}
    agents = await accounts.agent_names(tx, {one.id for one in shown if one.kind is TargetKind.AGENT and one.id is not None})
    names = {**groups, **agents}

    def named(target: Target) -> Target:
        return target.model_copy(update={"name": names.get(target.id)}) if target.id is not None else target

    return [
        Routing(
            conversation_id=row.conversation_id,
            state=RoutingState(row.state),
            target=named(target),
            also=[named(one) for one in also[:MOST_OTHERS]],
            also_more=max(0, len(also) - MOST_OTHERS),
            position=row.told_position,
            expected_seconds=row.told_seconds,
            entered_at=row.entered_at,
            transfer_due_at=row.delay_due_at,
            transfer_step=row.delay_step + 1 if row.delay_due_at is not None else None,
            transfer_steps=steps,
        )
        for row, (target, also) in zip(rows, targets, strict=True)
    ]


def unknown(conversation_id: UUID, status: Status, steps: int) -> Routing:
    """A conversation nobody has looked at yet, or that is older than its routing."""
    states = {Status.WAITING: RoutingState.NEW, Status.ACTIVE: RoutingState.PLACED, Status.ENDED: RoutingState.ENDED}
    return Routing(
        conversation_id=conversation_id,
        state=states[status],
        target=None,
        also=[],
        also_more=0,
        position=None,
        expected_seconds=None,
        entered_at=None,
        transfer_due_at=None,
        transfer_step=None,
        transfer_steps=steps,
    )


async def place_of(tx: Tx, row: RequestRow) -> QueuePlace:
    """What the customer is told."""
    queued = row.state == RoutingState.QUEUED
    return QueuePlace(
        conversation_id=row.conversation_id,
        state=RoutingState(row.state),
        position=row.told_position,
        expected_seconds=row.told_seconds,
        text=(await load_queue(tx)).text if queued else "",
    )
