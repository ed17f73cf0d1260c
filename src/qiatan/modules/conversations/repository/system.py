"""Queries across enterprises, for sweeps: run with the system role only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, delete, func, or_, select, tuple_, update

from qiatan.infra.db import Tx, is_among
from qiatan.modules.channels.contracts import ChannelKind
from qiatan.modules.conversations.contracts import Status
from qiatan.modules.conversations.models import OPEN, DraftRow, MentionRow, SettingsRow
from qiatan.modules.conversations.models import ConversationRow as Row

_ENDING_NOTHING = select(SettingsRow.enterprise_id).where(
    *(func.jsonb_typeof(SettingsRow.value["auto_end"][kind.value]["minutes"]) == "null" for kind in ChannelKind)
)
"""Enterprises in which no conversation, on whatever kind of channel, ends by itself."""

Digested = tuple[UUID, UUID, int, int]
"""(owner: agent or customer, conversation, head, version)"""


async def assignees(tx: Tx) -> dict[UUID, set[UUID]]:
    query = select(Row.enterprise_id, Row.assignee_id).where(Row.status == Status.ACTIVE).distinct()
    found: dict[UUID, set[UUID]] = {}
    for enterprise_id, agent_id in await tx.session.execute(query):
        if agent_id is not None:
            found.setdefault(enterprise_id, set()).add(agent_id)
    return found


async def idle_due(tx: Tx, limit: int, besides: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """(enterprise, conversation) whose idle time must be looked at by now, earliest first; none of the enterprises `besides`."""
    due = and_(OPEN, Row.idle_due_at <= tx.now, Row.enterprise_id.not_in(besides))
    query = select(Row.enterprise_id, Row.id).where(due).order_by(Row.idle_due_at).limit(limit)
    return [(enterprise_id, row_id) for enterprise_id, row_id in await tx.session.execute(query)]


async def next_idle_due(tx: Tx) -> datetime | None:
    query = select(Row.idle_due_at).where(OPEN, Row.idle_due_at.is_not(None)).order_by(Row.idle_due_at).limit(1)
    return (await tx.session.execute(query)).scalar_one_or_none()


async def look_at_unwatched(tx: Tx, limit: int) -> int:
    """Have the idle time of what is served, or waits with nothing of its customer left, without a moment for it looked at now; returns how
    many there were, at most so many.

    Where conversations never end by themselves all that are served lack it, and rightly.
    """
    served = and_(Row.status == Status.ACTIVE, Row.enterprise_id.not_in(_ENDING_NOTHING))
    empty = and_(Row.status == Status.WAITING, Row.customer_messages == 0)
    unwatched = (
        select(Row.enterprise_id, Row.id)
        .where(OPEN, Row.idle_due_at.is_(None), or_(served, empty))
        .order_by(Row.enterprise_id, Row.id)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
        .cte("unwatched")
    )
    here = (Row.enterprise_id == unwatched.c.enterprise_id) & (Row.id == unwatched.c.id)
    result = await tx.session.execute(
        update(Row).where(here).values(idle_due_at=tx.now).returning(Row.id).execution_options(synchronize_session=False)
    )
    return len(result.all())


async def joined_anywhere(tx: Tx) -> dict[UUID, set[UUID]]:
    """By enterprise, who has joined open conversations."""
    query = select(Row.enterprise_id, Row.joined_ids).where(OPEN, func.cardinality(Row.joined_ids) > 0).limit(100_000)
    found: dict[UUID, set[UUID]] = {}
    for enterprise_id, joined in await tx.session.execute(query):
        found.setdefault(enterprise_id, set()).update(joined)
    return found


Person = tuple[UUID, UUID]
"""(enterprise, agent or customer)"""


async def digest_rows(tx: Tx, agents: Sequence[Person], customers: Sequence[Person]) -> list[Digested]:
    """What the given agents and customers should see now, in one query each for all heartbeats that came together."""
    by_agent = select(Row.assignee_id, Row.id, Row.head, Row.version).where(
        is_among(Row.enterprise_id, Row.assignee_id, agents), Row.status == Status.ACTIVE
    )
    by_customer = select(Row.customer_id, Row.id, Row.head, Row.version).where(
        is_among(Row.enterprise_id, Row.customer_id, customers), Row.status != Status.ENDED
    )
    found: list[Digested] = await _joined_rows(tx, agents) if agents else []
    for query, wanted in ((by_agent, agents), (by_customer, customers)):
        if wanted:
            rows = await tx.session.execute(query)
            found += [(owner, row_id, head, version) for owner, row_id, head, version in rows if owner is not None]
    return found


async def _joined_rows(tx: Tx, agents: Sequence[Person]) -> list[Digested]:
    """What these agents have joined: it stands among their own."""
    query = select(Row.enterprise_id, Row.joined_ids, Row.id, Row.head, Row.version).where(
        Row.enterprise_id.in_({enterprise_id for enterprise_id, _ in agents}), OPEN, func.cardinality(Row.joined_ids) > 0
    )
    asked = set(agents)
    return [
        (agent_id, row_id, head, version)
        for enterprise_id, joined, row_id, head, version in await tx.session.execute(query)
        for agent_id in joined
        if (enterprise_id, agent_id) in asked
    ]


async def forget_drafts(tx: Tx, *, before: datetime, limit: int) -> int:
    """Remove drafts of conversations that ended before that time, and the marks of drafts removed before it. Returns how many."""
    over = select(Row.id).where(
        Row.enterprise_id == DraftRow.enterprise_id, Row.id == DraftRow.conversation_id, Row.status == Status.ENDED, Row.ended_at < before
    )
    old = or_(over.correlate(DraftRow).exists(), and_(DraftRow.text == "", DraftRow.at < before))
    keys = select(DraftRow.enterprise_id, DraftRow.agent_id, DraftRow.conversation_id).where(old).limit(limit)
    gone = delete(DraftRow).where(tuple_(DraftRow.enterprise_id, DraftRow.agent_id, DraftRow.conversation_id).in_(keys))
    result = await tx.session.execute(gone.returning(DraftRow.agent_id).execution_options(synchronize_session=False))
    return len(result.all())


async def forget_mentions(tx: Tx, *, before: datetime, limit: int) -> int:
    """Remove mentions older than that, read or not. Returns how many."""
    key = (MentionRow.enterprise_id, MentionRow.agent_id, MentionRow.conversation_id, MentionRow.seq)
    gone = delete(MentionRow).where(tuple_(*key).in_(select(*key).where(MentionRow.at < before).limit(limit)))
    result = await tx.session.execute(gone.returning(MentionRow.agent_id).execution_options(synchronize_session=False))
    return len(result.all())
