"""Finding a conversation for somebody, or saying that there is none (404 for what may not be seen)."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, ScopeKind, VisitorActor
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations.errors import ConversationNotFound
from qiatan.modules.conversations.models import ConversationRow
from qiatan.modules.conversations.permissions import VIEW_COLLEAGUES
from qiatan.modules.conversations.repository import ConversationRepository
from qiatan.modules.conversations.repository.conversations import Sight


async def sight_of(tx: Tx, actor: AgentActor) -> Sight:
    """The actor's scope with the members of its groups looked up."""
    if not actor.may(VIEW_COLLEAGUES) or actor.scope.kind is ScopeKind.SELF:
        return Sight(actor, frozenset({actor.agent_id}))
    if actor.scope.kind is ScopeKind.ALL:
        return Sight(actor, None)
    return Sight(actor, await accounts.member_ids(tx, actor.scope.group_ids))


async def visible(tx: Tx, actor: AgentActor, conversation_id: UUID) -> ConversationRow:
    """
    Raises:
        ConversationNotFound: it does not exist or lies outside the actor's scope.
    """
    repository = ConversationRepository(tx, actor.enterprise_id)
    row = await repository.get_visible(await sight_of(tx, actor), conversation_id)
    if row is None:
        raise ConversationNotFound
    return row


async def own(tx: Tx, actor: VisitorActor, conversation_id: UUID) -> ConversationRow:
    """A visitor's own conversation on the channel the token is bound to.

    Raises:
        ConversationNotFound: there is none, or it is somebody else's.
    """
    row = await ConversationRepository(tx, actor.enterprise_id).get(conversation_id)
    if row is None or row.customer_id != actor.customer_id or row.channel_id != actor.channel_id:
        raise ConversationNotFound
    return row


async def locked(tx: Tx, row: ConversationRow) -> ConversationRow:
    """The same row under its lock, as it is now. The message log takes this lock too, so `head` cannot move meanwhile."""
    again = await ConversationRepository(tx, tx.enterprise_id).get(row.id, lock=True)
    if again is None:
        raise ConversationNotFound
    return again
