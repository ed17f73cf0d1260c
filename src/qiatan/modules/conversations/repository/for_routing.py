"""What routing looks for among conversations."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, Text, cast, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from qiatan.infra.db import Tx, is_among
from qiatan.modules.conversations.contracts import Status
from qiatan.modules.conversations.models import OPEN
from qiatan.modules.conversations.models import ConversationRow as Row
from qiatan.modules.conversations.rules import stands

Column = InstrumentedAttribute[UUID]


async def waiting_besides(tx: Tx, known: Select[UUID], limit: int) -> list[tuple[UUID, datetime]]:
    """(conversation, since when) of those who wait, with something to answer, and are not among `known`, the longest first."""
    query = (
        select(Row.id, Row.waiting_since)
        .where(Row.enterprise_id == tx.enterprise_id, Row.status == Status.WAITING, Row.customer_messages > 0, Row.id.not_in(known))
        .order_by(Row.waiting_since, Row.id)
        .limit(limit)
    )
    return [(found.id, found.waiting_since) for found in await tx.session.execute(query)]


async def enterprises_waiting_besides(tx: Tx, known: Callable[[Column, Column], ColumnElement[bool]]) -> list[UUID]:
    """Enterprises in which somebody waits for whom `known(enterprise, conversation)` is false. Needs the system role."""
    waits = (Row.status == Status.WAITING, Row.customer_messages > 0, ~known(Row.enterprise_id, Row.id))
    query = select(Row.enterprise_id).where(*waits).distinct().limit(10_000)
    return list((await tx.session.execute(query)).scalars())


async def ended_among(tx: Tx, ids: Collection[UUID]) -> list[UUID]:
    query = select(Row.id).where(Row.enterprise_id == tx.enterprise_id, Row.id.in_(ids), Row.status == Status.ENDED)
    return list((await tx.session.execute(query)).scalars())


async def recorded(tx: Tx, since: datetime, limit: int) -> list[Row]:
    """Conversations that began since then, the newest first."""
    query = (
        select(Row)
        .where(Row.enterprise_id == tx.enterprise_id, Row.created_at >= since)
        .order_by(Row.created_at.desc(), Row.id.desc())
        .limit(limit)
    )
    return list((await tx.session.execute(query)).scalars())


async def handled(tx: Tx, since: datetime, limit: int) -> list[tuple[UUID, float]]:
    """(agent, seconds from assignment to end) of the conversations that ended last, newest first."""
    query = (
        select(Row.assignee_id, func.extract("epoch", Row.ended_at - Row.assigned_at))
        .where(Row.enterprise_id == tx.enterprise_id, Row.status == Status.ENDED, Row.ended_at >= since)
        .where(Row.assignee_id.is_not(None), Row.assigned_at.is_not(None))
        .order_by(Row.ended_at.desc())
        .limit(limit)
    )
    return [(agent_id, float(seconds)) for agent_id, seconds in await tx.session.execute(query) if agent_id is not None]


def active_lines(enterprise_id: ColumnElement[UUID]) -> ScalarSelect[str | None]:
    """SQL for a text of `agent number`, separated by commas: how many conversations each agent serves."""
    served = (
        select(Row.assignee_id.label("agent"), func.count().label("number"))
        .where(Row.enterprise_id == enterprise_id, OPEN, Row.assignee_id.is_not(None))
        .group_by(Row.assignee_id)
        .subquery()
    )
    return select(func.string_agg(cast(served.c.agent, Text) + " " + cast(served.c.number, Text), ",")).scalar_subquery()


def active_number(enterprise_id: ColumnElement[UUID], agent_id: ColumnElement[UUID]) -> ScalarSelect[int]:
    """SQL for how many conversations one agent serves."""
    query = select(func.count()).where(Row.enterprise_id == enterprise_id, Row.assignee_id == agent_id, Row.status == Status.ACTIVE)
    return query.scalar_subquery()


def ended_before(enterprise_id: Column, conversation_id: Column, moment: datetime) -> ColumnElement[bool]:
    """SQL that is true where the columns name a conversation that ended before then."""
    return exists(select(Row.id).where(Row.enterprise_id == enterprise_id, Row.id == conversation_id, Row.ended_at < moment))


async def answered_or_ended(tx: Tx, conversations: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], bool]:
    """Which of these (enterprise, conversation) were answered by a person, or have ended, and whether for good. Needs the system role."""
    query = select(Row.enterprise_id, Row.id, Row.status, Row.replied_at).where(is_among(Row.enterprise_id, Row.id, conversations))
    query = query.where(or_(Row.replied_at.is_not(None), Row.status == Status.ENDED))
    found = await tx.session.execute(query)
    return {(enterprise_id, row_id): status == Status.ENDED or stands(at, tx.now) for enterprise_id, row_id, status, at in found}
