"""Assignment: who waits gets an agent.

A look is taken without holding up anybody: rules, agents, and everybody who waits are read once. Then each conversation that can be
settled is settled in a transaction of its own, under the enterprise's claim, which looks again at what the choice depends on: that the
conversation still waits, that the agent is as they were, that the queue has room. If something differs, nothing is written and the
look is taken anew. So a thousand agents are not read for each of a thousand conversations, and no limit is ever passed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from uuid import UUID

import structlog

from qiatan.infra.clock import pick
from qiatan.infra.db import Tx
from qiatan.kit.access import SystemActor
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.contracts import Routed, Status
from qiatan.modules.conversations.permissions import SERVE
from qiatan.modules.routing.contracts.common import Target, TargetKind
from qiatan.modules.routing.contracts.decisions import Cause, Outcome, WhyNot, Wish
from qiatan.modules.routing.contracts.queue import RoutingState
from qiatan.modules.routing.contracts.settings import MAX_QUEUE
from qiatan.modules.routing.models import RequestRow
from qiatan.modules.routing.repository import RoutingRepository
from qiatan.modules.routing.repository.pointers import PointerRepository
from qiatan.modules.routing.repository.requests import RequestRepository, Waiter, kept_others, others_of, target_of
from qiatan.modules.routing.repository.wishes import WishRepository
from qiatan.modules.routing.rules import (
    ENTERPRISE,
    Candidate,
    Choice,
    CompiledAssignment,
    Roster,
    Surroundings,
    decide,
    decide_waiting,
    has_place,
)
from qiatan.modules.routing.service.case import build_case, pending_wish, read_wish
from qiatan.modules.routing.service.requests import Given, note_assignment, note_decision, note_ended, note_waiting
from qiatan.modules.routing.service.roster import candidate_now, candidates, surroundings
from qiatan.modules.routing.service.settings import load_assignment, load_queue

log = structlog.get_logger(__name__)

RELEASED_AT_ONCE = conversations.RELEASED_AT_ONCE
MAX_NEW = 1_000
MESSAGES_OF_EACH = 50
"""Messages left that one look tries for each target."""


@dataclass(slots=True)
class Look:
    """What is known of an enterprise at a moment, moved on by what is settled since."""

    rules: CompiledAssignment
    roster: Roster
    around: Surroundings
    waiters: list[Waiter]
    room: int = 0
    """How many more may queue, since it was asked last."""
    _reachable: dict[tuple[TargetKind, UUID | None], bool] = field(default_factory=dict)
    _free: dict[tuple[TargetKind, UUID | None], bool] = field(default_factory=dict)

    def may_change(self, waiter: Waiter) -> bool:
        """Whether settling could do anything for them; who is answered yes without need is kept where they are."""
        if waiter.state is RoutingState.NEW:
            return True
        if not self.around.open_now:
            return False
        key = waiter.target.kind, waiter.target.id
        if key not in self._reachable:
            self._reachable[key] = self._is_gone(waiter.target) or self._is_free(waiter.target)
        return self._reachable[key] or any(self._is_free(one) for one in waiter.also)

    def _is_gone(self, target: Target) -> bool:
        """Whether another target has to take its place."""
        if target.id is None:
            return False
        if target.kind is TargetKind.AGENT:
            agent = self.roster.get(target.id)
            return agent is None or agent.maximum == 0
        if target.id in self.around.closed_groups:
            return False
        return target.id not in self.around.groups or not any(one.maximum for one in self.roster.of_group(target.id))

    def _is_free(self, target: Target) -> bool:
        """Whether somebody of it has a place."""
        key = target.kind, target.id
        if key not in self._free:
            self._free[key] = any(has_place(one) for one in self._members(target))
        return self._free[key]

    def _members(self, target: Target) -> Iterable[Candidate]:
        if target.id is None:
            return self.roster
        if target.kind is TargetKind.AGENT:
            return self.roster.pool((target.id,))
        return () if target.id in self.around.closed_groups else self.roster.of_group(target.id)

    def assigned(self, agent_id: UUID, choice: Choice) -> None:
        self.roster = self.roster.with_load(agent_id, 1)
        self.around = self.around.moved(choice.pointer)
        self._reachable.clear()
        self._free.clear()

    def queue_has_room(self, *, room: bool) -> None:
        self.around = replace(self.around, queue_has_room=room)


class Settled(Enum):
    """assigned · waits (in the queue or as a message left) · kept as it was · gone: it waits no more · stale: the look is too old."""

    ASSIGNED = "assigned"
    WAITS = "waits"
    KEPT = "kept"
    GONE = "gone"
    STALE = "stale"


async def claim(tx: Tx) -> None:
    """Until the transaction ends, nobody else assigns in this enterprise."""
    await RoutingRepository(tx, tx.enterprise_id).claim_assignment()


async def look(tx: Tx) -> Look:
    """Take a look: everybody who waits, in the order in which they are served."""
    settings, rules = await load_assignment(tx)
    requests = RequestRepository(tx, tx.enterprise_id)
    fresh = await conversations.waiting_besides(tx, requests.known(), MAX_NEW)
    in_queue, messages = await requests.waiting(limit=MAX_QUEUE, of_each=MESSAGES_OF_EACH)
    waiting = in_queue + [Waiter(conversation_id, RoutingState.NEW, ENTERPRISE, since) for conversation_id, since in fresh]
    waiting.sort(key=lambda waiter: (waiter.since, waiter.conversation_id))
    return Look(
        rules=rules,
        roster=await candidates(tx, settings),
        around=await surroundings(tx, settings, queued=len(in_queue)),
        waiters=waiting + messages,
    )


async def place(tx: Tx, conversation_id: UUID, cause: Cause | None = None) -> Settled:
    """Settle one conversation by everything as it is now, whoever else waits."""
    await RoutingRepository(tx, tx.enterprise_id).claim_assignment()
    return await settle(tx, await look(tx), conversation_id, cause)


async def assign_next(tx: Tx) -> Routed | None:
    """Settle who waits, in order, until one is assigned; returns it, or None when nobody can be."""
    await RoutingRepository(tx, tx.enterprise_id).claim_assignment()
    seen = await look(tx)
    for waiter in seen.waiters:
        if seen.may_change(waiter) and await settle(tx, seen, waiter.conversation_id) is Settled.ASSIGNED:
            return await conversations.routed(tx, waiter.conversation_id)
    return None


async def settle(tx: Tx, seen: Look, conversation_id: UUID, cause: Cause | None = None) -> Settled:
    """Give the conversation to an agent, into the queue, or leave it as a message. The caller holds the enterprise's claim.

    Who waits already is assigned or kept. STALE: nothing was written, because something differs from the look.
    """
    requests = RequestRepository(tx, tx.enterprise_id)
    routed = await conversations.routed(tx, conversation_id, lock=True)
    row = await requests.get(conversation_id)
    if routed is None or routed.status is not Status.WAITING:
        if row is not None and routed is not None and routed.status is Status.ENDED:
            await note_ended(tx, row)
        return Settled.GONE
    if routed.customer_messages == 0:
        # Its customer has taken back everything: it ends soon, unless they write again.
        return Settled.KEPT
    waits = row is not None and row.state in (RoutingState.QUEUED, RoutingState.MESSAGE)
    wish = read_wish(row.wish) if row is not None else await pending_wish(tx, routed)
    case = await build_case(tx, routed, wish, settings=seen.rules.settings, visitor=bool(seen.rules.rules))
    if row is not None and waits:
        target, also = target_of(row.target_kind, row.target_id), others_of(row.also)
        choice = decide_waiting(seen.rules, seen.roster, case, seen.around, target=target, also=also, pick=pick)
    else:
        choice = decide(seen.rules, seen.roster, case, seen.around, pick=pick)
    agent = await candidate_now(tx, choice.agent_id) if choice.agent_id is not None else None
    if not await _still_true(tx, seen, choice, agent):
        return Settled.STALE
    if row is None and wish is not None:
        await WishRepository(tx, tx.enterprise_id).drop(routed.customer_id, routed.channel_id)
        _log_unknown(choice, wish, conversation_id)
    cause = cause or (Cause.WAITING if waits else Cause.OPENED if row is None else Cause.RELEASED)
    if agent is not None:
        await _assign(tx, seen, choice, Given(agent, routed, row), cause=cause, wish=wish)
        return Settled.ASSIGNED
    if row is not None and waits:
        return await _keep(tx, row, choice, cause)
    queued = choice.outcome is Outcome.QUEUED
    await note_waiting(tx, routed, row, queued=queued, target=choice.target, also=choice.also, cause=cause, wish=wish, steps=choice.steps)
    if queued:
        seen.room -= 1
        seen.queue_has_room(room=seen.room > 0)
    return Settled.WAITS


async def _assign(tx: Tx, seen: Look, choice: Choice, given: Given, *, cause: Cause, wish: Wish | None) -> None:
    conversation_id, agent_id = given.routed.id, given.agent.agent_id
    await conversations.assign(tx, SystemActor(tx.enterprise_id), conversation_id, agent_id)
    if choice.pointer is not None:
        await PointerRepository(tx, tx.enterprise_id).put(*choice.pointer)
    await note_assignment(tx, conversation_id, agent_id, cause=cause, steps=choice.steps, target=choice.target, wish=wish, given=given)
    seen.assigned(agent_id, choice)


async def _keep(tx: Tx, row: RequestRow, choice: Choice, cause: Cause) -> Settled:
    """Nobody for them. A target that is gone was replaced: they wait for the new one, and count among those who do."""
    if (choice.target.kind, choice.target.id) == (row.target_kind, row.target_id):
        return Settled.KEPT
    await RequestRepository(tx, tx.enterprise_id).change(
        row.conversation_id,
        target_kind=choice.target.kind,
        target_id=choice.target.id,
        also=kept_others(choice.also),
        told_position=None,
    )
    await note_decision(tx, row.conversation_id, cause, Outcome.KEPT, steps=choice.steps)
    return Settled.WAITS


async def _still_true(tx: Tx, seen: Look, choice: Choice, now: Candidate | None) -> bool:
    """Whether what the choice depends on is as the look saw it, `now` being its agent. Under the claim, so it stays so until the commit."""
    _, rules = await load_assignment(tx)
    if rules is not seen.rules:
        return False
    if choice.outcome is Outcome.QUEUED:
        seen.room = await _room(tx)
        return seen.room > 0
    if choice.agent_id is None:
        full = choice.outcome is Outcome.MESSAGE and seen.around.queue_enabled and not seen.around.queue_has_room
        return not (full and await _room(tx) > 0)
    then = seen.roster.get(choice.agent_id)
    if now is None or then is None or not has_place(now) or _load(now) != _load(then):
        return False
    if choice.pointer is None:
        return True
    target, _ = choice.pointer
    return await PointerRepository(tx, tx.enterprise_id).get(target) == seen.around.pointers.get(target)


def _load(one: Candidate) -> tuple[int, int, frozenset[UUID]]:
    return one.open, one.maximum, one.group_ids


async def _room(tx: Tx) -> int:
    """How many more may queue."""
    return (await load_queue(tx)).limit - await RequestRepository(tx, tx.enterprise_id).queue_length()


def _log_unknown(choice: Choice, wish: Wish, conversation_id: UUID) -> None:
    names = {note.name for step in choice.steps for note in step.candidates if note.why is WhyNot.UNKNOWN}
    unknown = sorted(names & {*wish.agents, *wish.groups})
    if unknown:
        log.warning("routing.wish_unknown", conversation_id=str(conversation_id), source=wish.source, unknown=unknown)


async def release_idle(tx: Tx, agent_ids: Collection[UUID]) -> int:
    """Put back into the queue what those of the agents hold who may serve no more, a page of it; returns how many conversations.

    RELEASED_AT_ONCE of them: there may be more, which belong into a transaction of their own.

    Under the claim: an assignment that still saw the agent serving has committed, and its conversation is among them.
    """
    await RoutingRepository(tx, tx.enterprise_id).claim_assignment()
    held = set(agent_ids).intersection(await conversations.active_counts(tx))
    serving = {agent.id for agent in await accounts.serving_agents(tx, SERVE)} if held else set()
    return await conversations.release_some_of(tx, *(held - serving))
