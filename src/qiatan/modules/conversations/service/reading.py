"""Reading: lists, single conversations, messages, pictures, read marks."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.infra.sealing import Sealer
from qiatan.kit.access import AgentActor, VisitorActor, require
from qiatan.kit.cursors import MAX_PAGE, Page, decode_time_cursor, encode_time_cursor
from qiatan.modules.conversations.contracts import (
    MAX_OPEN_SHOWN,
    Context,
    Conversation,
    ConversationList,
    MessagePage,
    SenderKind,
    Status,
    View,
)
from qiatan.modules.conversations.errors import ConversationNotFound, NotYours
from qiatan.modules.conversations.events import ConversationRead
from qiatan.modules.conversations.models import ConversationRow
from qiatan.modules.conversations.permissions import JOIN, SERVE, TAKE, VIEW_COLLEAGUES
from qiatan.modules.conversations.repository import ConversationRepository, MessageRepository
from qiatan.modules.conversations.service.finding import locked, own, sight_of, visible
from qiatan.modules.conversations.service.present import present, present_message, present_one
from qiatan.modules.customers import service as customers
from qiatan.modules.files import service as files
from qiatan.modules.files.contracts import FileLink, Stored
from qiatan.modules.visitors import service as visitors

EARLIER_SHOWN = 20
_POINTS = {View.MINE: SERVE, View.ENDED: SERVE, View.QUEUE: TAKE, View.COLLEAGUES: VIEW_COLLEAGUES}
LiveView = Literal[View.MINE, View.QUEUE, View.COLLEAGUES]


async def list_conversations(tx: Tx, actor: AgentActor, *, view: View, after: str | None, limit: int) -> Page[Conversation]:
    """One page of a list. Raises NotAllowed, InvalidInput (a foreign cursor)."""
    require(actor, _POINTS[view])
    limit = min(limit, MAX_PAGE)
    key = decode_time_cursor(after) if after else None
    rows = await ConversationRepository(tx, actor.enterprise_id).page(await sight_of(tx, actor), view, after=key, limit=limit + 1)
    items = await present(tx, rows[:limit])
    following = _cursor(view, rows[limit - 1]) if len(rows) > limit else None
    return Page(items=items, next=following)


def _cursor(view: View, row: ConversationRow) -> str:
    at = {View.QUEUE: row.waiting_since, View.ENDED: row.ended_at}.get(view, row.created_at)
    return encode_time_cursor(at or row.created_at, row.id)


async def shown(tx: Tx, actor: AgentActor, view: View) -> list[tuple[UUID, int, int]]:
    """(id, head, version) of what a live view shows now. Raises NotAllowed."""
    require(actor, _POINTS[view])
    repository = ConversationRepository(tx, actor.enterprise_id)
    return await repository.shown(await sight_of(tx, actor), view, MAX_OPEN_SHOWN)


async def shown_own(tx: Tx, actor: VisitorActor) -> list[tuple[UUID, int, int]]:
    rows = await ConversationRepository(tx, actor.enterprise_id).of_customer(
        actor.customer_id, channel_id=actor.channel_id, limit=EARLIER_SHOWN
    )
    return [(row.id, row.head, row.version) for row in rows]


async def get(tx: Tx, actor: AgentActor, conversation_id: UUID) -> Conversation:
    """Raises ConversationNotFound."""
    require(actor, SERVE)
    return await present_one(tx, await visible(tx, actor, conversation_id))


async def customer_seen(tx: Tx, actor: AgentActor, conversation_id: UUID) -> UUID:
    """The customer of a conversation one may see, and nothing else of it. Raises ConversationNotFound."""
    require(actor, SERVE)
    return (await visible(tx, actor, conversation_id)).customer_id


async def earlier(tx: Tx, actor: AgentActor, conversation_id: UUID, *, after: str | None, limit: int) -> Page[Conversation]:
    """The same customer's conversations before this one that may be seen, newest first.

    Raises:
        ConversationNotFound, InvalidInput (a foreign cursor)
    """
    require(actor, SERVE)
    row = await visible(tx, actor, conversation_id)
    limit = min(limit, MAX_PAGE)
    key = decode_time_cursor(after) if after else None
    rows = await ConversationRepository(tx, actor.enterprise_id).earlier(await sight_of(tx, actor), row, limit=limit + 1, after=key)
    following = encode_time_cursor(rows[limit - 1].created_at, rows[limit - 1].id) if len(rows) > limit else None
    return Page(items=await present(tx, rows[:limit]), next=following)


async def line_of(tx: Tx, actor: AgentActor, conversation_id: UUID) -> tuple[UUID, list[UUID]]:
    """The customer of a conversation the agent serves or has joined, and the agents on it, in one query: typing asks for it every second.

    Raises:
        ConversationNotFound: there is none, or it may not be seen.
        NotYours: somebody else serves it.
    """
    row = await ConversationRepository(tx, actor.enterprise_id).get(conversation_id)
    if row is None:
        raise ConversationNotFound
    joined = actor.may(JOIN) and actor.agent_id in row.joined_ids and row.status != Status.ENDED
    if row.assignee_id != actor.agent_id and not joined:
        await visible(tx, actor, conversation_id)
        raise NotYours
    return row.customer_id, _agents_on(row)


async def open_line(tx: Tx, actor: VisitorActor) -> tuple[UUID, list[UUID]] | None:
    """The visitor's open conversation and who serves or has joined it, in one query; None when there is none."""
    row = await ConversationRepository(tx, actor.enterprise_id).open_of_customer(actor.customer_id, actor.channel_id)
    if row is None:
        return None
    return row.id, _agents_on(row)


