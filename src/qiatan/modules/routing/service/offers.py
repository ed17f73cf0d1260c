"""Transfers that wait for a yes: asked, answered, withdrawn, run out. Who asks keeps the conversation until then."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.kit.errors import NotAllowed, NotFound
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.contracts import Status
from qiatan.modules.conversations.permissions import SERVE
from qiatan.modules.customers import service as customers
from qiatan.modules.routing.contracts.transfers import OfferState, TransferOffer, TransferOffers
from qiatan.modules.routing.errors import OfferGone, OfferOpen
from qiatan.modules.routing.events import OfferChanged
from qiatan.modules.routing.models import OfferRow
from qiatan.modules.routing.repository.offers import OfferRepository
from qiatan.modules.routing.rules import serving
from qiatan.modules.routing.service.roster import candidates


async def transfer_offers(tx: Tx, actor: AgentActor) -> TransferOffers:
    """What waits for the actor's answer, and what the actor has asked, oldest first."""
    require(actor, SERVE)
    rows = await OfferRepository(tx, actor.enterprise_id).open_for(actor.agent_id, actor.group_ids, tx.now)
    return TransferOffers(items=await _present(tx, rows))


async def make_offer(
    tx: Tx, actor: AgentActor, conversation_id: UUID, *, agent_id: UUID | None, group_id: UUID | None, note: str, seconds: int
) -> TransferOffer:
    """Ask an agent, or everybody of a group who is there. The caller has checked that the target may be asked, and holds the claim."""
    row = OfferRow(
        enterprise_id=actor.enterprise_id,
        id=new_id(),
        conversation_id=conversation_id,
        from_agent_id=actor.agent_id,
        to_agent_id=agent_id,
        to_group_id=group_id,
        note=note,
        state=OfferState.OPEN.value,
        refused_ids=[],
        made_at=tx.now,
        due_at=tx.now + timedelta(seconds=seconds),
    )
    await OfferRepository(tx, actor.enterprise_id).add(row)
    return await _tell(tx, row)


async def require_no_offer(tx: Tx, conversation_id: UUID) -> None:
    """Under the claim: let pass when nobody is asked about the conversation. One whose time has run out ends here.

    Raises:
        OfferOpen
    """
    repository = OfferRepository(tx, tx.enterprise_id)
    row = await repository.open_of(conversation_id)
    if row is None:
        return
    if row.due_at > tx.now:
        raise OfferOpen
    await repository.close(row, OfferState.EXPIRED)
    await _tell(tx, row)


async def answerable_offer(tx: Tx, actor: AgentActor, offer_id: UUID) -> OfferRow:
    """An offer the actor may answer, under its lock.

    Raises:
        NotFound: nobody has asked them.
        NotAllowed: it is their own.
        OfferGone: it is over, or they have refused already.
    """
    row = await OfferRepository(tx, actor.enterprise_id).get(offer_id, lock=True)
    if row is None:
        raise NotFound
    if row.from_agent_id == actor.agent_id:
        raise NotAllowed("You have asked this yourself. Withdraw it, if you do not want it any more.")
    if row.to_agent_id != actor.agent_id and row.to_group_id not in actor.group_ids:
        raise NotFound
    if row.state != OfferState.OPEN or row.due_at <= tx.now or actor.agent_id in row.refused_ids:
        raise OfferGone
    return row


async def accepted(tx: Tx, row: OfferRow, agent_id: UUID) -> None:
    """Close an offer with the yes of an agent."""
    await OfferRepository(tx, tx.enterprise_id).close(row, OfferState.ACCEPTED, by=agent_id)
    await _tell(tx, row)


async def refuse_offer(tx: Tx, actor: AgentActor, offer_id: UUID) -> None:
    """Say no. What a group was asked is over once all its members who are there have refused; until then the others may accept.

    Raises:
        NotAllowed, NotFound, OfferGone
    """
    require(actor, SERVE)
    row = await answerable_offer(tx, actor, offer_id)
    repository = OfferRepository(tx, actor.enterprise_id)
    if row.to_group_id is not None:
        await repository.refuse_one(row, actor.agent_id)
        if not await _asked_now(tx, row) <= set(row.refused_ids):
            [own] = await _present(tx, [row])
            refused = own.model_copy(update={"state": OfferState.REFUSED})
            # For their other pages it is over; for everybody else it goes on.
            tx.emit(OfferChanged(enterprise_id=actor.enterprise_id, offer=refused, agent_ids=(actor.agent_id,)))
            return
    await repository.close(row, OfferState.REFUSED, by=actor.agent_id)
    await _tell(tx, row)


