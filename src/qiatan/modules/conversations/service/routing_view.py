"""What routing must know of conversations."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select

from qiatan.infra.db import Tx
from qiatan.modules.conversations.contracts import Routed, Status
from qiatan.modules.conversations.models import ConversationRow
from qiatan.modules.conversations.repository import ConversationRepository, counters, for_routing, system
from qiatan.modules.conversations.rules import STANDS_AFTER, stands

ANSWER_STANDS_AFTER = STANDS_AFTER


async def routed(tx: Tx, conversation_id: UUID, *, lock: bool = False) -> Routed | None:
    """What routing must know of one conversation, on request under its lock; None when there is none."""
    row = await ConversationRepository(tx, tx.enterprise_id).get(conversation_id, lock=lock)
    return None if row is None else _routed(row)


async def last_served_by(tx: Tx, customer_id: UUID, *, since: datetime) -> UUID | None:
    """Who served the customer last (F21), by the end of the conversation; None when that was before `since`, or never."""
    return await ConversationRepository(tx, tx.enterprise_id).last_ended_of(customer_id, since=since)


async def held_waiting(tx: Tx, agent_id: UUID) -> list[UUID]:
    """What an agent serves whose customer waits for an answer, the longest first."""
    return await ConversationRepository(tx, tx.enterprise_id).unanswered_ids(agent_id)


def _routed(row: ConversationRow) -> Routed:
    return Routed(
        id=row.id,
        customer_id=row.customer_id,
        channel_id=row.channel_id,
        status=Status(row.status),
        assignee_id=row.assignee_id,
        agent_ids=tuple(row.agent_ids),
        created_at=row.created_at,
        waiting_since=row.waiting_since,
        assigned_at=row.assigned_at,
        first_customer_at=row.first_customer_at,
        replied_at=row.replied_at,
        unanswered_since=row.unanswered_since,
        customer_messages=row.customer_messages,
    )


async def waiting_besides(tx: Tx, known: Select[UUID], limit: int) -> list[tuple[UUID, datetime]]:
    """(conversation, since when) of those who wait and are not among the ids that `known` selects, the longest first."""
    return await for_routing.waiting_besides(tx, known, limit)


async def enterprises_waiting_besides(tx: Tx, known: Callable[[for_routing.Column, for_routing.Column], ColumnElement[bool]]) -> list[UUID]:
    """Where somebody waits for whom `known(enterprise, conversation)` does not hold. Needs the system role."""
    return await for_routing.enterprises_waiting_besides(tx, known)


async def ended_among(tx: Tx, conversation_ids: Collection[UUID]) -> list[UUID]:
    """Which of these have ended."""
    return await for_routing.ended_among(tx, conversation_ids) if conversation_ids else []


async def answered_or_ended(tx: Tx, conversations: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], bool]:
    """Which of these (enterprise, conversation) were answered by a person, or have ended, and whether for good: an answer of the last
    minutes may still be taken back. Needs the system role.
    """
    return await for_routing.answered_or_ended(tx, conversations) if conversations else {}


def answered_for_good(tx: Tx, routed: Routed) -> bool:
    """Whether a person has answered and cannot take it back any more."""
    return stands(routed.replied_at, tx.now)


async def handled(tx: Tx, *, since: datetime, limit: int) -> list[tuple[UUID, float]]:
    """(agent, seconds with an agent) of the conversations that ended last, newest first."""
    return await for_routing.handled(tx, since, limit)


async def recorded(tx: Tx, *, since: datetime, limit: int) -> list[tuple[Routed, datetime | None]]:
    """Conversations that began since then and when they ended, the newest first."""
    return [(_routed(row), row.ended_at) for row in await for_routing.recorded(tx, since, limit)]


async def active_counts(tx: Tx) -> dict[UUID, int]:
    """Open conversations by the agent who serves them; agents with none are absent."""
    return await ConversationRepository(tx, tx.enterprise_id).active_counts()


async def active_count(tx: Tx, agent_id: UUID) -> int:
    return await ConversationRepository(tx, tx.enterprise_id).active_count(agent_id)


def active_lines(enterprise_id: ColumnElement[UUID]) -> ScalarSelect[str | None]:
    """SQL for a text of `agent number`, separated by commas: how many conversations each agent serves. For queries of the modules above."""
    return for_routing.active_lines(enterprise_id)


def active_number(enterprise_id: ColumnElement[UUID], agent_id: ColumnElement[UUID]) -> ScalarSelect[int]:
    """SQL for how many conversations one agent serves. For queries of the modules above."""
    return for_routing.active_number(enterprise_id, agent_id)


def ended_before(enterprise_id: for_routing.Column, conversation_id: for_routing.Column, moment: datetime) -> ColumnElement[bool]:
    """SQL that is true where the columns name a conversation that ended before then. For queries of the modules above."""
    return for_routing.ended_before(enterprise_id, conversation_id, moment)


async def assignees(tx: Tx) -> dict[UUID, set[UUID]]:
    """By enterprise, the agents who hold active conversations. Needs the system role."""
    return await system.assignees(tx)


async def count_drift(tx: Tx, enterprise_id: UUID | None = None) -> int:
    """Open conversations whose counters differ from their messages, of one enterprise or of all; must be 0. Needs the system role."""
    return await counters.drifted_counters(tx, enterprise_id)


async def mend_counters(tx: Tx, *, most: int = 500) -> int:
    """Set the counters of so many open conversations that differ to what their messages say; returns how many it did."""
    return len(await counters.mend_counters(tx, most=most))
