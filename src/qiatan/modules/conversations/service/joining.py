"""Supervisors in colleagues' conversations: watching, whispering to the agent, stepping in."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor, ScopeKind, require
from qiatan.kit.errors import NotAllowed
from qiatan.kit.text import check_text
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import jobs
from qiatan.modules.conversations.contracts import (
    MAX_JOINED,
    MAX_TEXT,
    Ack,
    Conversation,
    MessageKind,
    SenderKind,
    Status,
    WriteNote,
)
from qiatan.modules.conversations.errors import AlreadyJoined, ConversationEnded, NotYours, TooManyJoined
from qiatan.modules.conversations.models import ConversationRow
from qiatan.modules.conversations.permissions import JOIN, SERVE, VIEW_COLLEAGUES
from qiatan.modules.conversations.repository import ConversationRepository, MessageRepository, system
from qiatan.modules.conversations.service.announcing import announce
from qiatan.modules.conversations.service.answering import reply_data
from qiatan.modules.conversations.service.finding import locked, sight_of, visible
from qiatan.modules.conversations.service.mentioning import named, team, tell
from qiatan.modules.conversations.service.present import present_one
from qiatan.modules.conversations.service.writing import write, write_event


async def join(tx: Tx, actor: AgentActor, conversation_id: UUID) -> Conversation:
    """Join a colleague's conversation. Its agent is told, its customer is not, until one writes to them.

    Raises:
        ConversationNotFound, ConversationEnded
        NotAllowed: the role lacks `conversations.join`, or the colleague lies outside the scope.
        NotYours: it waits, and nobody serves it whom one could join.
        AlreadyJoined: one serves it, or has joined.
        TooManyJoined: five have joined.
    """
    require(actor, JOIN)
    row = await locked(tx, await visible(tx, actor, conversation_id))
    if row.status == Status.ENDED:
        raise ConversationEnded
    if row.assignee_id == actor.agent_id or actor.agent_id in row.joined_ids:
        raise AlreadyJoined
    if row.assignee_id is None:
        raise NotYours("Nobody serves this conversation yet. Take it instead of joining.")
    if not await _reaches(tx, actor, row):
        raise NotAllowed
    if len(row.joined_ids) >= MAX_JOINED:
        raise TooManyJoined
    await write_event(tx, row.id, "joined", agent_id=str(actor.agent_id), agent_name=await _name(tx, actor.agent_id))
    await ConversationRepository(tx, actor.enterprise_id).update(
        row, joined_ids=[*row.joined_ids, actor.agent_id], helper_ids=_with(row.helper_ids, actor.agent_id)
    )
    joined = await announce(tx, "joined", row, by=actor.agent_id)
    what = accounts.What("conversation", row.id, joined.customer.name)
    accounts.record(tx, accounts.Who.of(actor), "conversation.joined", what, agent_id=row.assignee_id)
    return joined


async def leave(tx: Tx, actor: AgentActor, conversation_id: UUID) -> Conversation:
    """Stop joining; who has not joined, or whose conversation has ended, changes nothing.

    Raises:
        ConversationNotFound
    """
    require(actor, SERVE)
    row = await locked(tx, await visible(tx, actor, conversation_id))
    return await _leave(tx, row, actor.agent_id)


async def end_lost_joining(tx: Tx, agent_ids: Collection[UUID], *, scope_too: bool) -> int:
    """End what these agents have joined and, by their rights of now, may not join. Returns how many joinings ended.

    `scope_too`: also what lies outside their scope. That is asked when their rights have changed, not when a conversation was
    transferred: who has joined goes with it.
    """
    repository = ConversationRepository(tx, tx.enterprise_id)
    found = await repository.joined_by(agent_ids)
    if not found:
        return 0
    joining, reading = [{agent.id for agent in await accounts.serving_agents(tx, point)} for point in (JOIN, VIEW_COLLEAGUES)]
    entitled = joining & reading
    reach = {agent_id: await _reach_of(tx, agent_id) for agent_id in entitled.intersection(agent_ids)} if scope_too else {}
    count = 0
    for conversation_id, assignee_id, joined in found:
        for agent_id in set(joined).intersection(agent_ids):
            within = reach.get(agent_id)
            if agent_id in entitled and (within is None or assignee_id in within):
                continue
            row = await repository.get(conversation_id, lock=True)
            if row is not None and agent_id in row.joined_ids:
                await _leave(tx, row, agent_id)
                count += 1
    return count


@jobs.end_lost_joining.kept_by
async def _end_lost_joining(resources: Resources, *, enterprise_id: str, agent_ids: list[str]) -> None:
    """The same as the reaction to their changed rights; doing it twice changes nothing."""
    async with resources.database.tenant(UUID(enterprise_id)) as tx:
        await end_lost_joining(tx, {UUID(agent_id) for agent_id in agent_ids}, scope_too=True)


async def joined_anywhere(tx: Tx) -> dict[UUID, set[UUID]]:
    """By enterprise, who has joined open conversations. Needs the system role."""
    return await system.joined_anywhere(tx)


async def note(tx: Tx, actor: AgentActor, conversation_id: UUID, body: WriteNote) -> Ack:
    """Write an internal note: as who serves the conversation, has joined it, or may join it. Customers never get a word of it.

    A repeat returns the first result, whoever serves the conversation by then.

    Raises:
        InvalidInput (the text, `reply_to`, `mentions`), ConversationNotFound, ConversationEnded
        NotYours: one neither takes part nor may join.
    """
    require(actor, SERVE)
    check_text(body.text, field="text", limit=MAX_TEXT)
    seen = await visible(tx, actor, conversation_id)
    colleagues = await team(tx) if body.mentions else []
    row = await locked(tx, seen)
    repeat = await MessageRepository(tx, actor.enterprise_id).find_repeat(actor.agent_id, body.client_message_id)
    if repeat is not None:
        return Ack(client_message_id=body.client_message_id, conversation_id=repeat.conversation_id, seq=repeat.seq, at=repeat.at)
    helps = actor.may(JOIN) and (actor.agent_id in row.joined_ids or await _reaches(tx, actor, row))
    if row.assignee_id != actor.agent_id and not helps:
        raise NotYours
    people = await named(tx, actor, row, body.mentions, colleagues)
    mentions = {"mentions": [{"id": str(person.id), "name": person.name} for person in people]} if people else {}
    data = mentions | await reply_data(tx, row.id, body.reply_to, by_note=True)
    ack = await write(
        tx,
        row.id,
        kind=MessageKind.NOTE,
        sender_kind=SenderKind.AGENT,
        sender_id=actor.agent_id,
        client_message_id=body.client_message_id,
        text=body.text,
        data=data or None,
    )
    await tell(tx, actor, ack, people, body.text)
    if actor.agent_id not in {*row.agent_ids, *row.helper_ids}:
        await ConversationRepository(tx, actor.enterprise_id).update(row, helper_ids=_with(row.helper_ids, actor.agent_id))
        await announce(tx, "changed", row)
    return ack


async def _leave(tx: Tx, row: ConversationRow, agent_id: UUID) -> Conversation:
    if agent_id not in row.joined_ids or row.status == Status.ENDED:
        return await present_one(tx, row)
    await write_event(tx, row.id, "left", agent_id=str(agent_id), agent_name=await _name(tx, agent_id))
    remaining = [joined for joined in row.joined_ids if joined != agent_id]
    await ConversationRepository(tx, tx.enterprise_id).update(row, joined_ids=remaining)
    return await announce(tx, "left_by", row, by=agent_id)


async def _reaches(tx: Tx, actor: AgentActor, row: ConversationRow) -> bool:
    """Whether somebody serves the conversation who lies in the actor's scope."""
    colleagues = (await sight_of(tx, actor)).colleagues
    return actor.may(VIEW_COLLEAGUES) and row.assignee_id is not None and (colleagues is None or row.assignee_id in colleagues)


async def _reach_of(tx: Tx, agent_id: UUID) -> frozenset[UUID] | None:
    """Whose conversations lie in an agent's scope; None: everybody's."""
    scope = (await accounts.get_agent(tx, agent_id)).scope
    if scope.kind is ScopeKind.ALL:
        return None
    return await accounts.member_ids(tx, scope.group_ids) if scope.kind is ScopeKind.GROUPS else frozenset({agent_id})


async def _name(tx: Tx, agent_id: UUID) -> str:
    return (await accounts.briefs(tx, {agent_id}))[agent_id].name


def _with(ids: list[UUID], agent_id: UUID) -> list[UUID]:
    return ids if agent_id in ids else [*ids, agent_id]
