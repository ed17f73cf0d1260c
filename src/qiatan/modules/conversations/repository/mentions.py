"""Who was named in notes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from qiatan.infra.db import Tx
from qiatan.modules.conversations.models import ConversationRow, MentionRow
from qiatan.modules.conversations.repository.conversations import Sight, visible_to

Row = MentionRow
Key = tuple[bool, datetime, UUID, int]
"""(read, at, conversation, seq): the order of the list."""


class MentionRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def add(self, agent_ids: Collection[UUID], *, conversation_id: UUID, seq: int, by_id: UUID, preview: str, at: datetime) -> None:
        rows = [
            {
                "enterprise_id": self._enterprise_id,
                "agent_id": agent_id,
                "conversation_id": conversation_id,
                "seq": seq,
                "by_id": by_id,
                "preview": preview,
                "at": at,
            }
            for agent_id in agent_ids
        ]
        if rows:
            await self._session.execute(insert(Row).values(rows))

    async def page(self, sight: Sight, *, after: Key | None, limit: int) -> list[tuple[MentionRow, UUID]]:
        """(mention, customer) of an agent in conversations that may be seen, unread first, then newest first."""
        query = (
            select(Row, ConversationRow.customer_id)
            .join(ConversationRow, and_(ConversationRow.enterprise_id == Row.enterprise_id, ConversationRow.id == Row.conversation_id))
            .where(Row.enterprise_id == self._enterprise_id, Row.agent_id == sight.actor.agent_id, visible_to(sight))
        )
        if after is not None:
            read, at, conversation_id, seq = after
            later = or_(
                Row.at < at,
                and_(Row.at == at, Row.conversation_id > conversation_id),
                and_(Row.at == at, Row.conversation_id == conversation_id, Row.seq > seq),
            )
            here = and_(Row.read == read, later)
            query = query.where(here if read else or_(Row.read, here))
        query = query.order_by(Row.read, Row.at.desc(), Row.conversation_id, Row.seq).limit(limit)
        return [(row, customer_id) for row, customer_id in await self._session.execute(query)]

    async def mark_read(self, agent_id: UUID, conversation_id: UUID) -> bool:
        """Whether any was unread."""
        result = await self._session.execute(
            update(Row)
            .where(
                Row.enterprise_id == self._enterprise_id,
                Row.agent_id == agent_id,
                Row.conversation_id == conversation_id,
                Row.read.is_(False),
            )
            .values(read=True)
            .returning(Row.seq)
            .execution_options(synchronize_session=False)
        )
        return bool(result.all())

    async def rename(self, conversation_id: UUID, seq: int, preview: str) -> None:
        """The note reads otherwise now."""
        here = and_(Row.enterprise_id == self._enterprise_id, Row.conversation_id == conversation_id, Row.seq == seq)
        await self._session.execute(update(Row).where(here).values(preview=preview).execution_options(synchronize_session=False))

    async def forget(self, conversation_id: UUID, seq: int) -> None:
        """The note was withdrawn."""
        here = and_(Row.enterprise_id == self._enterprise_id, Row.conversation_id == conversation_id, Row.seq == seq)
        await self._session.execute(delete(Row).where(here).execution_options(synchronize_session=False))
