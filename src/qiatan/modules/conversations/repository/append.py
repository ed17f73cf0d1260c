"""Appending messages: the one way rows get into `messages`.

The database function `append_messages` locks the conversations, finds repeats, gives `seq`, inserts, and updates the conversations'
last line and counters. The message log calls it with up to 500 messages, ordinary transactions with one; the rules are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text

from qiatan.infra.db import Tx

Outcome = Literal["stored", "repeated", "missing", "ended", "not_yours"]

_APPEND = text("SELECT append_messages(CAST(:batch AS json), CAST(:now AS timestamptz))::text")


class NewMessage(msgspec.Struct, frozen=True, gc=False):
    """One message to append. The short names are the columns of the database function's input.

    `o` order in the batch · `e` enterprise · `c` conversation · `sk`, `si` sender · `m` client message id · `k` kind · `t` text ·
    `d` data · `p` preview · `r` the seq a withdrawal points at · `own` the sender must be the one who serves the conversation, or with `j`
    one who has joined it.
    """

    o: int
    e: UUID
    c: UUID
    sk: str
    si: UUID | None
    m: UUID
    k: str
    t: str | None = None
    d: dict[str, Any] | None = None
    p: str = ""
    r: int | None = None
    own: bool = False
    j: bool = False


class Appended(msgspec.Struct, frozen=True, gc=False):
    """What became of one message. `seq` and `at` are there for `stored` and `repeated` only.

    A `repeated` message may lie in another conversation than the one named now: the first result counts.
    """

    outcome: Outcome
    conversation_id: UUID
    seq: int | None
    at: datetime
    customer_id: UUID | None
    assignee_id: UUID | None
    waiting: bool | None
    joined: list[UUID] | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[Appended])


def encode_batch(batch: Sequence[NewMessage]) -> str:
    return _encoder.encode(batch).decode()


def decode_results(text_result: str) -> list[Appended]:
    return _decoder.decode(text_result)


async def append(tx: Tx, message: NewMessage) -> Appended:
    """Append one message inside an ordinary transaction."""
    result = await tx.session.execute(_APPEND, {"batch": encode_batch([message]), "now": tx.now})
    return decode_results(result.scalar_one())[0]
