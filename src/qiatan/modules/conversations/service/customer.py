"""The customer of a conversation: who may see the conversation may say who its customer is."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor
from qiatan.modules.conversations.contracts import ChangeCustomer
from qiatan.modules.conversations.events import ConversationChanged
from qiatan.modules.conversations.repository import ConversationRepository
from qiatan.modules.conversations.service.finding import visible
from qiatan.modules.conversations.service.present import present_one
from qiatan.modules.customers import service as customers
from qiatan.modules.customers.contracts import Customer


async def change_customer(tx: Tx, actor: AgentActor, conversation_id: UUID, change: ChangeCustomer) -> Customer:
    """Change the customer's name, VIP mark or tags; their open conversations show it at once.

    Raises:
        ConversationNotFound, NotAllowed, InvalidInput (the name, a tag), VersionConflict: nothing was changed.
    """
    row = await visible(tx, actor, conversation_id)
    customer = await customers.change(
        tx, actor, customer_id=row.customer_id, version=change.version, name=change.name, vip=change.vip, tags=change.tags
    )
    repository = ConversationRepository(tx, actor.enterprise_id)
    for open_row in await repository.open_of_customer_anywhere(row.customer_id):
        await repository.update(open_row)
        conversation = await present_one(tx, open_row)
        tx.emit(ConversationChanged(enterprise_id=tx.enterprise_id, what="renamed", conversation=conversation))
    return customer
