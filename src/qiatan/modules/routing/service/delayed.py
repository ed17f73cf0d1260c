"""Delayed transfer (延误对话转接, F04), and every other deadline of a conversation's routing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from qiatan.infra.clock import pick
from qiatan.infra.db import Tx
from qiatan.kit.access import SystemActor
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.contracts import Routed, Status
from qiatan.modules.routing.contracts.common import Target, TargetKind
from qiatan.modules.routing.contracts.decisions import Cause, Outcome
from qiatan.modules.routing.contracts.queue import RoutingState
from qiatan.modules.routing.contracts.settings import DelayedStep
from qiatan.modules.routing.models import RequestRow
from qiatan.modules.routing.repository import RoutingRepository
from qiatan.modules.routing.repository import requests as every_request
from qiatan.modules.routing.repository.decisions import DecisionRepository
from qiatan.modules.routing.repository.pointers import PointerRepository
from qiatan.modules.routing.repository.requests import RequestRepository
from qiatan.modules.routing.rules import Choice, CompiledAssignment, Roster, Surroundings, decide, decide_waiting
from qiatan.modules.routing.rules.delayed import DueStep, after_step, next_step
from qiatan.modules.routing.service.case import build_case, read_wish
from qiatan.modules.routing.service.offers import close_offer
from qiatan.modules.routing.service.presence import announce
from qiatan.modules.routing.service.queue import fire_queued
from qiatan.modules.routing.service.requests import note_assignment, note_decision, note_ended, tell
from qiatan.modules.routing.service.roster import candidates, surroundings
from qiatan.modules.routing.service.settings import load_assignment, load_transfers

log = structlog.get_logger(__name__)

TIME_TO_WRITE_ANEW = timedelta(seconds=30)
LOOK_AGAIN = timedelta(seconds=30)
"""How often to see whether the customer, who has taken back everything, has written anew."""

RESCHEDULED_AT_ONCE = 200


async def fire(tx: Tx, conversation_id: UUID) -> None:
    """What is due about a conversation's routing is done, once: the next step of the delayed transfer, or the end of queueing."""
    requests = RequestRepository(tx, tx.enterprise_id)
    routed = await conversations.routed(tx, conversation_id)
    row = await requests.get(conversation_id)
    if row is None or row.due_at is None or row.due_at > tx.now:
        return
    if routed is not None and row.state == RoutingState.PLACED and (routed.replied_at is not None or routed.status is not Status.ACTIVE):
        # Answers do not touch deadlines; most are void by the time they come, and that needs nobody's claim.
        for_good = routed.status is not Status.ACTIVE or conversations.answered_for_good(tx, routed)
        await requests.forget_deadline(conversation_id, row.due_at, until=None if for_good else tx.now + conversations.ANSWER_STANDS_AFTER)
        return
    if routed is not None and row.state == RoutingState.PLACED and routed.customer_messages == 0 and row.delay_due_at is None:
        # Still nothing there to answer: as nobody is shown a deadline, nobody has to hear of it, and that needs nobody's claim either.
        await requests.forget_deadline(conversation_id, row.due_at, until=await _look_again(tx, row))
        return
    if not await requests.take_turn(conversation_id):
        return
    await RoutingRepository(tx, tx.enterprise_id).claim_assignment()
    routed = await conversations.routed(tx, conversation_id, lock=True)
    row = await requests.get_due(conversation_id, tx.now)
    if row is None or routed is None:
        return
    if row.state == RoutingState.QUEUED:
        await fire_queued(tx, row)
    elif row.state == RoutingState.PLACED and routed.status is Status.ACTIVE:
        await _transfer(tx, row, routed)
    elif routed.status is Status.ENDED:
        await note_ended(tx, row)
    else:
        await requests.change(conversation_id, due_at=None, delay_due_at=None)


