"""Appending to a conversation inside an ordinary transaction: pictures, events, withdrawals, first messages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.modules.conversations.contracts import Ack, Message, MessageKind, SenderKind
from qiatan.modules.conversations.errors import ConversationEnded, ConversationNotFound, NotYours
from qiatan.modules.conversations.events import MessagesAppended, event_data
from qiatan.modules.conversations.repository import Appended, ConversationRepository, NewMessage, append
from qiatan.modules.conversations.rules import preview
from qiatan.modules.conversations.service.announcing import announce

_REFUSALS = {"ended": ConversationEnded, "not_yours": NotYours, "missing": ConversationNotFound}


async def write(
    tx: Tx,
    conversation_id: UUID,
    *,
    kind: MessageKind,
    sender_kind: SenderKind,
    sender_id: UUID | None,
    client_message_id: UUID,
    text: str | None = None,
    data: dict[str, Any] | None = None,
    shown: str | None = None,
    ref_seq: int | None = None,
    must_serve: bool = False,
    may_join: bool = False,
) -> Ack:
    """Append one message and announce it; a repeat returns the first result and announces nothing.

    `shown`: what lists show of it instead of its text. `must_serve`: the sender must serve the conversation or, with `may_join`, have joined it.

    Raises:
        ConversationEnded, NotYours, ConversationNotFound: nothing was written.
    """
    message = NewMessage(
        o=0,
        e=tx.enterprise_id,
        c=conversation_id,
        sk=sender_kind,
        si=sender_id,
        m=client_message_id,
        k=kind,
        t=text,
        d=data,
        p=preview(shown or text),
        r=ref_seq,
        own=must_serve,
        j=may_join,
    )
    result = await append(tx, message)
    refusal = _REFUSALS.get(result.outcome)
    if refusal is not None or result.seq is None:
        raise refusal() if refusal else ConversationNotFound()
    if result.outcome == "stored":
        written = _announcement(message, result, result.seq)
        tx.emit(written)
        if sender_kind is SenderKind.AGENT and sender_id not in (None, result.assignee_id) and not written.messages[0].internal:
            await note_speaker(tx, result.conversation_id, sender_id)
    return Ack(client_message_id=client_message_id, conversation_id=result.conversation_id, seq=result.seq, at=result.at)


def _announcement(message: NewMessage, result: Appended, seq: int) -> MessagesAppended:
    if result.customer_id is None or result.waiting is None:
        raise ConversationNotFound
    written = Message(
        conversation_id=message.c,
        seq=seq,
        kind=MessageKind(message.k),
        sender_kind=SenderKind(message.sk),
        sender_id=message.si,
        client_message_id=message.m,
        at=result.at,
        text=message.t,
        data=message.d,
    )
    return MessagesAppended(
        enterprise_id=message.e,
        conversation_id=message.c,
        customer_id=result.customer_id,
        assignee_id=result.assignee_id,
        joined_ids=tuple(result.joined or ()),
        waiting=result.waiting,
        messages=(written,),
    )


async def note_speaker(tx: Tx, conversation_id: UUID, agent_id: UUID) -> None:
    """An agent who does not serve a conversation has written to its customer, who may know their name from now on."""
    repository = ConversationRepository(tx, tx.enterprise_id)
    row = await repository.get(conversation_id, lock=True)
    if row is not None and agent_id not in row.agent_ids:
        # Who serves it stays at the end.
        await repository.update(row, agent_ids=[*row.agent_ids[:-1], agent_id, *row.agent_ids[-1:]])
        await announce(tx, "changed", row)


async def write_event(tx: Tx, conversation_id: UUID, name: str, **details: Any) -> None:
    """Append a system event; it takes a seq like everything else."""
    await write(
        tx,
        conversation_id,
        kind=MessageKind.EVENT,
        sender_kind=SenderKind.SYSTEM,
        sender_id=None,
        client_message_id=new_id(),
        data=event_data(name, **details),
    )
