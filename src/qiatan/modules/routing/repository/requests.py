"""The routing of conversations: who waits for whom, in which order, and what is due."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, exists, false, func, select, text, true, union_all, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from qiatan.infra.db import Tx, is_among
from qiatan.modules.conversations import service as conversations
from qiatan.modules.routing.contracts.common import Target, TargetKind
from qiatan.modules.routing.contracts.queue import RoutingState
from qiatan.modules.routing.models import RequestRow as Row

_LATER = datetime.max.replace(tzinfo=UTC)
"""Messages left come after everybody in the queue."""
_TURN = text("SELECT pg_try_advisory_xact_lock(hashtextextended('due:' || CAST(:conversation AS text), 0))")
_QUEUE_CLAIM = text("SELECT pg_advisory_xact_lock(hashtextextended('queue:' || CAST(:enterprise AS text), 0))")
_TELL = select(Row).from_statement(
    text(
        """
        UPDATE routing_requests r SET told_position = x.p, told_seconds = x.s
          FROM unnest(CAST(:ids AS uuid[]), CAST(:positions AS int[]), CAST(:seconds AS int[])) AS x(c, p, s)
         WHERE r.enterprise_id = :enterprise AND r.conversation_id = x.c AND r.state = 'queued'
        RETURNING r.*
        """
    )
)


@dataclass(frozen=True, slots=True)
class Waiter:
    """A conversation that waits: in which state, for whom, and since when it has its place. State `new`: nobody has looked at it yet.

    `also`: for whom else.
    """

    conversation_id: UUID
    state: RoutingState
    target: Target
    since: datetime
    also: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody in the queue, and what they and the agents were told last."""

    conversation_id: UUID
    target: Target
    entered_at: datetime
    position: int | None
    seconds: int | None


def target_of(kind: str, target_id: UUID | None) -> Target:
    return Target(kind=TargetKind(kind), id=target_id)


def others_of(also: Sequence[Mapping[str, Any]] | None) -> tuple[Target, ...]:
    """The further targets, as `kept_others` wrote them."""
    return tuple(target_of(one["kind"], UUID(one["id"])) for one in also or ())


def kept_others(targets: Sequence[Target]) -> list[dict[str, str]] | None:
    """Further targets as they are stored: without names, which change."""
    return [{"kind": one.kind.value, "id": str(one.id)} for one in targets if one.id is not None] or None


