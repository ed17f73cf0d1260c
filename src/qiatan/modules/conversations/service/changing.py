"""Who serves a conversation. Each change locks the row, writes an event into the conversation, and lets `version` grow."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, SystemActor
from qiatan.modules.accounts import service as accounts
from qiatan.modules.channels import service as channels
from qiatan.modules.conversations.contracts import Conversation, Status
from qiatan.modules.conversations.errors import AlreadyTaken, ConversationNotFound
from qiatan.modules.conversations.models import ConversationRow
from qiatan.modules.conversations.repository import ConversationRepository
from qiatan.modules.conversations.repository.conversations import locked_here
from qiatan.modules.conversations.service.announcing import announce
from qiatan.modules.conversations.service.idle import first_due
from qiatan.modules.conversations.service.present import Known
from qiatan.modules.conversations.service.writing import write_event

How = Literal["by_hand", "delayed", "taken_over", "absent"]

RELEASED_AT_ONCE = 20


async def assign(tx: Tx, actor: SystemActor | AgentActor, conversation_id: UUID, agent_id: UUID) -> Conversation:
    """Give a waiting conversation to an agent. The caller (routing) has claimed a free place for it.

    Raises:
        ConversationNotFound: it does not exist.
        AlreadyTaken: it no longer waits.
    """
    row = await _locked(tx, conversation_id)
    if row.status != Status.WAITING:
        raise AlreadyTaken
    known = await _known(tx, row, agent_id)
    await write_event(tx, row.id, "assigned", agent_id=str(agent_id), agent_name=known.people[agent_id].name)
    await _give(tx, row, agent_id, known)
    return await announce(tx, "assigned", row, known=known)


async def reassign(
    tx: Tx, actor: SystemActor | AgentActor, conversation_id: UUID, agent_id: UUID, *, how: How, expected: UUID | None
) -> Conversation:
    """Give a conversation that `expected` serves to another agent (F04, F24, take-over). Who may is decided above, by routing.

    Raises:
        ConversationNotFound: it does not exist.
        AlreadyTaken: it is not served by `expected` any more, or by the other one already.
    """
    row = await _locked(tx, conversation_id)
    left = row.assignee_id
    if row.status != Status.ACTIVE or left is None or left != expected or left == agent_id:
        raise AlreadyTaken
    known = await _known(tx, row, agent_id)
    name = known.people[agent_id].name
    await write_event(tx, row.id, "transferred", agent_id=str(agent_id), agent_name=name, from_id=str(left), how=how)
    await _give(tx, row, agent_id, known)
    return await announce(tx, "transferred", row, left=left, known=known)


async def release(tx: Tx, conversation_id: UUID) -> Conversation | None:
    """Put an active conversation back into the queue, at the place its customer had; None if it is not active."""
    repository = ConversationRepository(tx, tx.enterprise_id)
    row = await repository.get(conversation_id, lock=True)
    if row is None or row.status != Status.ACTIVE:
        return None
    left = row.assignee_id
    await repository.update(row, status=Status.WAITING, assignee_id=None)
    return await announce(tx, "released", row, left=left)


async def release_some_of(tx: Tx, *agent_ids: UUID) -> int:
    """Put active conversations of these agents back into the queue (the accounts were disabled), a page of them. Returns how many.

    Their rows are locked until the transaction ends, and the message log waits for them with everybody's messages: hence RELEASED_AT_ONCE
    of them at most. Name all agents of a transaction at once: rows are locked in the order of keys, as the message log does, whoever
    serves them.
    """
    ids = await ConversationRepository(tx, tx.enterprise_id).active_ids(agent_ids, limit=RELEASED_AT_ONCE)
    for conversation_id in ids:
        await release(tx, conversation_id)
    return len(ids)


async def _locked(tx: Tx, conversation_id: UUID) -> ConversationRow:
    """The row under its lock. Where this transaction holds that already, only it can have changed the row since."""
    row = locked_here(tx, conversation_id) or await ConversationRepository(tx, tx.enterprise_id).get(conversation_id, lock=True)
    if row is None:
        raise ConversationNotFound
    return row


async def _known(tx: Tx, row: ConversationRow, agent_id: UUID) -> Known:
    """What the event and the announcement of a new agent name."""
    channel = await channels.briefs(tx, {row.channel_id})
    return Known(channel, await accounts.briefs(tx, {*row.agent_ids, *row.helper_ids, agent_id}))


async def _give(tx: Tx, row: ConversationRow, agent_id: UUID, known: Known) -> None:
    await ConversationRepository(tx, tx.enterprise_id).update(
        row,
        status=Status.ACTIVE,
        assignee_id=agent_id,
        agent_ids=[*(known for known in row.agent_ids if known != agent_id), agent_id],
        joined_ids=[joined for joined in row.joined_ids if joined != agent_id],
        assigned_at=tx.now,
        idle_due_at=await first_due(tx, known.channels[row.channel_id].kind),
    )