async def dismiss_void(tx: Tx, due: Sequence[tuple[UUID, UUID]]) -> Sequence[tuple[UUID, UUID]]:
    """Forget, all at once, the deadlines of conversations that were answered or have ended; returns what is left. Needs the system role.

    Where the answer may still be taken back, it is looked at once more when it no longer may. Who was answered and queues again is left:
    of them the deadline is that of the queue, which no answer makes void.
    """
    void = await conversations.answered_or_ended(tx, due)
    forgotten = await every_request.forget_deadlines(tx, sorted(one for one, for_good in void.items() if for_good))
    again = sorted(one for one, for_good in void.items() if not for_good)
    forgotten |= await every_request.forget_deadlines(tx, again, until=tx.now + conversations.ANSWER_STANDS_AFTER)
    return [one for one in due if one not in forgotten]


async def answer_taken_back(tx: Tx, conversation_id: UUID) -> None:
    """An agent has taken something back: where nobody has answered any more, the next step is due again.

    If its time has passed, in a moment: most who take a line back are writing it anew. Who goes on writing and taking back puts it off no
    further than an answer that was in time could.
    """
    await RoutingRepository(tx, tx.enterprise_id).claim_assignment()
    routed = await conversations.routed(tx, conversation_id, lock=True)
    requests = RequestRepository(tx, tx.enterprise_id)
    row = await requests.get(conversation_id)
    if routed is None or routed.status is not Status.ACTIVE or row is None or row.state != RoutingState.PLACED:
        return
    step = _next_of((await load_transfers(tx)).steps, row, routed)
    if step is not None and routed.customer_messages > 0:
        latest = step.at + conversations.ANSWER_STANDS_AFTER + TIME_TO_WRITE_ANEW
        due_at = max(step.at, min(tx.now + TIME_TO_WRITE_ANEW, latest))
        changed = await requests.change(conversation_id, delay_due_at=due_at, due_at=due_at)
        await tell(tx, changed, assignee_id=routed.assignee_id, to_customer=False)


async def _transfer(tx: Tx, row: RequestRow, routed: Routed) -> None:
    requests = RequestRepository(tx, tx.enterprise_id)
    steps = (await load_transfers(tx)).steps
    start, step = _starts(row, routed), _next_of(steps, row, routed)
    if routed.customer_messages == 0 or step is None or start is None or step.at > tx.now:
        await _set(tx, row, routed, step, delay_from=start)
        return
    choice = await choose_another(tx, await world(tx), routed, steps[step.number])
    delay = after_step(steps, start, step.number, tx.now)
    if choice.agent_id is not None:
        await hand_over(tx, routed, choice, choice.agent_id, cause=Cause.DELAYED, delay=delay)
        return
    # Nobody: it stays, and the next step still fires (F04).
    following = next_step(steps, delay[0], delay[1], answered=False, wish=read_wish(row.wish))
    due_at = following.at if following is not None else None
    changed = await requests.change(row.conversation_id, delay_from=delay[0], delay_step=delay[1], delay_due_at=due_at, due_at=due_at)
    await note_decision(tx, row.conversation_id, Cause.DELAYED, Outcome.KEPT, steps=choice.steps)
    await tell(tx, changed, assignee_id=routed.assignee_id, to_customer=False)
    log.info("routing.delayed_kept", conversation_id=str(row.conversation_id), step=step.number + 1)


async def _set(tx: Tx, row: RequestRow, routed: Routed, step: DueStep | None, **besides: datetime | None) -> None:
    """Set the deadline of the next step, and tell it where another was shown. Where nothing stands, it is only looked at again."""
    due_at = _due(routed, step)
    look_at = due_at if routed.customer_messages > 0 else await _look_again(tx, row)
    differs = due_at != row.delay_due_at
    changed = await RequestRepository(tx, tx.enterprise_id).change(row.conversation_id, delay_due_at=due_at, due_at=look_at, **besides)
    if differs:
        await tell(tx, changed, assignee_id=routed.assignee_id, to_customer=False)


def _due(routed: Routed, step: DueStep | None) -> datetime | None:
    return step.at if step is not None and routed.customer_messages > 0 else None


def _starts(row: RequestRow, routed: Routed) -> datetime | None:
    """From when the steps count: not from words that were taken back, but from the first of those that stand."""
    if row.delay_from is None or routed.first_customer_at is None:
        return row.delay_from
    return max(row.delay_from, routed.first_customer_at)