class RequestRepository:
    """Whoever changes a request's state holds the enterprise's claim, then the conversation, then the request: always in this order."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    def _all(self) -> Select[Row]:
        return select(Row).where(Row.enterprise_id == self._enterprise_id).execution_options(populate_existing=True)

    async def get(self, conversation_id: UUID) -> Row | None:
        return (await self._session.execute(self._all().where(Row.conversation_id == conversation_id))).scalar_one_or_none()

    async def take_turn(self, conversation_id: UUID) -> bool:
        """Whether nobody else is at the deadlines of this conversation; until the transaction ends, nobody else will be.

        Asked before the claim: processes that find the same deadline due would else wait for each other's claim, one after another, to
        find it gone.
        """
        return bool((await self._session.execute(_TURN, {"conversation": str(conversation_id)})).scalar_one())

    async def get_due(self, conversation_id: UUID, now: datetime) -> Row | None:
        """The request under its lock, if it is due and nobody else is at it."""
        query = self._all().where(Row.conversation_id == conversation_id, Row.due_at <= now).with_for_update(skip_locked=True)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def many(self, conversation_ids: Collection[UUID]) -> dict[UUID, Row]:
        query = self._all().where(Row.conversation_id.in_(conversation_ids))
        return {row.conversation_id: row for row in (await self._session.execute(query)).scalars()}

    async def put(self, conversation_id: UUID, customer_id: UUID, **values: Any) -> Row:
        """Write a request, which may be the conversation's first."""
        fresh = {
            "enterprise_id": self._enterprise_id,
            "conversation_id": conversation_id,
            "customer_id": customer_id,
            "delay_step": 0,
            **values,
        }
        statement = insert(Row).values(fresh).on_conflict_do_update(index_elements=["enterprise_id", "conversation_id"], set_=values)
        return (await self._session.execute(statement.returning(Row).execution_options(populate_existing=True))).scalar_one()

    async def change(self, conversation_id: UUID, **values: Any) -> Row:
        """Write into a request that is there."""
        statement = (
            update(Row)
            .where(Row.enterprise_id == self._enterprise_id, Row.conversation_id == conversation_id)
            .values(**values)
            .returning(Row)
            .execution_options(synchronize_session=False, populate_existing=True)
        )
        return (await self._session.execute(statement)).scalar_one()

    async def renew(self, conversation_id: UUID, until: datetime) -> None:
        """Keep a place in the queue until then."""
        await self._session.execute(
            update(Row)
            .where(Row.enterprise_id == self._enterprise_id, Row.conversation_id == conversation_id, Row.state == RoutingState.QUEUED)
            .values(present_until=until, due_at=func.least(until, Row.wait_until))
            .execution_options(synchronize_session=False)
        )

    async def forget_deadline(self, conversation_id: UUID, seen: datetime, *, until: datetime | None = None) -> None:
        """The deadline that was `seen` is void (`until` then, when it is looked at again); one that was set since stays."""
        await self._session.execute(
            update(Row)
            .where(
                Row.enterprise_id == self._enterprise_id,
                Row.conversation_id == conversation_id,
                Row.state == RoutingState.PLACED,
                Row.due_at == seen,
            )
            .values(due_at=until, delay_due_at=None)
            .execution_options(synchronize_session=False)
        )

    # -- waiting

    async def waiting(self, *, limit: int, of_each: int) -> tuple[list[Waiter], list[Waiter]]:
        """Those in the queue in the order in which they came, and the oldest messages left for each target, so that those for whom there
        is nobody do not hide the others. Ids sort by time."""
        here = Row.enterprise_id == self._enterprise_id
        columns = (Row.conversation_id, Row.target_kind, Row.target_id, Row.also, Row.entered_at)
        place = func.row_number().over(partition_by=(Row.target_kind, Row.target_id), order_by=Row.conversation_id).label("place")
        queued = select(*columns, true().label("queued")).where(here, Row.state == RoutingState.QUEUED)
        left = select(*columns, place).where(here, Row.state == RoutingState.MESSAGE).subquery()
        found = await self._session.execute(
            union_all(
                queued.order_by(Row.entered_at, Row.conversation_id).limit(limit).subquery().select(),
                select(left.c.conversation_id, left.c.target_kind, left.c.target_id, left.c.also, left.c.entered_at, false()).where(
                    left.c.place <= of_each
                ),
            )
        )
        in_queue, messages = [], []
        for conversation_id, kind, target_id, also, entered_at, is_queued in found:
            target, others = target_of(kind, target_id), others_of(also)
            if is_queued:
                in_queue.append(Waiter(conversation_id, RoutingState.QUEUED, target, entered_at, others))
            else:
                messages.append(Waiter(conversation_id, RoutingState.MESSAGE, target, _LATER, others))
        in_queue.sort(key=lambda one: (one.since, one.conversation_id))
        messages.sort(key=lambda one: one.conversation_id)
        return in_queue, messages

    async def queue_length(self) -> int:
        query = select(func.count()).where(Row.enterprise_id == self._enterprise_id, Row.state == RoutingState.QUEUED)
        return (await self._session.execute(query)).scalar_one()

    async def in_queue(self, *, limit: int) -> list[UUID]:
        """The conversations that queue, in the order in which they came."""
        query = select(Row.conversation_id).where(Row.enterprise_id == self._enterprise_id, Row.state == RoutingState.QUEUED)
        return list((await self._session.execute(query.order_by(Row.entered_at, Row.conversation_id).limit(limit))).scalars())

    def known(self) -> Select[UUID]:
        """The conversations somebody has looked at since they began to wait."""
        return select(Row.conversation_id).where(
            Row.enterprise_id == self._enterprise_id, Row.state.in_([RoutingState.QUEUED, RoutingState.MESSAGE])
        )

    async def shown(self, *, limit: int) -> list[Row]:
        """The queue as agents see it: by target and place, then messages left, oldest first."""
        queued = self._all().where(Row.state == RoutingState.QUEUED)
        queued = queued.order_by(Row.target_kind, Row.target_id, Row.entered_at, Row.conversation_id).limit(limit)
        found = list((await self._session.execute(queued)).scalars())
        if len(found) < limit:
            left = self._all().where(Row.state == RoutingState.MESSAGE).order_by(Row.conversation_id).limit(limit - len(found))
            found += (await self._session.execute(left)).scalars()
        return found

    async def of_customer(self, customer_id: UUID) -> list[Row]:
        """The customer's conversations that wait."""
        query = self._all().where(Row.customer_id == customer_id, Row.state.in_([RoutingState.QUEUED, RoutingState.MESSAGE]))
        return list((await self._session.execute(query)).scalars())

    # -- what those in the queue are told

    async def claim_queue(self) -> None:
        """Until the transaction ends, nobody else tells those in the queue where they stand."""
        await self._session.execute(_QUEUE_CLAIM, {"enterprise": str(self._enterprise_id)})

    async def told(self, limit: int) -> list[Told]:
        query = (
            select(
                Row.conversation_id,
                Row.target_kind,
                Row.target_id,
                Row.entered_at,
                Row.told_position,
                Row.told_seconds,
            )
            .where(Row.enterprise_id == self._enterprise_id, Row.state == RoutingState.QUEUED)
            .order_by(Row.entered_at, Row.conversation_id)
            .limit(limit)
        )
        return [
            Told(conversation_id, target_of(kind, target_id), entered_at, position, seconds)
            for conversation_id, kind, target_id, entered_at, position, seconds in await self._session.execute(query)
            if entered_at is not None
        ]

    async def tell(self, places: Mapping[UUID, tuple[int, int | None]]) -> list[Row]:
        """Note position and expected seconds of those who are still in the queue; returns them."""
        if not places:
            return []
        ids = list(places)
        values = {
            "ids": ids,
            "positions": [places[one][0] for one in ids],
            "seconds": [places[one][1] for one in ids],
            "enterprise": self._enterprise_id,
        }
        found = await self._session.execute(_TELL.execution_options(populate_existing=True), values)
        rows = {row.conversation_id: row for row in found.scalars()}
        return [rows[one] for one in ids if one in rows]

    # -- settings that change under those who wait

    async def set_longest_wait(self, minutes: int) -> None:
        """Everybody in the queue waits at most so long from when they came, or came back, into it (0: without end)."""
        came = """coalesce((SELECT max(d.at) FROM routing_decisions d WHERE d.enterprise_id = r.enterprise_id
                                  AND d.conversation_id = r.conversation_id AND d.outcome = 'queued'), r.entered_at)"""
        until = f"{came} + make_interval(mins => :minutes)" if minutes else "NULL"
        await self._session.execute(
            text(
                f"""
                UPDATE routing_requests r SET wait_until = {until}, due_at = least(r.present_until, {until})
                 WHERE r.enterprise_id = :enterprise AND r.state = 'queued'
                """  # noqa: S608 - one of the two texts above, never from outside
            ),
            {"enterprise": self._enterprise_id} | ({"minutes": minutes} if minutes else {}),
        )

    async def with_delay(self, *, after: UUID | None, limit: int) -> list[Row]:
        """Placed conversations that have begun to count for delayed transfer, a page in order of id. Their deadlines may be void already."""
        query = self._all().where(Row.state == RoutingState.PLACED, Row.delay_from.is_not(None))
        if after is not None:
            query = query.where(Row.conversation_id > after)
        return list((await self._session.execute(query.order_by(Row.conversation_id).limit(limit))).scalars())


