"""What customers said of conversations."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from qiatan.infra.db import Tx, is_one_of
from qiatan.modules.conversations.contracts import Evaluation, MessageKind, Satisfaction
from qiatan.modules.conversations.models import EvaluationRow, MessageRow

Segments = list[dict[str, str]]


class EvaluationRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def of(self, conversation_ids: Collection[UUID]) -> dict[UUID, Evaluation]:
        """By conversation; those that nobody has evaluated are missing."""
        if not conversation_ids:
            return {}
        query = select(EvaluationRow.conversation_id, EvaluationRow.level, EvaluationRow.remark, EvaluationRow.at).where(
            EvaluationRow.enterprise_id == self._enterprise_id, is_one_of(EvaluationRow.conversation_id, conversation_ids)
        )
        rows = await self._session.execute(query)
        return {found: Evaluation(level=Satisfaction(level), remark=remark, at=at) for found, level, remark, at in rows}

    async def save(self, conversation_id: UUID, *, level: Satisfaction, remark: str, segments: Segments, now: datetime) -> None:
        """Write what is said now in the place of what was said before."""
        changes = {"level": level.value, "remark": remark, "segments": segments, "at": now}
        first = insert(EvaluationRow).values(enterprise_id=self._enterprise_id, conversation_id=conversation_id, first_at=now, **changes)
        # A clock that was set back meanwhile must not make what is said now earlier than what was said first.
        again = {**changes, "at": func.greatest(EvaluationRow.first_at, now)}
        await self._session.execute(first.on_conflict_do_update(index_elements=["enterprise_id", "conversation_id"], set_=again))

    async def set_segments(self, conversation_id: UUID, segments: Segments) -> None:
        await self._session.execute(
            update(EvaluationRow)
            .where(EvaluationRow.enterprise_id == self._enterprise_id, EvaluationRow.conversation_id == conversation_id)
            .values(segments=segments)
            .execution_options(synchronize_session=False)
        )

    async def segments(self, conversation_id: UUID) -> Segments:
        """Who has served a conversation from when, in that order, as its own events tell it."""
        name = MessageRow.data["name"].astext
        query = (
            select(MessageRow.data["agent_id"].astext, MessageRow.at)
            .where(
                MessageRow.enterprise_id == self._enterprise_id,
                MessageRow.conversation_id == conversation_id,
                MessageRow.kind == MessageKind.EVENT,
                name.in_(("assigned", "transferred")),
            )
            .order_by(MessageRow.seq)
        )
        return [{"agent_id": agent_id, "since": at.isoformat()} for agent_id, at in await self._session.execute(query)]
