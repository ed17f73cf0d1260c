"""Reading messages."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import aliased

from qiatan.infra.db import Tx
from qiatan.modules.conversations.models import MessageRow

Read = tuple[MessageRow, int | None]
"""A message and, if it was withdrawn, the seq of its withdrawal."""


class MessageRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def page(self, conversation_id: UUID, *, after_seq: int | None, before_seq: int | None, limit: int) -> Sequence[Read]:
        """Messages in seq order: the first ones after `after_seq`, or the last ones before `before_seq` (or of all)."""
        withdrawal = aliased(MessageRow)
        query = (
            select(MessageRow, withdrawal.seq)
            .outerjoin(
                withdrawal,
                (withdrawal.enterprise_id == MessageRow.enterprise_id)
                & (withdrawal.conversation_id == MessageRow.conversation_id)
                & (withdrawal.ref_seq == MessageRow.seq),
            )
            .where(MessageRow.enterprise_id == self._enterprise_id, MessageRow.conversation_id == conversation_id)
            .limit(limit)
        )
        if after_seq is not None:
            rows = await self._session.execute(query.where(MessageRow.seq > after_seq).order_by(MessageRow.seq))
            return [(row, seq) for row, seq in rows]
        if before_seq is not None:
            query = query.where(MessageRow.seq < before_seq)
        rows = await self._session.execute(query.order_by(MessageRow.seq.desc()))
        return [(row, seq) for row, seq in rows][::-1]

    async def find(self, conversation_id: UUID, seq: int) -> MessageRow | None:
        return await self._session.get(MessageRow, (self._enterprise_id, conversation_id, seq))

    async def withdrawn(self, conversation_id: UUID, seq: int) -> bool:
        query = select(MessageRow.seq).where(
            MessageRow.enterprise_id == self._enterprise_id,
            MessageRow.conversation_id == conversation_id,
            MessageRow.ref_seq == seq,
        )
        return (await self._session.execute(query)).first() is not None

    async def find_repeat(self, sender_id: UUID, client_message_id: UUID) -> MessageRow | None:
        """The first result of a send that is tried again, whatever conversation it went to."""
        query = select(MessageRow).where(
            MessageRow.enterprise_id == self._enterprise_id,
            MessageRow.sender_id == sender_id,
            MessageRow.client_message_id == client_message_id,
        )
        return (await self._session.execute(query)).scalar_one_or_none()
