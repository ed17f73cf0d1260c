"""The queue (F12): who stands where, and what visitors and agents are told of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor, VisitorActor, require
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.contracts import Status, View
from qiatan.modules.conversations.permissions import SERVE, TAKE
from qiatan.modules.routing import jobs
from qiatan.modules.routing.contracts.common import Target, TargetKind
from qiatan.modules.routing.contracts.decisions import Layer, Step, Verdict
from qiatan.modules.routing.contracts.presence import PresenceStatus
from qiatan.modules.routing.contracts.queue import Queue, QueuePlace, Routing, Routings, RoutingState
from qiatan.modules.routing.contracts.settings import MAX_QUEUE
from qiatan.modules.routing.errors import NotQueued
from qiatan.modules.routing.models import RequestRow
from qiatan.modules.routing.repository import RoutingRepository
from qiatan.modules.routing.repository import presence as every_presence
from qiatan.modules.routing.repository import requests as every_request
from qiatan.modules.routing.repository.requests import RequestRepository, Told
from qiatan.modules.routing.rules.queueing import FEWEST_SAMPLES, expected_seconds, positions, to_tell
from qiatan.modules.routing.service.offers import close_offer
from qiatan.modules.routing.service.requests import QUEUE_LEASE, emit, note_ended, note_left, place_of, present, unknown
from qiatan.modules.routing.service.roster import candidates
from qiatan.modules.routing.service.settings import load_queue, load_transfers

HANDLED_WITHIN = timedelta(hours=24)
HANDLED_READ = 300
"""The conversations that ended last, from which the expected wait is told."""
TOLD_AT_ONCE = 40
RENEW_BEFORE = timedelta(seconds=70)
RENEWED_AT_ONCE = 5_000

LEFT, WAITED_TOO_LONG, WENT_AWAY = "left", "waited_too_long", "went_away"


# -- counting


Expected = Callable[[Target, int], int | None]


@dataclass(slots=True)
class Counting:
    """One counting of a queue, in as many parts as it takes. How long people will wait is estimated once for all of them."""

    targets: frozenset[tuple[TargetKind, UUID | None]] = frozenset()
    expected: Expected | None = None


async def count(tx: Tx, counting: Counting | None = None) -> bool:
    """Count the queue again and tell those whose place or expected wait truly changed, the foremost first.

    Returns whether somebody is left to tell: a long queue is told in parts, so that an assignment never waits for all of it.
    """
    counting = counting or Counting()
    requests = RequestRepository(tx, tx.enterprise_id)
    await requests.claim_queue()
    queue = await requests.told(MAX_QUEUE)
    if not queue:
        return False
    places = positions((one.conversation_id, one.target.kind, one.target.id, one.entered_at) for one in queue)
    targets = frozenset((one.target.kind, one.target.id) for one in queue)
    if counting.expected is None or not targets <= counting.targets:
        counting.targets, counting.expected = targets, await _expectation(tx, [one.target for one in queue])
    expected = counting.expected
    news: dict[UUID, tuple[int, int | None]] = {}
    for one in queue:
        place = places[one.conversation_id]
        told = to_tell(_told(one), place, expected(one.target, place))
        if told is not None:
            news[one.conversation_id] = told
        if len(news) > TOLD_AT_ONCE:
            break
    left = len(news) > TOLD_AT_ONCE
    if left:
        news.popitem()
    rows = await requests.tell(news)
    for row, routing in zip(rows, await present(tx, rows), strict=True):
        emit(tx, row, routing, assignee_id=None, place=await place_of(tx, row))
    return left


def _told(one: Told) -> tuple[int, int | None] | None:
    return None if one.position is None else (one.position, one.seconds)


async def _expectation(tx: Tx, targets: Collection[Target]) -> Expected:
    """How long somebody at a place of a target will about wait: from how long its agents took lately, and what they have at hand."""
    handled = await conversations.handled(tx, since=tx.now - HANDLED_WITHIN, limit=HANDLED_READ)
    if len(handled) < FEWEST_SAMPLES:
        return lambda _target, _place: None
    serving = [one for one in await candidates(tx) if one.connected and one.status is PresenceStatus.ONLINE]
    known: dict[tuple[TargetKind, UUID | None], tuple[Sequence[float], int]] = {}
    for target in targets:
        key = target.kind, target.id
        if key not in known:
            ids = await _agents_of(tx, target)
            lately = [seconds for agent_id, seconds in handled if ids is None or agent_id in ids]
            known[key] = lately, sum(one.open for one in serving if ids is None or one.agent_id in ids)

    def expected(target: Target, place: int) -> int | None:
        lately, places = known[target.kind, target.id]
        return expected_seconds(place, handled=lately, places=places)

    return expected


async def _agents_of(tx: Tx, target: Target) -> Collection[UUID] | None:
    """Who serves a target; None: everybody."""
    if target.id is None:
        return None
    return await accounts.member_ids(tx, {target.id}) if target.kind is TargetKind.GROUP else {target.id}


# -- visitors


async def queue_place(tx: Tx, actor: VisitorActor) -> QueuePlace:
    """Where the visitor's open conversation stands. Asking is a sign of life: the place is kept."""
    line = await conversations.open_line(tx, actor)
    if line is None:
        return QueuePlace(conversation_id=None, state=RoutingState.ENDED, position=None, expected_seconds=None, text="")
    conversation_id, agent_ids = line
    requests = RequestRepository(tx, actor.enterprise_id)
    row = await requests.get(conversation_id)
    if row is None:
        state = RoutingState.PLACED if agent_ids else RoutingState.NEW
        return QueuePlace(conversation_id=conversation_id, state=state, position=None, expected_seconds=None, text="")
    if row.state == RoutingState.QUEUED:
        await requests.renew(conversation_id, tx.now + QUEUE_LEASE)
    return await place_of(tx, row)


