"""Another text for a message: a new entry that points at it; the first one stays as it is."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.kit.text import check_text
from qiatan.modules.conversations.contracts import MAX_TEXT, Ack, EditMessage, MessageKind, SenderKind
from qiatan.modules.conversations.errors import ConversationNotFound, TooLateToEdit, TooManyEdits
from qiatan.modules.conversations.permissions import JOIN, SERVE
from qiatan.modules.conversations.repository import MentionRepository, MessageRepository
from qiatan.modules.conversations.rules import MAX_EDITS, check_edit, preview
from qiatan.modules.conversations.service.finding import locked, visible
from qiatan.modules.conversations.service.writing import write


async def edit(tx: Tx, actor: AgentActor, conversation_id: UUID, seq: int, body: EditMessage) -> Ack:
    """An agent changes the text of an own message or note; a repeat returns the first result.

    Raises:
        InvalidInput (the text, or `seq`: it has none of its own), ConversationNotFound: no such conversation or message.
        NotAllowed: somebody else wrote it.
        TooLateToEdit: older than 15 minutes, or withdrawn.
        TooManyEdits: it was changed 20 times.
        ConversationEnded, NotYours: as for sending.
    """
    require(actor, SERVE)
    check_text(body.text, field="text", limit=MAX_TEXT)
    row = await locked(tx, await visible(tx, actor, conversation_id))
    messages = MessageRepository(tx, actor.enterprise_id)
    repeat = await messages.find_repeat(actor.agent_id, body.client_message_id)
    if repeat is not None:
        return Ack(client_message_id=body.client_message_id, conversation_id=repeat.conversation_id, seq=repeat.seq, at=repeat.at)
    message = await messages.find(row.id, seq)
    if message is None:
        raise ConversationNotFound("There is no such message.")
    check_edit(
        kind=message.kind,
        sender_kind=message.sender_kind,
        sender_id=message.sender_id,
        at=message.at,
        by_id=actor.agent_id,
        now=tx.now,
    )
    if await messages.withdrawn(row.id, seq):
        raise TooLateToEdit
    if await messages.edits(row.id, seq) >= MAX_EDITS:
        raise TooManyEdits
    is_note = message.kind == MessageKind.NOTE
    ack = await write(
        tx,
        row.id,
        kind=MessageKind.EDIT,
        sender_kind=SenderKind.AGENT,
        sender_id=actor.agent_id,
        client_message_id=body.client_message_id,
        text=body.text,
        data={"seq": seq, "note": True} if is_note else {"seq": seq},
        ref_seq=seq,
        # A note is changed by whoever wrote it, who need not serve or have joined.
        must_serve=not is_note,
        may_join=actor.may(JOIN),
    )
    if is_note:
        await MentionRepository(tx, actor.enterprise_id).rename(row.id, seq, preview(body.text))
    return ack
