"""Taking a conversation by hand: out of the queue, or over from a colleague."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, ScopeKind, require
from qiatan.kit.errors import NotAllowed
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.contracts import Conversation
from qiatan.modules.conversations.errors import AlreadyTaken
from qiatan.modules.conversations.permissions import EXCEED_MAXIMUM, TAKE, TAKE_OVER, VIEW_COLLEAGUES
from qiatan.modules.routing.contracts.decisions import CandidateNote, Cause, Layer, Step, Verdict, WhyNot
from qiatan.modules.routing.errors import LimitReached
from qiatan.modules.routing.repository import RoutingRepository
from qiatan.modules.routing.rules import Candidate
from qiatan.modules.routing.service.offers import close_offer
from qiatan.modules.routing.service.presence import announce
from qiatan.modules.routing.service.requests import note_assignment
from qiatan.modules.routing.service.roster import candidate_now


async def take(tx: Tx, actor: AgentActor, conversation_id: UUID, *, beyond_maximum: bool = False) -> Conversation:
    """An agent takes a waiting conversation, past everybody who waits longer (F12).

    Raises:
        NotAllowed, ConversationNotFound
        AlreadyTaken: it no longer waits.
        LimitReached: the agent's maximum is reached, and they did not ask to pass it or may not; nothing was changed.
    """
    require(actor, TAKE)
    await RoutingRepository(tx, actor.enterprise_id).claim_assignment()
    await conversations.get(tx, actor, conversation_id)
    taker = await require_place(tx, actor, beyond_maximum=beyond_maximum)
    conversation = await conversations.assign(tx, actor, conversation_id, actor.agent_id)
    await note_assignment(tx, conversation_id, actor.agent_id, cause=Cause.TAKEN, by=actor.agent_id, steps=(by_hand("taken", taker),))
    note_beyond(tx, actor, taker, conversation)
    return conversation


async def take_over(tx: Tx, actor: AgentActor, conversation_id: UUID, *, beyond_maximum: bool = False) -> Conversation:
    """Take over what a colleague within the scope serves.

    Raises:
        ConversationNotFound
        NotAllowed: without `conversations.take_over`, or the colleague lies outside the scope.
        AlreadyTaken: no colleague serves it (any more).
        LimitReached: as `take`.
    """
    require(actor, TAKE_OVER)
    await RoutingRepository(tx, actor.enterprise_id).claim_assignment()
    seen = await conversations.get(tx, actor, conversation_id)
    if seen.assignee_id is None or seen.ended_at is not None or seen.assignee_id == actor.agent_id:
        raise AlreadyTaken("No colleague serves this conversation any more.")
    if not await _reaches(tx, actor, seen.assignee_id):
        raise NotAllowed
    taker = await require_place(tx, actor, beyond_maximum=beyond_maximum)
    conversation = await conversations.reassign(tx, actor, conversation_id, actor.agent_id, how="taken_over", expected=seen.assignee_id)
    await close_offer(tx, conversation_id)
    await note_assignment(
        tx, conversation_id, actor.agent_id, cause=Cause.TAKEN_OVER, by=actor.agent_id, steps=(by_hand("taken_over", taker),)
    )
    await announce(tx, seen.assignee_id)
    what = accounts.What("conversation", conversation_id, conversation.customer.name)
    accounts.record(tx, accounts.Who.of(actor), "conversation.taken_over", what, from_agent_id=seen.assignee_id)
    note_beyond(tx, actor, taker, conversation)
    return conversation


async def require_place(tx: Tx, actor: AgentActor, *, beyond_maximum: bool) -> Candidate:
    """Under the claim: the actor as they stand now, with a free place, or passing the maximum with the right to.

    Raises:
        NotAllowed: the account was switched off meanwhile, or serves no customers any more.
        LimitReached
    """
    taker = await candidate_now(tx, actor.agent_id)
    if taker is None:
        raise NotAllowed
    if taker.open >= taker.maximum and not (beyond_maximum and actor.may(EXCEED_MAXIMUM)):
        raise LimitReached
    return taker


def note_beyond(tx: Tx, actor: AgentActor, taker: Candidate, conversation: Conversation) -> None:
    """Into the audit log, when the actor has passed the own maximum with this one."""
    if taker.open < taker.maximum:
        return
    what = accounts.What("conversation", conversation.id, conversation.customer.name)
    accounts.record(
        tx, accounts.Who.of(actor), "conversation.taken_beyond_maximum", what, open=[taker.open, taker.open + 1], maximum=taker.maximum
    )


def by_hand(reason: str, taker: Candidate) -> Step:
    """The trace of a decision that a person made."""
    note = CandidateNote(agent_id=taker.agent_id, name=taker.name, why=WhyNot.CHOSEN, open=taker.open, maximum=taker.maximum)
    return Step(layer=Layer.BY_HAND, verdict=Verdict.CHOSE, reason=reason, candidates=[note])


async def _reaches(tx: Tx, actor: AgentActor, agent_id: UUID) -> bool:
    if not actor.may(VIEW_COLLEAGUES) or actor.scope.kind is ScopeKind.SELF:
        return False
    return actor.scope.kind is ScopeKind.ALL or agent_id in await accounts.member_ids(tx, actor.scope.group_ids)
