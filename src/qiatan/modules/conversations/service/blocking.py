"""Putting a customer on the blacklist (F17): their conversations end at once."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations.contracts import SenderKind
from qiatan.modules.conversations.repository import ConversationRepository
from qiatan.modules.conversations.service.customer import require_sight
from qiatan.modules.conversations.service.ending import finish
from qiatan.modules.conversations.service.finding import locked, visible
from qiatan.modules.conversations.service.writing import write_event
from qiatan.modules.customers import service as customers
from qiatan.modules.customers.contracts import Block, BlockCustomer
from qiatan.modules.customers.permissions import BLOCK
from qiatan.modules.visitors import service as visitors


async def block_here(tx: Tx, actor: AgentActor, conversation_id: UUID, body: BlockCustomer) -> Block:
    """Block the customer of a conversation that may be seen.

    Raises:
        NotAllowed, ConversationNotFound, InvalidInput, AlreadyBlocked: nothing was changed.
    """
    require(actor, BLOCK)
    row = await visible(tx, actor, conversation_id)
    return await _block(tx, actor, row.customer_id, body, conversation_id=row.id)


async def block_customer(tx: Tx, actor: AgentActor, customer_id: UUID, body: BlockCustomer) -> Block:
    """Block a customer one of whose conversations may be seen. Errors as `block_here`; NotFound for others."""
    require(actor, BLOCK)
    await require_sight(tx, actor, customer_id)
    return await _block(tx, actor, customer_id, body, conversation_id=None)


async def _block(tx: Tx, actor: AgentActor, customer_id: UUID, body: BlockCustomer, *, conversation_id: UUID | None) -> Block:
    block = await customers.block(
        tx,
        actor,
        customer_id=customer_id,
        body=body,
        conversation_id=conversation_id,
        address_group=await visitors.address_group_of(tx, customer_id=customer_id),
    )
    # Whoever is opening one for this customer right now waits for the customer's lock, and is refused when we are done.
    for row in await ConversationRepository(tx, actor.enterprise_id).open_of_customer_anywhere(customer_id):
        names = await accounts.agent_names(tx, {block.by_id})
        await write_event(tx, row.id, "blocked", agent_id=str(block.by_id), agent_name=names.get(block.by_id, ""))
        await finish(tx, await locked(tx, row), SenderKind.AGENT, ask=False)
    return block
