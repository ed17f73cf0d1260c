"""What people read and type, of many conversations of many enterprises in one statement: on the system role's direct connection only."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from psycopg.sql import SQL

from qiatan.infra.db import DirectConnection

_MOVE = SQL("SELECT move_read_marks(%s::json)::text")

_LINES = SQL("SELECT coalesce(lines_typed_on(%s::json), '[]')::text")


class Mark(msgspec.Struct, frozen=True, gc=False):
    """Somebody has read up to a seq. The short names are the columns of the database function's input.

    `o` order in the batch · `e` enterprise · `c` conversation · `a` whether an agent read, else its customer · `si` who · `ch` the
    customer's channel · `s` seq.
    """

    o: int
    e: UUID
    c: UUID
    a: bool
    si: UUID
    ch: UUID | None
    s: int


class Marked(msgspec.Struct, frozen=True, gc=False):
    """What became of a mark. `own`: who read serves the conversation, or is its customer; else nothing was changed. `seq`: where the mark
    stands now, if this one has moved it."""

    own: bool
    seq: int | None
    customer_id: UUID | None
    assignee_id: UUID | None
    waiting: bool
    joined: list[UUID] | None


class Typed(msgspec.Struct, frozen=True, gc=False):
    """Somebody types: an agent (`a`, who may also have joined: `j`) in conversation `c`, or customer `cu` of channel `ch` in the open one."""

    o: int
    e: UUID
    c: UUID | None = None
    a: UUID | None = None
    j: bool = False
    cu: UUID | None = None
    ch: UUID | None = None


class Line(msgspec.Struct, frozen=True, gc=False):
    """Who is on a conversation. `o`: of whom it was asked."""

    o: int
    conversation_id: UUID
    customer_id: UUID
    agent_ids: list[UUID]


_encode = msgspec.json.Encoder().encode
_decode_marks = msgspec.json.Decoder(list[Marked]).decode
_decode_lines = msgspec.json.Decoder(list[Line]).decode


async def move_marks(direct: DirectConnection, marks: Sequence[Mark]) -> list[Marked]:
    """Move read marks forward (never back), and count again what is not read. Locks in key order, as the message log does."""
    rows = await direct.rows(_MOVE, _encode(marks).decode())
    return _decode_marks(rows[0][0])


async def lines_typed_on(direct: DirectConnection, typed: Sequence[Typed]) -> dict[int, Line]:
    """Who is on the conversation that each types in, by `o`; none where there is no open one, or none of theirs."""
    rows = await direct.rows(_LINES, _encode(typed).decode())
    return {line.o: line for line in _decode_lines(rows[0][0])}