async def leave_queue(tx: Tx, actor: VisitorActor) -> QueuePlace:
    """Leave a message instead of waiting: the words stay, the place goes.

    Raises:
        NotQueued: the visitor is not in the queue (any more).
    """
    await RoutingRepository(tx, actor.enterprise_id).claim_assignment()
    line = await conversations.open_line(tx, actor)
    if line is None:
        raise NotQueued
    await conversations.routed(tx, line[0], lock=True)
    row = await RequestRepository(tx, actor.enterprise_id).get(line[0])
    if row is None or row.state != RoutingState.QUEUED:
        raise NotQueued
    return await place_of(tx, await note_left(tx, row, _left(row, LEFT)))


def _left(row: RequestRow, reason: str) -> Step:
    return Step(layer=Layer.QUEUE, verdict=Verdict.ENDED, reason=reason, target=every_request.target_of(row.target_kind, row.target_id))


async def renew_queued(tx: Tx, present_here: Callable[[UUID], bool]) -> None:
    """Keep the places of those in the queue whose customers are connected to this process. Needs the system role."""
    queued = await every_request.leases_before(tx, tx.now + RENEW_BEFORE, RENEWED_AT_ONCE)
    here = [(enterprise_id, conversation_id) for enterprise_id, conversation_id, customer_id in queued if present_here(customer_id)]
    await every_request.renew_presence(tx, here, tx.now + QUEUE_LEASE)


async def fire_queued(tx: Tx, row: RequestRow) -> None:
    """The time of somebody in the queue has come: away for too long, or at the end of the longest wait. The caller holds all locks."""
    routed = await conversations.routed(tx, row.conversation_id)
    if routed is None or routed.status is Status.ENDED:
        await note_ended(tx, row)
    elif row.wait_until is not None and row.wait_until <= tx.now:
        await note_left(tx, row, _left(row, WAITED_TOO_LONG))
    elif row.present_until is not None and row.present_until <= tx.now:
        await note_left(tx, row, _left(row, WENT_AWAY))
    else:
        due = [moment for moment in (row.wait_until, row.present_until) if moment is not None]
        await RequestRepository(tx, tx.enterprise_id).change(row.conversation_id, due_at=min(due, default=None))


