"""Taking a message back within two minutes."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, VisitorActor, require
from qiatan.modules.conversations.contracts import Ack, MessageKind, SenderKind, Status
from qiatan.modules.conversations.errors import ConversationNotFound, TooLate
from qiatan.modules.conversations.models import ConversationRow
from qiatan.modules.conversations.permissions import JOIN, SERVE
from qiatan.modules.conversations.repository import ConversationRepository, MentionRepository, MessageRepository
from qiatan.modules.conversations.rules import empty_until, may_withdraw, picture_holder
from qiatan.modules.conversations.service.announcing import announce
from qiatan.modules.conversations.service.finding import locked, own, visible
from qiatan.modules.conversations.service.writing import write
from qiatan.modules.files import service as files
from qiatan.modules.pictures import service as pictures


async def withdraw(tx: Tx, actor: AgentActor, conversation_id: UUID, seq: int, client_message_id: UUID) -> Ack:
    """An agent takes back an own message or note.

    Raises:
        ConversationNotFound: no such conversation or message.
        TooLate: older than two minutes, or somebody else's.
        ConversationEnded, NotYours: as for sending.
    """
    require(actor, SERVE)
    row = await visible(tx, actor, conversation_id)
    return await _withdraw(tx, row, SenderKind.AGENT, actor.agent_id, seq, client_message_id, may_join=actor.may(JOIN))


async def withdraw_own(tx: Tx, actor: VisitorActor, conversation_id: UUID, seq: int, client_message_id: UUID) -> Ack:
    """A visitor takes back an own message. Errors as `withdraw`."""
    row = await own(tx, actor, conversation_id)
    return await _withdraw(tx, row, SenderKind.CUSTOMER, actor.customer_id, seq, client_message_id)


async def _withdraw(
    tx: Tx, row: ConversationRow, side: SenderKind, sender_id: UUID, seq: int, client_message_id: UUID, *, may_join: bool = False
) -> Ack:
    await locked(tx, row)
    repository = MessageRepository(tx, tx.enterprise_id)
    repeat = await repository.find_repeat(sender_id, client_message_id)
    if repeat is not None:
        return Ack(client_message_id=client_message_id, conversation_id=repeat.conversation_id, seq=repeat.seq, at=repeat.at)
    message = await repository.find(row.id, seq)
    if message is None:
        raise ConversationNotFound("There is no such message.")
    allowed = may_withdraw(
        kind=message.kind,
        sender_kind=message.sender_kind,
        sender_id=message.sender_id,
        at=message.at,
        by_kind=side,
        by_id=sender_id,
        now=tx.now,
    )
    if not allowed or await repository.withdrawn(row.id, seq):
        raise TooLate
    is_note = message.kind == MessageKind.NOTE
    ack = await write(
        tx,
        row.id,
        kind=MessageKind.WITHDRAWAL,
        sender_kind=side,
        sender_id=sender_id,
        client_message_id=client_message_id,
        data={"ref_seq": seq, "note": True} if is_note else {"ref_seq": seq},
        ref_seq=seq,
        # A note is withdrawn by whoever wrote it, who need not serve or have joined.
        must_serve=side is SenderKind.AGENT and not is_note,
        may_join=may_join,
    )
    if is_note:
        await MentionRepository(tx, tx.enterprise_id).forget(row.id, seq)
    if message.kind in (MessageKind.PICTURE, MessageKind.FILE) and message.data is not None:
        await files.remove_attached(tx, conversation_id=row.id, file_id=UUID(str(message.data["file_id"])))
    if message.kind == MessageKind.RICH and message.client_message_id is not None:
        await pictures.forget(tx, holder_id=picture_holder(row.id, message.client_message_id))
    if not is_note:
        await _reckon(tx, row.id)
    return ack


async def _reckon(tx: Tx, conversation_id: UUID) -> None:
    """By what is left, not by what was there once, customers were answered and wait for an answer."""
    conversations, messages = ConversationRepository(tx, tx.enterprise_id), MessageRepository(tx, tx.enterprise_id)
    row = await conversations.get(conversation_id, lock=True)
    if row is None:
        return
    left = {
        "first_customer_at": await messages.first_of_customer(row.id),
        "replied_at": await messages.first_answer(row.id),
        "unanswered_since": await messages.unanswered_since(row.id),
    }
    if row.status == Status.WAITING and row.customer_messages == 0:
        left["idle_due_at"] = empty_until(tx.now)
    if any(getattr(row, name) != value for name, value in left.items()):
        await conversations.update(row, **left)
        await announce(tx, "changed", row)
