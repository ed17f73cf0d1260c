"""Tags of conversations, and the catalogue with what hangs on both kinds."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.modules.conversations.contracts import Conversation, TagConversation
from qiatan.modules.conversations.permissions import SERVE
from qiatan.modules.conversations.repository import ConversationRepository
from qiatan.modules.conversations.repository.tags import ConversationTagRepository
from qiatan.modules.conversations.service.announcing import announce
from qiatan.modules.conversations.service.finding import locked, visible
from qiatan.modules.conversations.service.present import present_one
from qiatan.modules.customers import service as customers
from qiatan.modules.customers.contracts import TagCatalogue, TagKind


async def tag_catalogue(tx: Tx, *, uses: bool) -> TagCatalogue:
    """All tags and groups in order; on request with how many customers or conversations each hangs on."""
    if not uses:
        return await customers.tag_catalogue(tx)
    counted = await ConversationTagRepository(tx, tx.enterprise_id).uses()
    return await customers.tag_catalogue(tx, uses=counted | await customers.customer_tag_uses(tx))


async def tag_conversation(tx: Tx, actor: AgentActor, conversation_id: UUID, body: TagConversation) -> Conversation:
    """Put these tags on a conversation that may be seen, in the place of all it had; also after its end.

    Raises:
        NotAllowed, ConversationNotFound
        InvalidInput: too many tags, or one that is none for conversations (any more).
    """
    require(actor, SERVE)
    row = await locked(tx, await visible(tx, actor, conversation_id))
    chosen = {tag.id for tag in await customers.attachable(tx, body.tag_ids, TagKind.CONVERSATION)}
    repository = ConversationTagRepository(tx, actor.enterprise_id)
    if chosen == (await repository.of({row.id})).get(row.id, set()):
        return await present_one(tx, row)
    await repository.set(row.id, chosen, tx.now)
    await ConversationRepository(tx, actor.enterprise_id).update(row)
    return await announce(tx, "changed", row)
