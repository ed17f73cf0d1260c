"""The customer of a conversation: who may see the conversation may name its customer."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor
from qiatan.modules.conversations.events import ConversationChanged
from qiatan.modules.conversations.repository import ConversationRepository
from qiatan.modules.conversations.service.finding import visible
from qiatan.modules.conversations.service.present import present_one
from qiatan.modules.customers import service as customers
from qiatan.modules.customers.contracts import Customer


async def rename_customer(tx: Tx, actor: AgentActor, conversation_id: UUID, *, name: str, version: int) -> Customer:
    """Give the customer a name; their open conversations show it at once.

    Raises:
        ConversationNotFound, NotAllowed, InvalidInput (the name), VersionConflict: nothing was changed.
    """
    row = await visible(tx, actor, conversation_id)
    customer = await customers.rename(tx, actor, customer_id=row.customer_id, name=name, version=version)
    repository = ConversationRepository(tx, actor.enterprise_id)
    for open_row in await repository.open_of_customer_anywhere(row.customer_id):
        await repository.update(open_row)
        conversation = await present_one(tx, open_row)
        tx.emit(ConversationChanged(enterprise_id=tx.enterprise_id, what="renamed", conversation=conversation))
    return customer
