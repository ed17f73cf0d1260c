"""Reading and changing conversations. `visible_to` is the one predicate that compiles an agent's scope to SQL."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    exists,
    false,
    func,
    or_,
    select,
    text,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from qiatan.infra.db import Tx, is_one_of
from qiatan.kit.access import AgentActor
from qiatan.modules.conversations.contracts import SenderKind, Status, View
from qiatan.modules.conversations.models import OPEN, ConversationRow
from qiatan.modules.conversations.permissions import JOIN, TAKE, VIEW_COLLEAGUES

Row = ConversationRow
# Made once: an alias costs as much processor time as the query it stands in.
_ServingNow = aliased(ConversationRow)
_LOCKED = "conversations.locked"

Place = tuple[datetime, UUID]
"""(created_at, id): where a conversation stands among all, by age."""


@dataclass(frozen=True, slots=True)
class Sight:
    """An agent's view: who it is and which colleagues' conversations are inside the scope (None: everybody's)."""

    actor: AgentActor
    colleagues: frozenset[UUID] | None

    def colleagues_condition(self) -> ColumnElement[bool]:
        if not self.actor.may(VIEW_COLLEAGUES):
            return false()
        if self.colleagues is None:
            return true()
        return Row.assignee_id.in_(self.colleagues)

    def joined_condition(self) -> ColumnElement[bool]:
        """What the agent has joined stays in sight until it ends, also after a transfer beyond the scope."""
        if not self.actor.may(JOIN):
            return false()
        return and_(Row.joined_ids.contains([self.actor.agent_id]), OPEN)


def visible_to(sight: Sight) -> ColumnElement[bool]:
    """Scope as SQL: one's own, waiting ones when they may be taken, colleagues' inside the scope, what one has joined, and the
    earlier conversations of a customer whom one is serving now."""
    actor = sight.actor
    own_customer = exists(
        select(_ServingNow.id).where(
            _ServingNow.enterprise_id == Row.enterprise_id,
            _ServingNow.customer_id == Row.customer_id,
            _ServingNow.assignee_id == actor.agent_id,
            _ServingNow.status == Status.ACTIVE,
        )
    )
    return or_(
        Row.assignee_id == actor.agent_id,
        and_(Row.status == Status.WAITING, true() if actor.may(TAKE) else false()),
        sight.colleagues_condition(),
        sight.joined_condition(),
        own_customer,
    )


def locked_here(tx: Tx, conversation_id: UUID) -> ConversationRow | None:
    """The row, if this transaction has read it under its lock. Who serves it and whether it waits is as it is now; what messages move
    (last line, counters) as it was then."""
    return cast("ConversationRow | None", tx.memory.get((_LOCKED, conversation_id)))


class ConversationRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._tx = tx
        self._session = tx.session
        self._enterprise_id = enterprise_id

    def _all(self) -> Select[ConversationRow]:
        return select(Row).where(Row.enterprise_id == self._enterprise_id)

    async def get(self, conversation_id: UUID, *, lock: bool = False) -> ConversationRow | None:
        query = self._all().where(Row.id == conversation_id)
        if lock:
            # The message log takes the same lock; FOR NO KEY UPDATE leaves foreign key checks alone.
            query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
        row = (await self._session.execute(query)).scalar_one_or_none()
        if lock and row is not None:
            self._tx.memory[_LOCKED, conversation_id] = row
        return row

    async def get_visible(self, sight: Sight, conversation_id: UUID) -> ConversationRow | None:
        query = self._all().where(Row.id == conversation_id, visible_to(sight))
        return (await self._session.execute(query)).scalar_one_or_none()

    async def page(self, sight: Sight, view: View, *, after: tuple[datetime, UUID] | None, limit: int) -> list[ConversationRow]:
        """One page of a list: the queue oldest first, ended ones by their end, the others by their start, newest first."""
        query = self._all()
        if view is View.QUEUE:
            query = query.where(Row.status == Status.WAITING).order_by(Row.waiting_since, Row.id)
            if after is not None:
                query = query.where(tuple_(Row.waiting_since, Row.id) > after)
            return list((await self._session.execute(query.limit(limit))).scalars())
        if view is View.ENDED:
            key = Row.ended_at
            query = query.where(Row.status == Status.ENDED, Row.assignee_id == sight.actor.agent_id)
        else:
            key = Row.created_at
            query = query.where(OPEN)
            if view is View.MINE:
                query = query.where(or_(Row.assignee_id == sight.actor.agent_id, Row.id.in_(await self.joined_open(sight))))
            else:
                query = query.where(Row.status == Status.ACTIVE, Row.assignee_id != sight.actor.agent_id)
                query = query.where(or_(sight.colleagues_condition(), sight.joined_condition()))
        if after is not None:
            query = query.where(tuple_(key, Row.id) < after)
        query = query.order_by(key.desc(), Row.id.desc()).limit(limit)
        return list((await self._session.execute(query)).scalars())

    async def of_customer(self, customer_id: UUID, *, channel_id: UUID, limit: int, after: Place | None = None) -> list[ConversationRow]:
        """The customer's conversations on a channel, newest first."""
        query = self._all().where(Row.customer_id == customer_id, Row.channel_id == channel_id)
        if after is not None:
            query = query.where(tuple_(Row.created_at, Row.id) < after)
        query = query.order_by(Row.created_at.desc(), Row.id.desc()).limit(limit)
        return list((await self._session.execute(query)).scalars())

    async def joined_open(self, sight: Sight) -> list[UUID]:
        """The open conversations an agent has joined and may still join."""
        query = select(Row.id).where(
            Row.enterprise_id == self._enterprise_id, sight.joined_condition(), func.cardinality(Row.joined_ids) > 0
        )
        return list((await self._session.execute(query)).scalars()) if sight.actor.may(JOIN) else []

    async def get_many(self, conversation_ids: Collection[UUID]) -> dict[UUID, ConversationRow]:
        query = self._all().where(is_one_of(Row.id, conversation_ids))
        return {row.id: row for row in (await self._session.execute(query)).scalars()} if conversation_ids else {}

    async def serving(self, customer_id: UUID) -> set[UUID]:
        """Who serves the customer now, on whatever channel."""
        query = select(Row.assignee_id).where(
            Row.enterprise_id == self._enterprise_id, Row.customer_id == customer_id, Row.status == Status.ACTIVE
        )
        return {agent_id for agent_id in (await self._session.execute(query)).scalars() if agent_id is not None}

    async def earlier(
        self, sight: Sight, row: ConversationRow, *, limit: int, after: tuple[datetime, UUID] | None = None
    ) -> list[ConversationRow]:
        """The same customer's conversations before this one (or before `after`) that the agent may see, newest first."""
        key = min(after, (row.created_at, row.id)) if after is not None else (row.created_at, row.id)
        query = self._all().where(Row.customer_id == row.customer_id, tuple_(Row.created_at, Row.id) < key, visible_to(sight))
        query = query.order_by(Row.created_at.desc(), Row.id.desc()).limit(limit)
        return list((await self._session.execute(query)).scalars())

    async def open_of_customer(self, customer_id: UUID, channel_id: UUID) -> ConversationRow | None:
        query = self._all().where(Row.customer_id == customer_id, Row.channel_id == channel_id, OPEN)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def open_of_customer_anywhere(self, customer_id: UUID) -> list[ConversationRow]:
        """The customer's open conversations on all channels, locked in key order."""
        query = self._all().where(Row.customer_id == customer_id, OPEN).order_by(Row.id).with_for_update(key_share=True)
        return list((await self._session.execute(query)).scalars())

    async def open(self, conversation_id: UUID, customer_id: UUID, channel_id: UUID, now: datetime) -> bool:
        """Insert a waiting conversation; False when the customer has an open one on this channel already."""
        statement = (
            insert(Row)
            .values(
                enterprise_id=self._enterprise_id,
                id=conversation_id,
                customer_id=customer_id,
                channel_id=channel_id,
                status=Status.WAITING,
                agent_ids=[],
                created_at=now,
                waiting_since=now,
            )
            .on_conflict_do_nothing(index_elements=["enterprise_id", "customer_id", "channel_id"], index_where=OPEN)
            .returning(Row.id)
        )
        return (await self._session.execute(statement)).first() is not None

    async def last_ended_of(self, customer_id: UUID, *, since: datetime) -> UUID | None:
        """Who served the newest of the customer's ended conversations that anybody served; None when it ended before `since`."""
        query = (
            select(Row.assignee_id)
            .where(
                Row.enterprise_id == self._enterprise_id,
                Row.customer_id == customer_id,
                Row.status == Status.ENDED,
                Row.ended_at >= since,
                Row.assignee_id.is_not(None),
            )
            .order_by(Row.ended_at.desc(), Row.id.desc())
            .limit(1)
        )
        return (await self._session.execute(query)).scalar_one_or_none()

    async def unanswered_ids(self, agent_id: UUID) -> list[UUID]:
        """What an agent serves and has not answered, the longest waiting first."""
        query = (
            select(Row.id)
            .where(
                Row.enterprise_id == self._enterprise_id,
                Row.assignee_id == agent_id,
                Row.status == Status.ACTIVE,
                Row.unanswered_since.is_not(None),
            )
            .order_by(Row.unanswered_since, Row.id)
        )
        return list((await self._session.execute(query)).scalars())

    async def joined_by(self, agent_ids: Collection[UUID]) -> list[tuple[UUID, UUID | None, list[UUID]]]:
        """(conversation, assignee, who has joined) of the open conversations that one of these agents has joined."""
        query = (
            select(Row.id, Row.assignee_id, Row.joined_ids)
            .where(Row.enterprise_id == self._enterprise_id, OPEN, func.cardinality(Row.joined_ids) > 0)
            .where(Row.joined_ids.overlap(list(agent_ids)))
            .order_by(Row.id)
        )
        return [(row_id, assignee_id, joined) for row_id, assignee_id, joined in await self._session.execute(query)]

    async def get_due(self, conversation_id: UUID, now: datetime) -> ConversationRow | None:
        """An open conversation whose idle time must be looked at by now, locked; None also while somebody else holds it."""
        query = self._all().where(Row.id == conversation_id, OPEN, Row.idle_due_at <= now)
        query = query.with_for_update(key_share=True, skip_locked=True).execution_options(populate_existing=True)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def set_idle(self, row: ConversationRow, *, due_at: datetime | None, warned_at: datetime | None) -> None:
        """Only a timer's memory: `version` stays."""
        await self._session.execute(
            update(Row)
            .where(Row.enterprise_id == self._enterprise_id, Row.id == row.id)
            .values(idle_due_at=due_at, idle_warned_at=warned_at)
            .execution_options(synchronize_session=False)
        )

    async def look_again(self, now: datetime, *, after: Place | None, limit: int) -> Place | None:
        """Have the idle time of a page of what is open, by age, looked at as soon as can be; returns after what the next page begins."""
        page = select(Row.created_at, Row.id).where(Row.enterprise_id == self._enterprise_id, OPEN)
        if after is not None:
            page = page.where(tuple_(Row.created_at, Row.id) > after)
        found = (await self._session.execute(page.order_by(Row.created_at, Row.id).limit(limit))).all()
        # Also what waits: the lock makes us wait for whoever is giving it to an agent just now, by the rules as they were before.
        # Writers take these locks in the order of keys; so do we.
        here = (Row.enterprise_id == self._enterprise_id, is_one_of(Row.id, [row_id for _, row_id in found]), OPEN)
        ids = list((await self._session.execute(select(Row.id).where(*here).order_by(Row.id).with_for_update(key_share=True))).scalars())
        await self._session.execute(
            update(Row)
            .where(Row.enterprise_id == self._enterprise_id, is_one_of(Row.id, ids))
            .values(idle_due_at=now)
            .execution_options(synchronize_session=False)
        )
        return (found[-1][0], found[-1][1]) if len(found) == limit else None

    async def active_ids(self, agent_ids: Collection[UUID], *, limit: int) -> list[UUID]:
        """What these agents serve, in the order of keys, at most so many."""
        query = select(Row.id).where(
            Row.enterprise_id == self._enterprise_id, is_one_of(Row.assignee_id, agent_ids), Row.status == Status.ACTIVE
        )
        return list((await self._session.execute(query.order_by(Row.id).limit(limit))).scalars())

    async def active_counts(self) -> dict[UUID, int]:
        """How many conversations each agent serves now."""
        query = (
            select(Row.assignee_id, func.count())
            .where(Row.enterprise_id == self._enterprise_id, OPEN, Row.assignee_id.is_not(None))
            .group_by(Row.assignee_id)
        )
        return {agent_id: count for agent_id, count in await self._session.execute(query) if agent_id is not None}

    async def active_count(self, agent_id: UUID) -> int:
        query = select(func.count()).where(
            Row.enterprise_id == self._enterprise_id, Row.assignee_id == agent_id, Row.status == Status.ACTIVE
        )
        return (await self._session.execute(query)).scalar_one()

    async def mark_read(self, row: ConversationRow, side: SenderKind, seq: int) -> None:
        """Move one side's read mark forward (never back) and count again what it has not read."""
        column, unread, other = (
            ("customer_read_seq", "customer_unread", "agent")
            if side is SenderKind.CUSTOMER
            else ("agent_read_seq", "agent_unread", "customer")
        )
        await self._session.execute(
            text(
                f"""
                UPDATE conversations v SET {column} = :seq, {unread} = (
                    SELECT count(*) FROM messages m
                     WHERE m.enterprise_id = v.enterprise_id AND m.conversation_id = v.id AND m.seq > :seq
                       AND m.sender_kind = '{other}' AND m.kind NOT IN ('withdrawal', 'edit', 'note'))
                 WHERE v.enterprise_id = :enterprise AND v.id = :id AND v.{column} < :seq
                """  # noqa: S608 - the names come from the two lines above, never from outside
            ),
            {"seq": seq, "enterprise": self._enterprise_id, "id": row.id},
        )

    async def shown(self, sight: Sight, view: View, limit: int) -> list[tuple[UUID, int, int]]:
        """(id, head, version) of what a live view shows now, oldest first; of `mine` by id, as the digest of a heartbeat counts them."""
        query = select(Row.id, Row.head, Row.version).where(Row.enterprise_id == self._enterprise_id)
        if view is View.MINE:
            own = and_(Row.assignee_id == sight.actor.agent_id, Row.status == Status.ACTIVE)
            query = query.where(or_(own, Row.id.in_(await self.joined_open(sight))))
        elif view is View.QUEUE:
            query = query.where(Row.status == Status.WAITING)
        else:
            query = query.where(Row.status == Status.ACTIVE, Row.assignee_id != sight.actor.agent_id)
            query = query.where(or_(sight.colleagues_condition(), sight.joined_condition()))
        order = (Row.id,) if view is View.MINE else (Row.created_at, Row.id)
        rows = await self._session.execute(query.order_by(*order).limit(limit))
        return [(row_id, head, version) for row_id, head, version in rows]

    async def update(self, row: ConversationRow, **changes: object) -> None:
        """Write a change of state and let `version` grow."""
        statement = (
            update(Row)
            .where(Row.enterprise_id == self._enterprise_id, Row.id == row.id)
            .values(version=Row.version + 1, **changes)
            .returning(Row)
            .execution_options(synchronize_session=False, populate_existing=True)
        )
        (await self._session.execute(statement)).scalar_one()  # the same object, as it is now