async def withdraw_offer(tx: Tx, actor: AgentActor, offer_id: UUID) -> None:
    """Take an own offer back.

    Raises:
        NotFound: there is none, and the actor was not asked either.
        NotAllowed: somebody else made it.
        OfferGone
    """
    require(actor, SERVE)
    row = await OfferRepository(tx, actor.enterprise_id).get(offer_id, lock=True)
    if row is None:
        raise NotFound
    if row.from_agent_id != actor.agent_id:
        asked = row.to_agent_id == actor.agent_id or row.to_group_id in actor.group_ids
        raise NotAllowed if asked else NotFound
    if row.state != OfferState.OPEN or row.due_at <= tx.now:
        raise OfferGone
    await OfferRepository(tx, actor.enterprise_id).close(row, OfferState.WITHDRAWN, by=actor.agent_id)
    await _tell(tx, row)


async def close_offer(tx: Tx, conversation_id: UUID) -> None:
    """The conversation has ended or changed hands: what was asked about it is over."""
    repository = OfferRepository(tx, tx.enterprise_id)
    row = await repository.open_of(conversation_id)
    if row is None:
        return
    routed = await conversations.routed(tx, conversation_id)
    if routed is not None and routed.status is Status.ACTIVE and routed.assignee_id == row.from_agent_id:
        return
    await repository.close(row, OfferState.WITHDRAWN)
    await _tell(tx, row)


async def expire_offer(tx: Tx, offer_id: UUID) -> None:
    """The time to answer has run out: the conversation stays where it is. Nothing, if it was answered meanwhile."""
    repository = OfferRepository(tx, tx.enterprise_id)
    row = await repository.get(offer_id, lock=True, unless_busy=True)
    if row is None or row.state != OfferState.OPEN or row.due_at > tx.now:
        return
    await repository.close(row, OfferState.EXPIRED)
    await _tell(tx, row)


async def _tell(tx: Tx, row: OfferRow) -> TransferOffer:
    """Tell who is asked and who asked how it stands."""
    [offer] = await _present(tx, [row])
    asked = {row.to_agent_id} if row.to_agent_id is not None else set(await _members(tx, row))
    tx.emit(OfferChanged(enterprise_id=tx.enterprise_id, offer=offer, agent_ids=(row.from_agent_id, *sorted(asked - {row.from_agent_id}))))
    return offer


async def _members(tx: Tx, row: OfferRow) -> frozenset[UUID]:
    """Everybody in the asked group: who comes while it is open may answer, too."""
    return await accounts.member_ids(tx, {row.to_group_id}) if row.to_group_id is not None else frozenset()


async def _asked_now(tx: Tx, row: OfferRow) -> set[UUID]:
    """Of the asked group, the members who are there now."""
    if row.to_group_id is None:
        return set()
    members = (await candidates(tx)).of_group(row.to_group_id)
    return {one.agent_id for one in members if serving(one) and one.agent_id != row.from_agent_id}


async def _present(tx: Tx, rows: Sequence[OfferRow]) -> list[TransferOffer]:
    if not rows:
        return []
    named: Collection[UUID] = {agent_id for row in rows for agent_id in (row.from_agent_id, row.to_agent_id) if agent_id is not None}
    agents = await accounts.agent_names(tx, named)
    groups = await accounts.group_names(tx) if any(row.to_group_id is not None for row in rows) else {}
    people = await _customers(tx, rows)
    return [
        TransferOffer(
            id=row.id,
            conversation_id=row.conversation_id,
            customer_name=people.get(row.conversation_id, ""),
            from_agent_id=row.from_agent_id,
            from_agent_name=agents.get(row.from_agent_id, ""),
            to_agent_id=row.to_agent_id,
            to_group_id=row.to_group_id,
            to_name=agents.get(row.to_agent_id, "") if row.to_agent_id is not None else _group_name(groups, row),
            note=row.note,
            state=OfferState(row.state),
            made_at=row.made_at,
            due_at=row.due_at,
        )
        for row in rows
    ]


def _group_name(groups: dict[UUID, str], row: OfferRow) -> str:
    return groups.get(row.to_group_id, "") if row.to_group_id is not None else ""


async def _customers(tx: Tx, rows: Sequence[OfferRow]) -> dict[UUID, str]:
    """By conversation, what agents call its customer."""
    found = {row.conversation_id: await conversations.routed(tx, row.conversation_id) for row in rows}
    named = await customers.briefs(tx, {routed.customer_id for routed in found.values() if routed is not None})
    return {conversation_id: named[routed.customer_id].name for conversation_id, routed in found.items() if routed is not None}
