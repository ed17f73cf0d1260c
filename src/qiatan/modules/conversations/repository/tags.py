"""Queries on the tags of conversations, and on whose customers an agent sees."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on

from qiatan.infra.db import Tx, is_one_of
from qiatan.modules.conversations.models import ConversationRow, ConversationTagRow
from qiatan.modules.conversations.repository.conversations import Sight, visible_to

Row = ConversationTagRow


class ConversationTagRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def of(self, conversation_ids: Collection[UUID]) -> dict[UUID, set[UUID]]:
        """The tags on each of these conversations; what has none is absent."""
        query = select(Row.conversation_id, Row.tag_id).where(
            Row.enterprise_id == self._enterprise_id, is_one_of(Row.conversation_id, conversation_ids)
        )
        found: dict[UUID, set[UUID]] = {}
        for conversation_id, tag_id in await self._session.execute(query):
            found.setdefault(conversation_id, set()).add(tag_id)
        return found

    async def set(self, conversation_id: UUID, tag_ids: Collection[UUID], now: datetime) -> None:
        """These and no others; what was there keeps its time. The conversation's row is locked."""
        there = (await self.of({conversation_id})).get(conversation_id, set())
        gone = there - set(tag_ids)
        if gone:
            await self._session.execute(
                delete(Row).where(Row.enterprise_id == self._enterprise_id, Row.conversation_id == conversation_id, Row.tag_id.in_(gone))
            )
        fresh = [
            {"enterprise_id": self._enterprise_id, "conversation_id": conversation_id, "tag_id": tag_id, "at": now}
            for tag_id in tag_ids
            if tag_id not in there
        ]
        if fresh:
            await self._session.execute(insert(Row), fresh)

    async def uses(self) -> dict[UUID, int]:
        """On how many conversations each tag hangs; unused ones are absent."""
        query = select(Row.tag_id, func.count()).where(Row.enterprise_id == self._enterprise_id).group_by(Row.tag_id)
        return dict((await self._session.execute(query)).all())

    def seeing(self, sight: Sight) -> Callable[[ColumnElement[UUID]], ColumnElement[bool]]:
        """Whether the agent may see one of a customer's conversations, as a condition on the customer's id."""

        def condition(customer_id: ColumnElement[UUID]) -> ColumnElement[bool]:
            theirs = ConversationRow.enterprise_id == self._enterprise_id, ConversationRow.customer_id == customer_id
            return exists(select(ConversationRow.id).where(*theirs, visible_to(sight)))

        return condition

    async def seen_customers(self, sight: Sight, customer_ids: Collection[UUID]) -> dict[UUID, UUID]:
        """Of these customers those one of whose conversations the agent may see, each with the newest such conversation."""
        query = (
            select(ConversationRow.customer_id, ConversationRow.id)
            .where(
                ConversationRow.enterprise_id == self._enterprise_id,
                is_one_of(ConversationRow.customer_id, customer_ids),
                visible_to(sight),
            )
            .ext(distinct_on(ConversationRow.customer_id))
            .order_by(ConversationRow.customer_id, ConversationRow.created_at.desc(), ConversationRow.id.desc())
        )
        return dict((await self._session.execute(query)).all()) if customer_ids else {}

    async def sees_customer(self, sight: Sight, customer_id: UUID) -> bool:
        """Whether the agent may see one of the customer's conversations."""
        query = select(ConversationRow.id).where(
            ConversationRow.enterprise_id == self._enterprise_id, ConversationRow.customer_id == customer_id, visible_to(sight)
        )
        return (await self._session.execute(query.limit(1))).first() is not None
