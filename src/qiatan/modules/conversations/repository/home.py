"""What is counted of today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, case, exists, func, or_, select

from qiatan.infra.db import Tx
from qiatan.modules.conversations.contracts import Satisfaction, Status
from qiatan.modules.conversations.models import ConversationRow, EvaluationRow
from qiatan.modules.conversations.repository.conversations import Sight

Row = ConversationRow
MAX_TEAM = 2_000


@dataclass(frozen=True, slots=True)
class Tally:
    """The conversations that began since a moment, of one agent. Times in seconds."""

    agent_id: UUID
    conversations: int
    messages: int
    median: float | None
    mean: float | None
    evaluated: int
    good: int


class HomeRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def open_of(self, agent_id: UUID) -> tuple[int, int]:
        """What an agent serves now, and how much of it waits for an answer."""
        query = select(func.count(), func.count(Row.unanswered_since)).where(
            Row.enterprise_id == self._enterprise_id, Row.assignee_id == agent_id, Row.status == Status.ACTIVE
        )
        count, unanswered = (await self._session.execute(query)).one()
        return count, unanswered

    async def waiting(self) -> int:
        query = select(func.count()).where(Row.enterprise_id == self._enterprise_id, Row.status == Status.WAITING)
        return (await self._session.execute(query)).scalar_one()

    async def ended_of(self, agent_id: UUID, since: datetime) -> int:
        query = select(func.count()).where(
            Row.enterprise_id == self._enterprise_id, Row.status == Status.ENDED, Row.assignee_id == agent_id, Row.ended_at >= since
        )
        return (await self._session.execute(query)).scalar_one()

    async def tallies(self, sight: Sight, since: datetime) -> list[Tally]:
        """Of the actor and the colleagues in sight, the busiest first; nobody without a conversation."""
        begins = func.greatest(Row.first_customer_at, Row.assigned_at)
        # Who was given a conversation that somebody else had answered did not answer it first.
        answered = and_(Row.first_customer_at.is_not(None), Row.assigned_at.is_not(None), Row.replied_at >= begins)
        seconds = case((answered, func.extract("epoch", Row.replied_at - begins)))
        count = func.count()
        query = (
            select(
                Row.assignee_id,
                count,
                func.sum(Row.agent_messages),
                func.percentile_cont(0.5).within_group(seconds),
                func.avg(seconds),
                func.count(EvaluationRow.level),
                count.filter(EvaluationRow.level == Satisfaction.GOOD.value),
            )
            .outerjoin(EvaluationRow, and_(EvaluationRow.enterprise_id == Row.enterprise_id, EvaluationRow.conversation_id == Row.id))
            .where(Row.enterprise_id == self._enterprise_id, Row.created_at >= since, Row.assignee_id.is_not(None))
            .where(or_(Row.assignee_id == sight.actor.agent_id, sight.colleagues_condition()))
            .group_by(Row.assignee_id)
            .order_by(count.desc(), Row.assignee_id)
            .limit(MAX_TEAM)
        )
        return [
            Tally(agent_id, conversations, int(messages), _number(median), _number(mean), evaluated, good)
            for agent_id, conversations, messages, median, mean, evaluated, good in await self._session.execute(query)
            if agent_id is not None
        ]

    async def answered_once(self) -> bool:
        """Whether anybody of the enterprise has ever answered a customer."""
        query = select(exists().where(Row.enterprise_id == self._enterprise_id, Row.replied_at.is_not(None)))
        return bool((await self._session.execute(query)).scalar_one())


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))
