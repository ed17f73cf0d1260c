"""Conversations as tests tell them: somebody writes, somebody is given the conversation, somebody answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.access import SystemActor
from qiatan.kit.errors import Busy
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import Ack, Conversation, EditMessage, Message, SendMessage, WriteNote
from tests.support.factories import Guest, Member


async def write(database: Database, guest: Guest, words: str = "你好", *, message_id: UUID | None = None) -> Ack:
    """A visitor writes, as an ordinary transaction."""
    async with database.tenant(guest.actor.enterprise_id) as tx:
        return await service.send_own(tx, guest.actor, SendMessage(client_message_id=message_id or new_id(), text=words))


async def write_at_once(database: Database, guests: Sequence[Guest]) -> list[Ack]:
    """All of them write in the same moment, and again, as pages do, where a slow machine says that it is busy."""

    async def patiently(guest: Guest, message_id: UUID) -> Ack:
        while True:
            try:
                return await write(database, guest, message_id=message_id)
            except Busy:
                await asyncio.sleep(0.5)

    async with asyncio.timeout(100):
        return list(await asyncio.gather(*(patiently(guest, new_id()) for guest in guests)))


async def answer(database: Database, member: Member, conversation_id: UUID, words: str = "您好", *, message_id: UUID | None = None) -> Ack:
    """An agent writes, as an ordinary transaction."""
    message = SendMessage(client_message_id=message_id or new_id(), text=words)
    async with database.tenant(member.enterprise_id) as tx:
        return await service.send(tx, member.actor, conversation_id, message)


async def assign(database: Database, conversation_id: UUID, member: Member) -> Conversation:
    """Give a waiting conversation to an agent."""
    async with database.tenant(member.enterprise_id) as tx:
        return await service.assign(tx, SystemActor(member.enterprise_id), conversation_id, member.id)


async def served(database: Database, guest: Guest, member: Member, words: str = "你好") -> UUID:
    """A conversation the visitor has opened and the agent serves; returns its id."""
    conversation_id = (await write(database, guest, words)).conversation_id
    await assign(database, conversation_id, member)
    return conversation_id


async def transfer(
    database: Database, conversation_id: UUID, expected: Member, to: Member, *, how: service.How = "by_hand"
) -> Conversation:
    """Give a conversation that one agent serves to another."""
    async with database.tenant(to.enterprise_id) as tx:
        return await service.reassign(tx, SystemActor(to.enterprise_id), conversation_id, to.id, how=how, expected=expected.id)


async def join(database: Database, member: Member, conversation_id: UUID) -> Conversation:
    async with database.tenant(member.enterprise_id) as tx:
        return await service.join(tx, member.actor, conversation_id)


async def note(
    database: Database,
    member: Member,
    conversation_id: UUID,
    words: str = "别忘了问尺寸",
    *,
    message_id: UUID | None = None,
    reply_to: int | None = None,
    mentions: Sequence[UUID] = (),
) -> Ack:
    """An agent writes an internal note."""
    body = WriteNote(client_message_id=message_id or new_id(), text=words, reply_to=reply_to, mentions=list(mentions))
    async with database.tenant(member.enterprise_id) as tx:
        return await service.note(tx, member.actor, conversation_id, body)


async def edit(database: Database, member: Member, conversation_id: UUID, seq: int, words: str, *, message_id: UUID | None = None) -> Ack:
    """An agent gives an own message another text."""
    async with database.tenant(member.enterprise_id) as tx:
        return await service.edit(tx, member.actor, conversation_id, seq, EditMessage(client_message_id=message_id or new_id(), text=words))


async def read(database: Database, member: Member, conversation_id: UUID) -> list[Message]:
    """All messages of a short conversation, as an agent reads them."""
    async with database.tenant(member.enterprise_id) as tx:
        return (await service.messages(tx, member.actor, conversation_id, after_seq=0, before_seq=None, limit=100)).items


async def end(database: Database, member: Member, conversation_id: UUID) -> Conversation:
    async with database.tenant(member.enterprise_id) as tx:
        return await service.end(tx, member.actor, conversation_id)


async def messages(database: Database, guest: Guest, conversation_id: UUID) -> list[Message]:
    """All messages of a short conversation, as its visitor reads them."""
    async with database.tenant(guest.actor.enterprise_id) as tx:
        page = await service.messages_own(tx, guest.actor, conversation_id, after_seq=0, before_seq=None, limit=100)
    assert not page.more
    return page.items


async def conversation(database: Database, guest: Guest, conversation_id: UUID) -> Conversation:
    async with database.tenant(guest.actor.enterprise_id) as tx:
        return next(row for row in (await service.list_own(tx, guest.actor)).items if row.id == conversation_id)


async def stored(database: Database, enterprise_id: UUID) -> list[tuple[UUID, int, str | None]]:
    """(conversation, seq, text) of every message of an enterprise, in order: the truth on the disk."""
    query = text("SELECT conversation_id, seq, text FROM messages WHERE enterprise_id = :id ORDER BY conversation_id, seq")
    async with database.system() as tx:
        return [(row[0], row[1], row[2]) for row in await tx.session.execute(query, {"id": enterprise_id})]


async def drift(database: Database, enterprise_id: UUID) -> list[UUID]:
    """Conversations of an enterprise, ended ones too, whose head or counts differ from a recount of their messages."""
    query = text(
        """
        SELECT v.id
          FROM conversations v
          LEFT JOIN messages m ON m.enterprise_id = v.enterprise_id AND m.conversation_id = v.id
          LEFT JOIN messages w ON w.enterprise_id = m.enterprise_id AND w.conversation_id = m.conversation_id AND w.ref_seq = m.seq
               AND w.kind = 'withdrawal'
         WHERE v.enterprise_id = :id
         GROUP BY v.enterprise_id, v.id
        HAVING v.head <> coalesce(max(m.seq), 0)
            OR v.agent_unread <>
               count(*) FILTER (WHERE m.sender_kind = 'customer' AND m.kind NOT IN ('withdrawal', 'edit') AND m.seq > v.agent_read_seq)
            OR v.customer_unread <>
               count(*) FILTER (WHERE m.sender_kind = 'agent' AND m.kind NOT IN ('withdrawal', 'edit', 'note') AND m.seq > v.customer_read_seq)
            OR v.customer_messages <> count(*) FILTER (WHERE m.sender_kind = 'customer' AND m.kind NOT IN ('withdrawal', 'edit') AND w.seq IS NULL)
            OR v.agent_messages <>
               count(*) FILTER (WHERE m.sender_kind = 'agent' AND m.kind NOT IN ('withdrawal', 'edit', 'note') AND w.seq IS NULL)
        """
    )
    async with database.system() as tx:
        return list((await tx.session.execute(query, {"id": enterprise_id})).scalars())


async def gaps(database: Database, enterprise_id: UUID) -> list[UUID]:
    """Conversations whose messages are not exactly 1…head."""
    query = text(
        """
        SELECT v.id FROM conversations v LEFT JOIN messages m ON m.enterprise_id = v.enterprise_id AND m.conversation_id = v.id
         WHERE v.enterprise_id = :id GROUP BY v.enterprise_id, v.id, v.head
        HAVING count(m.seq) <> v.head OR coalesce(min(m.seq), 1) <> 1 OR coalesce(max(m.seq), 0) <> v.head
        """
    )
    async with database.system() as tx:
        return list((await tx.session.execute(query, {"id": enterprise_id})).scalars())
