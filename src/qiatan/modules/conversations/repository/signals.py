"""Many conversations of many enterprises in one statement, for what people read and type: with the system role only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import TextClause, text

from qiatan.infra.db import Tx
from qiatan.modules.conversations.contracts import SenderKind, Status

Place = tuple[UUID, UUID]
"""(enterprise, conversation)"""

_UNFLUSHED = text("SET LOCAL synchronous_commit = off")

_LOCK = text("""
    SELECT v.enterprise_id, v.id, v.status, v.customer_id, v.channel_id, v.assignee_id, v.joined_ids, v.head, v.customer_read_seq, v.agent_read_seq
      FROM json_to_recordset(CAST(:places AS json)) AS x(e uuid, c uuid)
      JOIN conversations v ON v.enterprise_id = x.e AND v.id = x.c
     ORDER BY v.enterprise_id, v.id
       FOR NO KEY UPDATE OF v
""")

_MOVE = """
    UPDATE conversations v SET {side}_read_seq = x.s, {side}_unread = (
        SELECT count(*) FROM messages m
         WHERE m.enterprise_id = v.enterprise_id AND m.conversation_id = v.id AND m.seq > x.s
           AND m.sender_kind = '{other}' AND m.kind NOT IN ('withdrawal', 'edit', 'note'))
      FROM json_to_recordset(CAST(:marks AS json)) AS x(e uuid, c uuid, s int)
     WHERE v.enterprise_id = x.e AND v.id = x.c AND v.{side}_read_seq < x.s
"""
_MOVE_OF = {
    SenderKind.AGENT: text(_MOVE.format(side="agent", other="customer")),
    SenderKind.CUSTOMER: text(_MOVE.format(side="customer", other="agent")),
}

_SERVED = text("""
    SELECT x.o, v.id, v.customer_id, v.assignee_id, v.joined_ids
      FROM json_to_recordset(CAST(:asked AS json)) AS x(o int, e uuid, c uuid, a uuid, j boolean)
      JOIN conversations v ON v.enterprise_id = x.e AND v.id = x.c
     WHERE v.assignee_id = x.a OR (x.j AND v.status <> 'ended' AND x.a = ANY(v.joined_ids))
""")

_OPEN_OF = text("""
    SELECT x.o, v.id, v.customer_id, v.assignee_id, v.joined_ids
      FROM json_to_recordset(CAST(:asked AS json)) AS x(o int, e uuid, cu uuid, ch uuid)
      JOIN conversations v ON v.enterprise_id = x.e AND v.customer_id = x.cu AND v.channel_id = x.ch AND v.status <> 'ended'
""")


class Locked(NamedTuple):
    """A conversation as it is under its lock."""

    status: Status
    customer_id: UUID
    channel_id: UUID
    assignee_id: UUID | None
    joined_ids: list[UUID]
    head: int
    customer_read_seq: int
    agent_read_seq: int


class Line(NamedTuple):
    """Who is on a conversation."""

    conversation_id: UUID
    customer_id: UUID
    agent_ids: list[UUID]


async def spare_the_flush(tx: Tx) -> None:
    """This transaction does not wait for the disk; a crash within the next moment takes all of it back."""
    await tx.session.execute(_UNFLUSHED)


async def lock(tx: Tx, places: set[Place]) -> dict[Place, Locked]:
    """Lock conversations in key order, as the message log does; those that are there, as they are now."""
    found = await tx.session.execute(_LOCK, {"places": _encoded([{"e": e, "c": c} for e, c in places])})
    return {(row[0], row[1]): Locked(Status(row[2]), *row[3:]) for row in found}


async def move_marks(tx: Tx, side: SenderKind, marks: dict[Place, int]) -> None:
    """Move one side's read marks of locked conversations forward (never back) and count again what is not read."""
    await tx.session.execute(_MOVE_OF[side], {"marks": _encoded([{"e": e, "c": c, "s": seq} for (e, c), seq in marks.items()])})


async def served_lines(tx: Tx, asked: Sequence[tuple[UUID, UUID, UUID, bool]]) -> dict[int, Line]:
    """By position: of (enterprise, conversation, agent, may join) the conversations which that agent serves or has joined."""
    rows = [{"o": o, "e": e, "c": c, "a": agent, "j": may_join} for o, (e, c, agent, may_join) in enumerate(asked)]
    return await _lines(tx, _SERVED, rows)


async def open_lines(tx: Tx, asked: Sequence[tuple[UUID, UUID, UUID]]) -> dict[int, Line]:
    """By position: of (enterprise, customer, channel) the open conversation, if there is one."""
    return await _lines(tx, _OPEN_OF, [{"o": o, "e": e, "cu": customer, "ch": channel} for o, (e, customer, channel) in enumerate(asked)])


async def _lines(tx: Tx, statement: TextClause, rows: list[dict[str, object]]) -> dict[int, Line]:
    if not rows:
        return {}
    found = await tx.session.execute(statement, {"asked": _encoded(rows)})
    return {
        position: Line(conversation_id, customer_id, [*([assignee_id] if assignee_id is not None else []), *joined_ids])
        for position, conversation_id, customer_id, assignee_id, joined_ids in found
    }


def _encoded(rows: object) -> str:
    return msgspec.json.encode(rows).decode()