# -- across enterprises: system transactions only


async def due(tx: Tx, limit: int, besides: Collection[UUID] = ()) -> Sequence[tuple[UUID, UUID]]:
    """(enterprise, conversation) whose moment has come, earliest first; none of the enterprises `besides`. Needs the system role."""
    passed = and_(Row.due_at <= tx.now, Row.enterprise_id.not_in(besides))
    query = select(Row.enterprise_id, Row.conversation_id).where(passed).order_by(Row.due_at).limit(limit)
    return [(enterprise_id, conversation_id) for enterprise_id, conversation_id in await tx.session.execute(query)]


async def next_due(tx: Tx) -> datetime | None:
    query = select(Row.due_at).where(Row.due_at.is_not(None)).order_by(Row.due_at).limit(1)
    return (await tx.session.execute(query)).scalar_one_or_none()


async def leases_before(tx: Tx, moment: datetime, limit: int) -> list[tuple[UUID, UUID, UUID]]:
    """(enterprise, conversation, customer) of those in the queue whose presence has to be renewed before then, the nearest first.

    Whoever stands in front is renewed by the process they are connected to or falls out of the queue: so the page moves on.
    """
    query = (
        select(Row.enterprise_id, Row.conversation_id, Row.customer_id)
        .where(Row.state == RoutingState.QUEUED, Row.present_until < moment)
        .order_by(Row.present_until, Row.conversation_id)
        .limit(limit)
    )
    return [(e, c, customer) for e, c, customer in await tx.session.execute(query)]


