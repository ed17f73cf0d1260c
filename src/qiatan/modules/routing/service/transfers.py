"""Transfer by hand (对话转接): to a colleague or a group, at once or after a yes, with a note that only agents read."""

from __future__ import annotations

import secrets
from dataclasses import replace
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.kit.errors import InvalidInput
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.contracts import Conversation, Status, WriteNote
from qiatan.modules.conversations.errors import AlreadyTaken, ConversationEnded, ConversationNotFound, NotYours
from qiatan.modules.conversations.permissions import SERVE, TRANSFER
from qiatan.modules.routing.contracts.common import Target, TargetKind
from qiatan.modules.routing.contracts.decisions import Cause, Layer, Step, Verdict
from qiatan.modules.routing.contracts.settings import BaseRule
from qiatan.modules.routing.contracts.transfers import Transfer, TransferResult
from qiatan.modules.routing.errors import LimitReached, NobodyAvailable, OfferGone
from qiatan.modules.routing.repository import RoutingRepository
from qiatan.modules.routing.repository.pointers import PointerRepository
from qiatan.modules.routing.rules import Candidate, serving
from qiatan.modules.routing.rules.base import assignable, choose, group_key
from qiatan.modules.routing.rules.trace import notes
from qiatan.modules.routing.service.case import case_of
from qiatan.modules.routing.service.hours import opening
from qiatan.modules.routing.service.offers import accepted, answerable_offer, make_offer, require_no_offer
from qiatan.modules.routing.service.presence import announce
from qiatan.modules.routing.service.requests import note_assignment
from qiatan.modules.routing.service.roster import candidate_now, candidates
from qiatan.modules.routing.service.settings import load_assignment, load_transfers
from qiatan.modules.routing.service.taking import by_hand, note_beyond, require_place
from qiatan.modules.routing.service.targets import agent_in_reach, groups_in_reach


async def transfer(tx: Tx, actor: AgentActor, conversation_id: UUID, command: Transfer) -> TransferResult:
    """Give an own conversation to somebody else, or ask them first, as the settings say.

    Raises:
        NotAllowed, ConversationNotFound, ConversationEnded
        NotYours: a colleague serves it, or nobody does.
        OfferOpen: somebody has been asked already.
        InvalidInput: not exactly one target, or one that the actor may not choose.
        LimitReached: the colleague's maximum is reached.
        NobodyAvailable: the colleague does not get conversations now, or nobody of the group has a place.
    """
    require(actor, TRANSFER)
    if (command.agent_id is None) == (command.group_id is None):
        raise InvalidInput.of("agent_id", "one_target", "Choose one colleague or one group.")
    await RoutingRepository(tx, actor.enterprise_id).claim_assignment()
    await conversations.get(tx, actor, conversation_id)
    await _require_own(tx, actor, conversation_id)
    await require_no_offer(tx, conversation_id)
    if command.agent_id is not None:
        receiver, step = await _to_agent(tx, actor, command.agent_id)
        pointer = None
    else:
        receiver, step, pointer = await _to_group(tx, actor, conversation_id, command.group_id)
    settings = await load_transfers(tx)
    if command.note:
        await conversations.note(tx, actor, conversation_id, WriteNote(client_message_id=new_id(), text=command.note))
    if settings.ask:
        offer = await make_offer(
            tx,
            actor,
            conversation_id,
            agent_id=command.agent_id,
            group_id=command.group_id,
            note=command.note,
            seconds=settings.ask_seconds,
        )
        return TransferResult(conversation=None, offer=offer)
    if pointer is not None:
        await PointerRepository(tx, actor.enterprise_id).put(pointer, receiver.agent_id)
    conversation = await conversations.reassign(tx, actor, conversation_id, receiver.agent_id, how="by_hand", expected=actor.agent_id)
    await note_assignment(tx, conversation_id, receiver.agent_id, cause=Cause.TRANSFERRED, by=actor.agent_id, steps=(step,))
    await announce(tx, actor.agent_id)
    return TransferResult(conversation=conversation, offer=None)


