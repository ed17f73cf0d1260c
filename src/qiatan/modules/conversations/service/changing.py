"""Who serves a conversation, and its end. Each change locks the row, writes an event into the conversation, and lets `version` grow."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, SystemActor, VisitorActor, require
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations.contracts import Conversation, SenderKind, Status
from qiatan.modules.conversations.errors import AlreadyTaken, ConversationEnded, ConversationNotFound, NotYours
from qiatan.modules.conversations.events import ConversationChanged
from qiatan.modules.conversations.models import ConversationRow
from qiatan.modules.conversations.permissions import END
from qiatan.modules.conversations.repository import ConversationRepository
from qiatan.modules.conversations.service.finding import locked, own, visible
from qiatan.modules.conversations.service.present import present_one
from qiatan.modules.conversations.service.writing import write_event


async def assign(tx: Tx, actor: SystemActor | AgentActor, conversation_id: UUID, agent_id: UUID) -> Conversation:
    """Give a waiting conversation to an agent. The caller (routing) has claimed a free place for it.

    Raises:
        ConversationNotFound: it does not exist.
        AlreadyTaken: it no longer waits.
    """
    repository = ConversationRepository(tx, actor.enterprise_id)
    row = await repository.get(conversation_id, lock=True)
    if row is None:
        raise ConversationNotFound
    if row.status != Status.WAITING:
        raise AlreadyTaken
    agent = (await accounts.briefs(tx, {agent_id}))[agent_id]
    await write_event(tx, row.id, "assigned", agent_id=str(agent_id), agent_name=agent.name)
    await repository.update(
        row,
        status=Status.ACTIVE,
        assignee_id=agent_id,
        agent_ids=[*(known for known in row.agent_ids if known != agent_id), agent_id],
        assigned_at=tx.now,
    )
    return await _announce(tx, "assigned", row)


async def release(tx: Tx, conversation_id: UUID) -> Conversation | None:
    """Put an active conversation back into the queue, at the place its customer had; None if it is not active."""
    repository = ConversationRepository(tx, tx.enterprise_id)
    row = await repository.get(conversation_id, lock=True)
    if row is None or row.status != Status.ACTIVE:
        return None
    left = row.assignee_id
    await repository.update(row, status=Status.WAITING, assignee_id=None)
    return await _announce(tx, "released", row, left=left)


async def release_all_of(tx: Tx, agent_id: UUID) -> int:
    """Put all active conversations of an agent back into the queue (the account was disabled). Returns how many."""
    ids = await ConversationRepository(tx, tx.enterprise_id).active_ids(agent_id)
    for conversation_id in sorted(ids):
        await release(tx, conversation_id)
    return len(ids)


async def end(tx: Tx, actor: AgentActor, conversation_id: UUID) -> Conversation:
    """An agent ends a conversation they serve, or a waiting one they may take.

    Raises:
        ConversationNotFound, NotAllowed
        ConversationEnded: it has ended already.
        NotYours: a colleague serves it.
    """
    require(actor, END)
    row = await locked(tx, await visible(tx, actor, conversation_id))
    if row.status == Status.ENDED:
        raise ConversationEnded
    if row.status == Status.ACTIVE and row.assignee_id != actor.agent_id:
        raise NotYours
    return await _end(tx, row, SenderKind.AGENT)


async def end_own(tx: Tx, actor: VisitorActor, conversation_id: UUID) -> Conversation:
    """A visitor ends the own conversation. Raises ConversationNotFound, ConversationEnded."""
    row = await locked(tx, await own(tx, actor, conversation_id))
    if row.status == Status.ENDED:
        raise ConversationEnded
    return (await _end(tx, row, SenderKind.CUSTOMER)).for_customer()


async def _end(tx: Tx, row: ConversationRow, by: SenderKind) -> Conversation:
    await write_event(tx, row.id, "ended", by=by)
    await ConversationRepository(tx, tx.enterprise_id).update(row, status=Status.ENDED, ended_at=tx.now, ended_by=by, unanswered_since=None)
    return await _announce(tx, "ended", row)


async def _announce(tx: Tx, what: str, row: ConversationRow, *, left: UUID | None = None) -> Conversation:
    conversation = await present_one(tx, row)
    tx.emit(
        ConversationChanged.model_validate({"enterprise_id": tx.enterprise_id, "what": what, "conversation": conversation, "left": left})
    )
    return conversation