def _agents_on(row: ConversationRow) -> list[UUID]:
    return [*([row.assignee_id] if row.assignee_id is not None else []), *row.joined_ids]


async def list_own(tx: Tx, actor: VisitorActor, *, after: str | None = None) -> ConversationList:
    """A page of a visitor's conversations on this channel, newest first. Raises InvalidInput (a foreign cursor)."""
    key = decode_time_cursor(after) if after else None
    found = await ConversationRepository(tx, actor.enterprise_id).of_customer(
        actor.customer_id, channel_id=actor.channel_id, limit=EARLIER_SHOWN + 1, after=key
    )
    rows = found[:EARLIER_SHOWN]
    following = encode_time_cursor(rows[-1].created_at, rows[-1].id) if len(found) > len(rows) else None
    return ConversationList(items=[conversation.for_customer() for conversation in await present(tx, rows)], next=following)


async def messages(
    tx: Tx, actor: AgentActor, conversation_id: UUID, *, after_seq: int | None, before_seq: int | None, limit: int
) -> MessagePage:
    """Raises ConversationNotFound."""
    require(actor, SERVE)
    row = await visible(tx, actor, conversation_id)
    return await _messages(tx, row, after_seq, before_seq, limit)


async def messages_own(
    tx: Tx, actor: VisitorActor, conversation_id: UUID, *, after_seq: int | None, before_seq: int | None, limit: int
) -> MessagePage:
    """Raises ConversationNotFound."""
    row = await own(tx, actor, conversation_id)
    page = await _messages(tx, row, after_seq, before_seq, limit)
    return page.model_copy(update={"items": [message.for_customer() for message in page.items]})


async def _messages(tx: Tx, row: ConversationRow, after_seq: int | None, before_seq: int | None, limit: int) -> MessagePage:
    limit = min(limit, MAX_PAGE)
    found = await MessageRepository(tx, tx.enterprise_id).page(row.id, after_seq=after_seq, before_seq=before_seq, limit=limit)
    items = [present_message(message, fate) for message, fate in found]
    head = max(row.head, items[-1].seq if items else 0)
    more = bool(items) and (items[-1].seq < head if after_seq is not None else items[0].seq > 1)
    return MessagePage(items=items, head=head, more=more)