async def renew_presence(tx: Tx, requests: Collection[tuple[UUID, UUID]], until: datetime) -> None:
    """Renew the presence of those (enterprise, conversation) who are still in the queue. Rows somebody works on wait for the next turn."""
    if not requests:
        return
    held = (
        select(Row.enterprise_id, Row.conversation_id)
        .where(is_among(Row.enterprise_id, Row.conversation_id, requests), Row.state == RoutingState.QUEUED)
        .with_for_update(skip_locked=True)
        .cte("held")
    )
    await tx.session.execute(
        update(Row)
        .where(Row.enterprise_id == held.c.enterprise_id, Row.conversation_id == held.c.conversation_id)
        .values(present_until=until, due_at=func.least(until, Row.wait_until))
        .execution_options(synchronize_session=False)
    )


async def waiting_in(tx: Tx) -> set[UUID]:
    """Enterprises in which somebody queues or has left a message."""
    query = select(Row.enterprise_id).where(Row.state.in_([RoutingState.QUEUED, RoutingState.MESSAGE])).distinct()
    return set((await tx.session.execute(query)).scalars())


def is_known(enterprise_id: InstrumentedAttribute[UUID], conversation_id: InstrumentedAttribute[UUID]) -> ColumnElement[bool]:
    """SQL that is true where the columns name a conversation somebody has looked at since it began to wait."""
    states = [RoutingState.QUEUED, RoutingState.MESSAGE]
    return exists(
        select(Row.state).where(Row.enterprise_id == enterprise_id, Row.conversation_id == conversation_id, Row.state.in_(states))
    )


async def delete_old(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the routing of conversations that ended before then, of all enterprises; returns how many. Needs the system role."""
    old = (
        select(Row.enterprise_id, Row.conversation_id)
        .where(Row.state == RoutingState.ENDED, conversations.ended_before(Row.enterprise_id, Row.conversation_id, before))
        .limit(limit)
        .subquery()
    )
    statement = delete(Row).where(Row.enterprise_id == old.c.enterprise_id, Row.conversation_id == old.c.conversation_id)
    result = await tx.session.execute(statement.returning(Row.conversation_id).execution_options(synchronize_session=False))
    return len(result.all())


async def forget_deadlines(tx: Tx, requests: Collection[tuple[UUID, UUID]], *, until: datetime | None = None) -> set[tuple[UUID, UUID]]:
    """The deadlines of these (enterprise, conversation) are void, if they are placed and nobody is at them; `until` as for one.

    Returns of which that was so: what still is due has to be done.
    """
    if not requests:
        return set()
    void = (
        select(Row.enterprise_id, Row.conversation_id)
        .where(is_among(Row.enterprise_id, Row.conversation_id, requests), Row.state == RoutingState.PLACED, Row.due_at <= tx.now)
        .with_for_update(skip_locked=True)
        .cte("void")
    )
    forgotten = await tx.session.execute(
        update(Row)
        .where(Row.enterprise_id == void.c.enterprise_id, Row.conversation_id == void.c.conversation_id)
        .values(due_at=until, delay_due_at=None)
        .returning(Row.enterprise_id, Row.conversation_id)
        .execution_options(synchronize_session=False)
    )
    return {(enterprise_id, conversation_id) for enterprise_id, conversation_id in forgotten}
