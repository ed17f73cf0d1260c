"""What is counted of today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, case, exists, func, or_, select, text

from qiatan.infra.db import Tx
from qiatan.modules.conversations.contracts import Satisfaction, Status
from qiatan.modules.conversations.models import ConversationRow, EvaluationRow
from qiatan.modules.conversations.permissions import VIEW_COLLEAGUES
from qiatan.modules.conversations.repository.conversations import Sight

Row = ConversationRow
MAX_TEAM = 2_000

# Who wrote it, wherever the conversation went. One that only one agent served or wrote in is not gone through message by message.
_WRITTEN = text("""
    SELECT agent_id, sum(messages)::int AS messages
      FROM (
        SELECT agent_ids[1] AS agent_id, agent_messages AS messages
          FROM conversations
         WHERE enterprise_id = :enterprise AND created_at >= :since AND cardinality(agent_ids) = 1
        UNION ALL
        SELECT m.sender_id, CASE m.kind WHEN 'withdrawal' THEN -1 ELSE 1 END
          FROM conversations v JOIN messages m ON m.enterprise_id = v.enterprise_id AND m.conversation_id = v.id
         WHERE v.enterprise_id = :enterprise AND v.created_at >= :since AND cardinality(v.agent_ids) > 1
           AND m.sender_kind = 'agent' AND m.kind NOT IN ('edit', 'note') AND NOT (m.kind = 'withdrawal' AND m.data ? 'note')
      ) AS written
     WHERE CAST(:agents AS uuid[]) IS NULL OR agent_id = ANY(CAST(:agents AS uuid[]))
     GROUP BY agent_id HAVING sum(messages) > 0
     ORDER BY messages DESC, agent_id LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Tally:
    """The conversations that began since a moment: those an agent was the last to serve, and what the agent wrote in any. Times in seconds."""

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
        """Of the actor and the colleagues in sight, the busiest first; nobody without a conversation or a message."""
        begins = func.greatest(Row.first_customer_at, Row.assigned_at)
        # Who was given a conversation that somebody else had answered did not answer it first.
        answered = and_(Row.first_customer_at.is_not(None), Row.assigned_at.is_not(None), Row.replied_at >= begins)
        seconds = case((answered, func.extract("epoch", Row.replied_at - begins)))
        count = func.count()
        query = (
            select(
                Row.assignee_id,
                count,
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
        written = await self._written(sight, since)
        served = [
            Tally(agent_id, conversations, written.pop(agent_id, 0), _number(median), _number(mean), evaluated, good)
            for agent_id, conversations, median, mean, evaluated, good in await self._session.execute(query)
            if agent_id is not None
        ]
        helped = [Tally(agent_id, 0, messages, None, None, 0, 0) for agent_id, messages in written.items()]
        return [*served, *helped][:MAX_TEAM]

    async def _written(self, sight: Sight, since: datetime) -> dict[UUID, int]:
        """How many messages to customers these agents wrote, most first; nobody without one."""
        seen = frozenset() if not sight.actor.may(VIEW_COLLEAGUES) else sight.colleagues
        agents = None if seen is None else [sight.actor.agent_id, *seen]
        values = {"enterprise": self._enterprise_id, "since": since, "agents": agents, "limit": MAX_TEAM}
        return {found.agent_id: found.messages for found in await self._session.execute(_WRITTEN, values)}

    async def answered_once(self) -> bool:
        """Whether anybody of the enterprise has ever answered a customer."""
        query = select(exists().where(Row.enterprise_id == self._enterprise_id, Row.replied_at.is_not(None)))
        return bool((await self._session.execute(query)).scalar_one())


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))