async def accept_offer(tx: Tx, actor: AgentActor, offer_id: UUID, *, beyond_maximum: bool = False) -> Conversation:
    """Say yes to a transfer. Of a group the first one gets it.

    Raises:
        NotAllowed, NotFound
        OfferGone: somebody was quicker, its time has run out, it was withdrawn, or the conversation has ended or changed hands.
        LimitReached: as `taking.take`; the offer stays.
    """
    require(actor, SERVE)
    await RoutingRepository(tx, actor.enterprise_id).claim_assignment()
    row = await answerable_offer(tx, actor, offer_id)
    taker = await require_place(tx, actor, beyond_maximum=beyond_maximum)
    try:
        conversation = await conversations.reassign(
            tx, actor, row.conversation_id, actor.agent_id, how="by_hand", expected=row.from_agent_id
        )
    except (AlreadyTaken, ConversationNotFound):
        raise OfferGone from None
    await accepted(tx, row, actor.agent_id)
    step = by_hand("accepted", taker)
    await note_assignment(tx, row.conversation_id, actor.agent_id, cause=Cause.TRANSFERRED, by=row.from_agent_id, steps=(step,))
    await announce(tx, row.from_agent_id)
    note_beyond(tx, actor, taker, conversation)
    return conversation


async def _require_own(tx: Tx, actor: AgentActor, conversation_id: UUID) -> None:
    """Under its lock: let pass when the actor serves it."""
    routed = await conversations.routed(tx, conversation_id, lock=True)
    if routed is None:
        raise ConversationNotFound
    if routed.status is Status.ENDED:
        raise ConversationEnded
    if routed.status is not Status.ACTIVE or routed.assignee_id != actor.agent_id:
        raise NotYours


async def _to_agent(tx: Tx, actor: AgentActor, agent_id: UUID) -> tuple[Candidate, Step]:
    receiver = await candidate_now(tx, agent_id)
    if receiver is None or not agent_in_reach(actor, receiver):
        raise InvalidInput.of("agent_id", "unknown_agent", "Choose one of the colleagues you are offered.")
    if not serving(receiver):
        raise NobodyAvailable("This colleague gets no conversations now. Choose somebody else, or try again later.")
    if receiver.open >= receiver.maximum:
        raise LimitReached("This colleague's maximum of conversations is reached. Choose somebody else.")
    return receiver, by_hand("transferred", receiver)


async def _to_group(tx: Tx, actor: AgentActor, conversation_id: UUID, group_id: UUID | None) -> tuple[Candidate, Step, str | None]:
    """Who of the group gets it by the base rule, and which rotation moves on."""
    names = await groups_in_reach(tx, actor)
    if group_id is None or group_id not in names:
        raise InvalidInput.of("group_id", "unknown_group", "Choose one of the groups you are offered.")
    if not (await opening(tx)).group_open(group_id):
        raise NobodyAvailable("This group does not work now. Choose another one, or try again later.")
    settings, _ = await load_assignment(tx)
    roster, pointers = await candidates(tx), PointerRepository(tx, actor.enterprise_id)
    case = replace(await case_of(tx, conversation_id), excluded=frozenset({actor.agent_id}))
    members, key = roster.of_group(group_id), group_key(group_id)
    receiver = choose(settings.base_rule, assignable(members, case.excluded), roster, await pointers.get(key), secrets.randbelow)
    if receiver is None:
        raise NobodyAvailable("Nobody in this group has a place now. Choose another one, or try again later.")
    shown, more = notes(members, receiver, case, roster, settings.base_rule)
    step = Step(
        layer=Layer.BY_HAND,
        verdict=Verdict.CHOSE,
        reason="transferred_group",
        target=Target(kind=TargetKind.GROUP, id=group_id, name=names[group_id]),
        base_rule=settings.base_rule,
        candidates=shown,
        more=more,
    )
    return receiver, step, key if settings.base_rule is BaseRule.ROTATE else None