async def end_request(tx: Tx, conversation_id: UUID) -> None:
    """A conversation has ended: it is not waited for any more."""
    await RoutingRepository(tx, tx.enterprise_id).claim_assignment()
    row = await RequestRepository(tx, tx.enterprise_id).get(conversation_id)
    if row is not None:
        await note_ended(tx, row)
    await close_offer(tx, conversation_id)


async def enterprises_with_requests(tx: Tx) -> set[UUID]:
    """Where somebody queues or has left a message. Needs the system role."""
    return await every_request.waiting_in(tx)


async def enterprises_to_look_at(tx: Tx) -> list[UUID]:
    """Where somebody waits at whom nobody has looked, or who waits while somebody is online. Needs the system role."""
    fresh = await conversations.enterprises_waiting_besides(tx, every_request.is_known)
    served = await every_request.waiting_in(tx) & await every_presence.online_in(tx)
    return sorted({*fresh, *served})


async def end_forgotten(tx: Tx) -> int:
    """End the requests of conversations that have ended while nobody looked; returns how many."""
    requests = RequestRepository(tx, tx.enterprise_id)
    ended = await conversations.ended_among(tx, [row.conversation_id for row in await requests.shown(limit=MAX_QUEUE)])
    for conversation_id in ended:
        await end_request(tx, conversation_id)
    return len(ended)


async def new_longest_wait(tx: Tx) -> None:
    """The queue's settings have changed: the longest wait of those who wait already changes with them."""
    requests = RequestRepository(tx, tx.enterprise_id)
    await RoutingRepository(tx, tx.enterprise_id).claim_assignment()
    # Counting changes many rows, too: one after the other.
    await requests.claim_queue()
    await requests.set_longest_wait((await load_queue(tx)).max_wait_minutes)


@jobs.new_longest_wait.kept_by
async def _new_longest_wait(resources: Resources, *, enterprise_id: str) -> None:
    """The same as the reaction to the saved settings; doing it twice changes nothing."""
    async with resources.database.tenant(UUID(enterprise_id)) as tx:
        await new_longest_wait(tx)


# -- agents


async def queue(tx: Tx, actor: AgentActor) -> Queue:
    """Everybody who waits. Raises NotAllowed."""
    require(actor, TAKE)
    requests = RequestRepository(tx, actor.enterprise_id)
    return Queue(
        items=await present(tx, await requests.shown(limit=MAX_QUEUE)),
        length=await requests.queue_length(),
        limit=(await load_queue(tx)).limit,
    )


async def routing(tx: Tx, actor: AgentActor, conversation_id: UUID) -> Routing:
    """How one conversation stands. Raises NotAllowed, ConversationNotFound."""
    conversation = await conversations.get(tx, actor, conversation_id)
    row = await RequestRepository(tx, actor.enterprise_id).get(conversation_id)
    if row is None:
        return unknown(conversation_id, conversation.status, len((await load_transfers(tx)).steps))
    [shown] = await present(tx, [row])
    if conversation.replied_at is not None:
        # Nobody has looked at the deadline since: an answer has made it void.
        return shown.model_copy(update={"transfer_due_at": None, "transfer_step": None})
    return shown


async def routings(tx: Tx, actor: AgentActor, view: View) -> Routings:
    """How the conversations of a live view stand. Raises NotAllowed."""
    require(actor, SERVE)
    ids = [conversation_id for conversation_id, _, _ in await conversations.shown(tx, actor, view)]
    rows = await RequestRepository(tx, actor.enterprise_id).many(ids)
    known = dict(zip(rows, await present(tx, list(rows.values())), strict=True))
    status = Status.WAITING if view is View.QUEUE else Status.ACTIVE
    steps = len((await load_transfers(tx)).steps)
    return Routings(items=[known.get(one) or unknown(one, status, steps) for one in ids])
