"""Answering a certain message: the answer points at it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.errors import InvalidInput
from qiatan.modules.conversations.repository import MessageRepository
from qiatan.modules.conversations.rules import may_be_answered


async def reply_data(tx: Tx, conversation_id: UUID, reply_to: int | None, *, by_note: bool = False) -> dict[str, Any]:
    """What a message's data says of the one it answers; nothing when it answers none.

    Raises:
        InvalidInput: `reply_to` is not a message that a person wrote in this conversation (a note, for what is no note itself).
    """
    if reply_to is None:
        return {}
    message = await MessageRepository(tx, tx.enterprise_id).find(conversation_id, reply_to)
    if message is None or not may_be_answered(message.kind, by_note=by_note):
        raise InvalidInput.of("reply_to", "invalid", "Answer a message that a person wrote in this conversation, or none.")
    return {"reply_to": {"seq": reply_to}}
