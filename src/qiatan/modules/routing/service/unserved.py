"""The queue when everybody has gone home: who is in it then leaves a message, as newcomers do."""

from __future__ import annotations

from datetime import timedelta

from qiatan.infra.db import Tx
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.contracts import Status
from qiatan.modules.conversations.permissions import SERVE
from qiatan.modules.routing.contracts.decisions import Layer, Step, Verdict
from qiatan.modules.routing.contracts.hours import Outside
from qiatan.modules.routing.contracts.queue import RoutingState
from qiatan.modules.routing.repository import RoutingRepository
from qiatan.modules.routing.repository.requests import RequestRepository, target_of
from qiatan.modules.routing.repository.spans import SpanRepository
from qiatan.modules.routing.rules.trace import Reason
from qiatan.modules.routing.service.hours import opening
from qiatan.modules.routing.service.requests import note_left

PATIENCE = timedelta(minutes=5)
"""How long the queue waits for somebody to be online again: the last one may only have changed the place."""
LEAVING_AT_ONCE = 50


async def leave_unserved(tx: Tx) -> int:
    """Turn those in the queue into messages, a page of them, once working time is over or nobody was online for a while; returns how many.

    Whoever calls it goes on until nobody is left, each page in a transaction of its own. Where people may queue outside the working hours,
    they wait for somebody to come anyway.
    """
    requests = RequestRepository(tx, tx.enterprise_id)
    queued = await requests.in_queue(limit=LEAVING_AT_ONCE)
    # Where nobody queues, which is nearly always and everywhere, nothing else is asked.
    reason = await _why_nobody_comes(tx) if queued else None
    if reason is None:
        return 0
    await RoutingRepository(tx, tx.enterprise_id).claim_assignment()
    left = 0
    for conversation_id in queued:
        routed = await conversations.routed(tx, conversation_id, lock=True)
        row = await requests.get(conversation_id)
        if row is None or row.state != RoutingState.QUEUED or routed is None or routed.status is not Status.WAITING:
            continue
        target = target_of(row.target_kind, row.target_id)
        await note_left(tx, row, Step(layer=Layer.QUEUE, verdict=Verdict.ENDED, reason=reason, target=target))
        left += 1
    return left


async def _why_nobody_comes(tx: Tx) -> Reason | None:
    now = await opening(tx)
    if now.outside is not Outside.MESSAGE:
        return None
    if not now.open_now:
        return Reason.CLOSED
    able = [agent.id for agent in await accounts.serving_agents(tx, SERVE) if agent.max_conversations > 0]
    lately = await SpanRepository(tx, tx.enterprise_id).any_online(able, since=tx.now - PATIENCE)
    return None if lately else Reason.NOBODY_ONLINE
