"""The customer of a conversation: who may see one of their conversations may see and say who they are."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.kit.cursors import Page
from qiatan.kit.errors import NotFound
from qiatan.modules.conversations.events import ConversationChanged
from qiatan.modules.conversations.permissions import SERVE
from qiatan.modules.conversations.repository import ConversationRepository
from qiatan.modules.conversations.repository.tags import ConversationTagRepository
from qiatan.modules.conversations.service.finding import sight_of, visible
from qiatan.modules.conversations.service.present import present_one
from qiatan.modules.customers import service as customers
from qiatan.modules.customers.contracts import (
    ChangeCustomer,
    ChangeCustomerNote,
    CustomerCard,
    CustomerChange,
    CustomerNote,
    WriteCustomerNote,
)
from qiatan.modules.customers.permissions import EDIT


async def require_sight(tx: Tx, actor: AgentActor, customer_id: UUID) -> None:
    """
    Raises:
        NotFound: there is no such customer, or the actor may see none of their conversations.
    """
    if not await ConversationTagRepository(tx, actor.enterprise_id).sees_customer(await sight_of(tx, actor), customer_id):
        raise NotFound


async def see_customer(tx: Tx, actor: AgentActor, customer_id: UUID) -> CustomerCard:
    """Raises NotAllowed, NotFound."""
    require(actor, SERVE)
    await require_sight(tx, actor, customer_id)
    return await customers.card(tx, customer_id)


async def change_customer(tx: Tx, actor: AgentActor, conversation_id: UUID, change: ChangeCustomer) -> CustomerCard:
    """Change the card of a conversation's customer; their open conversations show it at once.

    Raises:
        ConversationNotFound, NotAllowed, InvalidInput (what cannot be meant, by name), VersionConflict: nothing was changed.
    """
    require(actor, EDIT)
    row = await visible(tx, actor, conversation_id)
    return await _change(tx, actor, row.customer_id, change)


async def change_known_customer(tx: Tx, actor: AgentActor, customer_id: UUID, change: ChangeCustomer) -> CustomerCard:
    """The same of a customer one of whose conversations may be seen; NotFound for others."""
    require(actor, EDIT)
    await require_sight(tx, actor, customer_id)
    return await _change(tx, actor, customer_id, change)


async def _change(tx: Tx, actor: AgentActor, customer_id: UUID, change: ChangeCustomer) -> CustomerCard:
    card = await customers.change(tx, actor, customer_id=customer_id, change=change)
    if card.version == change.version:
        return card  # it was all so already
    repository = ConversationRepository(tx, actor.enterprise_id)
    for open_row in await repository.open_of_customer_anywhere(customer_id):
        await repository.update(open_row)
        conversation = await present_one(tx, open_row)
        tx.emit(ConversationChanged(enterprise_id=tx.enterprise_id, what="renamed", conversation=conversation))
    return card


async def customer_changes(
    tx: Tx, actor: AgentActor, customer_id: UUID, *, field: str | None, after: str | None, limit: int
) -> Page[CustomerChange]:
    """The card's history, newest first. Raises NotAllowed, NotFound, InvalidInput (a foreign cursor)."""
    require(actor, SERVE)
    await require_sight(tx, actor, customer_id)
    return await customers.changes(tx, actor, customer_id=customer_id, field=field, after=after, limit=limit)


async def customer_notes(tx: Tx, actor: AgentActor, customer_id: UUID, *, after: str | None, limit: int) -> Page[CustomerNote]:
    """The notes on a customer, newest first. Raises NotAllowed, NotFound, InvalidInput (a foreign cursor)."""
    require(actor, SERVE)
    await require_sight(tx, actor, customer_id)
    return await customers.notes(tx, actor, customer_id=customer_id, after=after, limit=limit)


async def write_customer_note(tx: Tx, actor: AgentActor, customer_id: UUID, body: WriteCustomerNote) -> CustomerNote:
    """Raises NotAllowed, NotFound, InvalidInput (the text), LimitReached."""
    require(actor, EDIT)
    await require_sight(tx, actor, customer_id)
    return await customers.write_note(tx, actor, customer_id=customer_id, body=body)


async def change_customer_note(tx: Tx, actor: AgentActor, customer_id: UUID, note_id: UUID, body: ChangeCustomerNote) -> CustomerNote:
    """Raises NotAllowed (also for a colleague's note), NotFound, InvalidInput (the text), VersionConflict."""
    require(actor, EDIT)
    await require_sight(tx, actor, customer_id)
    return await customers.change_note(tx, actor, customer_id=customer_id, note_id=note_id, body=body)


async def delete_customer_note(tx: Tx, actor: AgentActor, customer_id: UUID, note_id: UUID) -> None:
    """Raises NotAllowed (also for a colleague's note), NotFound."""
    require(actor, EDIT)
    await require_sight(tx, actor, customer_id)
    await customers.delete_note(tx, actor, customer_id=customer_id, note_id=note_id)
