"""Sending as an ordinary transaction: what is not a plain text on a socket, and a visitor's first message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.infra.throttle import Rate, Throttle
from qiatan.kit.access import AgentActor, VisitorActor, require
from qiatan.kit.rich_text import checked, plain_text, stored
from qiatan.modules.conversations.contracts import Ack, MessageKind, SenderKind, SendMessage
from qiatan.modules.conversations.errors import ConversationEnded, TryAgain
from qiatan.modules.conversations.events import ConversationChanged
from qiatan.modules.conversations.permissions import JOIN, SERVE
from qiatan.modules.conversations.repository import ConversationRepository, MessageRepository
from qiatan.modules.conversations.rules import check_content, picture_holder
from qiatan.modules.conversations.service.answering import reply_data
from qiatan.modules.conversations.service.finding import visible
from qiatan.modules.conversations.service.present import present_one
from qiatan.modules.conversations.service.writing import write
from qiatan.modules.customers import service as customers
from qiatan.modules.files import service as files
from qiatan.modules.pictures import service as pictures

AGENT_MESSAGES = Rate(burst=60, per_minute=600)
"""What one agent sends, changes and takes back, by whatever door: a script that runs away must not use up what its enterprise may send."""
_OPENING_TRIES = 3


def send_key(sender_id: UUID) -> str:
    """By what somebody's messages are counted, at every door."""
    return f"send:{sender_id}"


def check_rate(throttle: Throttle, actor: AgentActor) -> None:
    """Raises TooMany: the agent writes more than one agent may, by HTTP and by sockets together."""
    throttle.check(send_key(actor.agent_id), AGENT_MESSAGES)


async def send(tx: Tx, actor: AgentActor, conversation_id: UUID, message: SendMessage) -> Ack:
    """An agent writes into a conversation they serve or have joined. A repeat returns the first result.

    Raises:
        InvalidInput (also `reply_to`), ConversationNotFound, ConversationEnded, NotYours, FileNotFound: nothing was written.
    """
    require(actor, SERVE)
    check_content(message.kind, message.text, message.file_id, message.document)
    row = await visible(tx, actor, conversation_id)
    first = await _first_result(tx, actor.agent_id, message)
    return first if first is not None else await _write(tx, actor, row.id, message)


async def send_own(tx: Tx, actor: VisitorActor, message: SendMessage, *, may_open: Callable[[], None] | None = None) -> Ack:
    """A visitor writes: into the open conversation, or the message opens a new one.

    `may_open` is asked before a conversation is opened, and refuses by raising. A repeat of a message that went into a conversation which has ended since returns that first result.

    Raises:
        InvalidInput, FileNotFound: nothing was written.
        TryAgain: conversations were opened and ended under our hands; sending again is safe.
    """
    check_content(message.kind, message.text, message.file_id, message.document, by_customer=True)
    first = await _first_result(tx, actor.customer_id, message)
    if first is not None:
        return first
    repository = ConversationRepository(tx, actor.enterprise_id)
    for _ in range(_OPENING_TRIES):
        current = await repository.open_of_customer(actor.customer_id, actor.channel_id)
        if current is None:
            if may_open is not None:
                may_open()
            conversation_id = new_id()
            if await repository.open(conversation_id, actor.customer_id, actor.channel_id, tx.now):
                return await _open_with(tx, actor, conversation_id, message)
            continue
        try:
            return await _write(tx, actor, current.id, message)
        except ConversationEnded:
            tx.session.expire(current)
    raise TryAgain(retry_after=1)


async def _first_result(tx: Tx, sender_id: UUID, message: SendMessage) -> Ack | None:
    """What a send that is tried again was answered; asked before a file is attached or a quoted message looked for, which may be gone."""
    first = await MessageRepository(tx, tx.enterprise_id).find_repeat(sender_id, message.client_message_id)
    if first is None:
        return None
    return Ack(client_message_id=message.client_message_id, conversation_id=first.conversation_id, seq=first.seq, at=first.at)


async def _open_with(tx: Tx, actor: VisitorActor, conversation_id: UUID, message: SendMessage) -> Ack:
    # Asked after the row that waits for the customer's lock is there: who was put on the blacklist meanwhile opens nothing.
    await customers.require_welcome(tx, customer_id=actor.customer_id)
    # What it answers lies in an earlier conversation; the message itself must not be lost for that.
    ack = await _write(tx, actor, conversation_id, message.model_copy(update={"reply_to": None}))
    row = await ConversationRepository(tx, actor.enterprise_id).get(conversation_id, lock=True)
    if row is not None:
        conversation = await present_one(tx, row)
        tx.emit(ConversationChanged(enterprise_id=actor.enterprise_id, what="opened", conversation=conversation))
    return ack


async def _write(tx: Tx, actor: AgentActor | VisitorActor, conversation_id: UUID, message: SendMessage) -> Ack:
    data = await reply_data(tx, conversation_id, message.reply_to)
    if message.file_id is not None:
        data |= await _attached(tx, actor, conversation_id, message, message.file_id)
    text = message.text if message.kind is MessageKind.TEXT else None
    if message.document is not None:
        document = await pictures.settled(tx, checked(message.document))
        await pictures.hold(tx, holder_id=picture_holder(conversation_id, message.client_message_id), document=document)
        data["document"], text = stored(document), plain_text(document) or None
    by_agent = isinstance(actor, AgentActor)
    return await write(
        tx,
        conversation_id,
        kind=message.kind,
        sender_kind=SenderKind.AGENT if by_agent else SenderKind.CUSTOMER,
        sender_id=actor.agent_id if isinstance(actor, AgentActor) else actor.customer_id,
        client_message_id=message.client_message_id,
        text=text,
        data=data or None,
        shown=str(data["name"]) if message.kind is MessageKind.FILE else None,
        must_serve=by_agent,
        may_join=isinstance(actor, AgentActor) and actor.may(JOIN),
    )


async def _attached(tx: Tx, actor: AgentActor | VisitorActor, conversation_id: UUID, message: SendMessage, file_id: UUID) -> dict[str, Any]:
    """What the message says of its picture or file, which goes into the conversation with it."""
    place = {"file_id": file_id, "conversation_id": conversation_id, "client_message_id": message.client_message_id}
    if message.kind is MessageKind.FILE:
        kept = await files.attach_file(tx, actor, **place)
        return {"file_id": str(kept.id), **kept.model_dump(mode="json", exclude={"id"})}
    picture = await files.attach(tx, actor, **place)
    return {"file_id": str(picture.id), **picture.model_dump(mode="json", exclude={"id"})}