async def context(tx: Tx, actor: AgentActor, conversation_id: UUID) -> Context:
    """Who the customer is. Raises ConversationNotFound."""
    require(actor, SERVE)
    row = await visible(tx, actor, conversation_id)
    earlier = await ConversationRepository(tx, actor.enterprise_id).earlier(await sight_of(tx, actor), row, limit=EARLIER_SHOWN)
    return Context(
        customer=await customers.card(tx, row.customer_id),
        visit=await visitors.latest_visit(tx, customer_id=row.customer_id),
        pages=await visitors.latest_track(tx, customer_id=row.customer_id),
        earlier=await present(tx, earlier),
    )


async def mark_read(tx: Tx, actor: AgentActor, conversation_id: UUID, seq: int) -> None:
    """The agent who serves a conversation has read up to `seq`; what others look at changes nothing.

    Raises ConversationNotFound.
    """
    require(actor, SERVE)
    row = await visible(tx, actor, conversation_id)
    if row.assignee_id == actor.agent_id:
        await _mark_read(tx, row, SenderKind.AGENT, seq)


async def mark_read_own(tx: Tx, actor: VisitorActor, conversation_id: UUID, seq: int) -> None:
    """Raises ConversationNotFound."""
    await _mark_read(tx, await own(tx, actor, conversation_id), SenderKind.CUSTOMER, seq)


async def _mark_read(tx: Tx, row: ConversationRow, side: SenderKind, seq: int) -> None:
    # Under the lock that writers take: a message stored between counting and writing the count would not be in it.
    row = await locked(tx, row)
    seq = min(seq, row.head)
    if seq <= (row.customer_read_seq if side is SenderKind.CUSTOMER else row.agent_read_seq):
        return
    await ConversationRepository(tx, tx.enterprise_id).mark_read(row, side, seq)
    tx.emit(
        ConversationRead(
            enterprise_id=tx.enterprise_id,
            conversation_id=row.id,
            customer_id=row.customer_id,
            assignee_id=row.assignee_id,
            joined_ids=tuple(row.joined_ids),
            waiting=row.status == Status.WAITING,
            side=side,
            seq=seq,
        )
    )


async def file(tx: Tx, actor: AgentActor, conversation_id: UUID, file_id: UUID) -> Stored:
    """A picture or file of a conversation the agent may see now. Raises NotFound, FileExpired."""
    require(actor, SERVE)
    row = await visible(tx, actor, conversation_id)
    return await files.find_attached(tx, conversation_id=row.id, file_id=file_id)


async def file_own(tx: Tx, actor: VisitorActor, file_id: UUID) -> Stored:
    """A picture or file of one of the visitor's own conversations. Raises NotFound, FileExpired."""
    row = await own(tx, actor, await files.conversation_of(tx, file_id))
    return await files.find_attached(tx, conversation_id=row.id, file_id=file_id)


async def file_link(
    tx: Tx, actor: AgentActor, conversation_id: UUID, file_id: UUID, *, sealer: Sealer, origin: str, download: bool
) -> FileLink:
    """A signed address of a file of a conversation the agent may see now. Raises NotFound, FileExpired."""
    require(actor, SERVE)
    row = await visible(tx, actor, conversation_id)
    return await files.make_link(tx, sealer=sealer, origin=origin, conversation_id=row.id, file_id=file_id, download=download)


async def file_link_own(tx: Tx, actor: VisitorActor, file_id: UUID, *, sealer: Sealer, origin: str, download: bool) -> FileLink:
    """A signed address of a file of one of the visitor's own conversations. Raises NotFound, FileExpired."""
    row = await own(tx, actor, await files.conversation_of(tx, file_id))
    return await files.make_link(tx, sealer=sealer, origin=origin, conversation_id=row.id, file_id=file_id, download=download)