def _next_of(steps: Sequence[DelayedStep], row: RequestRow, routed: Routed) -> DueStep | None:
    answered = routed.replied_at is not None
    return next_step(steps, _starts(row, routed), row.delay_step, answered=answered, wish=read_wish(row.wish))


async def _look_again(tx: Tx, row: RequestRow) -> datetime | None:
    """When to see whether something is there again: no later than what is written now would have to be answered. None: never."""
    steps = (await load_transfers(tx)).steps
    step = next_step(steps, tx.now, row.delay_step, answered=False, wish=read_wish(row.wish))
    return min(step.at, tx.now + LOOK_AGAIN) if step is not None else None


@dataclass(frozen=True, slots=True)
class World:
    """What is the same for every conversation that is to be handed over in a transaction."""

    rules: CompiledAssignment
    roster: Roster
    around: Surroundings


async def world(tx: Tx) -> World:
    settings, rules = await load_assignment(tx)
    return World(rules, await candidates(tx, settings), await surroundings(tx, settings))


async def choose_another(tx: Tx, seen: World, routed: Routed, step: DelayedStep | None = None) -> Choice:
    """Who could take over: by automatic assignment, or of the delayed transfer's step's group. Never into a queue.

    With a step none of those who have held it (F04); without one only not who holds it now and is gone.
    """
    rules, roster, around = seen.rules, seen.roster, seen.around
    besides = frozenset({routed.assignee_id} if routed.assignee_id is not None else ())
    if step is not None:
        # Not who has only joined and written (F23): of them nobody has waited for an answer.
        besides |= await DecisionRepository(tx, tx.enterprise_id).given_to(routed.id)
    case = await build_case(tx, routed, None, excluded=besides, settings=rules.settings)
    if step is not None and step.group_id is not None:
        target = Target(kind=TargetKind.GROUP, id=step.group_id, name=around.groups.get(step.group_id))
        choice = decide_waiting(rules, roster, case, around, target=target, pick=pick)
        # A group with nobody in it would let the enterprise answer; here the step just finds nobody.
        found = choice.agent_id is None or (choice.target.kind, choice.target.id) == (target.kind, target.id)
        return choice if found else replace(choice, outcome=Outcome.KEPT, agent_id=None, pointer=None, steps=choice.steps[:1])
    return decide(rules, roster, case, around, pick=pick, may_wait=False)


async def hand_over(
    tx: Tx, routed: Routed, choice: Choice, agent_id: UUID, *, cause: Cause, delay: tuple[datetime, int] | None = None
) -> None:
    """Give a conversation that somebody serves to whom the rules chose, under the claim and the conversation's lock."""
    how: conversations.How = "delayed" if cause is Cause.DELAYED else "absent"
    await conversations.reassign(tx, SystemActor(tx.enterprise_id), routed.id, agent_id, how=how, expected=routed.assignee_id)
    if choice.pointer is not None:
        await PointerRepository(tx, tx.enterprise_id).put(*choice.pointer)
    await close_offer(tx, routed.id)
    await note_assignment(tx, routed.id, agent_id, cause=cause, steps=choice.steps, target=choice.target, delay=delay)
    if routed.assignee_id is not None:
        await announce(tx, routed.assignee_id)


async def reschedule(tx: Tx, *, after: UUID | None = None) -> UUID | None:
    """The steps have changed: set the deadlines of a page of open conversations anew; returns where the next page begins, or None."""
    await RoutingRepository(tx, tx.enterprise_id).claim_assignment()
    requests = RequestRepository(tx, tx.enterprise_id)
    steps = (await load_transfers(tx)).steps
    rows = await requests.with_delay(after=after, limit=RESCHEDULED_AT_ONCE)
    for row in rows:
        routed = await conversations.routed(tx, row.conversation_id)
        if routed is None or routed.status is not Status.ACTIVE:
            continue
        step = _next_of(steps, row, routed)
        if _due(routed, step) != row.delay_due_at:
            await _set(tx, row, routed, step)
    return rows[-1].conversation_id if len(rows) == RESCHEDULED_AT_ONCE else None
