"""Answers to calls that may come again because nobody heard of the first (decision 0034).

An answer is kept by the transaction whose work it tells of: both are there, or neither is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKeyConstraint, Index, LargeBinary, Text, delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from qiatan.infra.db import Base, Tx

KEPT = timedelta(days=1)
KEPT_OF_EACH = 1_000
"""Answers to one caller: who makes more calls with keys in a day repeats none of the first."""
_TRIMMED_AT_ONCE = 10

# Two transactions with one key would each find no answer, and both do the work.
_CLAIM = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


class AnswerRow(Base):
    """`key` and `asked` are digests: of the caller's key, and of all that was asked with it."""

    __tablename__ = "given_answers"
    __table_args__ = (
        ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"]),
        Index("ix_given_answers_of_caller", "enterprise_id", "caller_id", "given_at"),
        Index("ix_given_answers_given_at", "given_at"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(primary_key=True)
    caller_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    asked: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int]
    media_type: Mapped[str | None] = mapped_column(Text)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    given_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, and to what."""

    asked: bytes
    status: int
    media_type: str | None
    content: bytes


async def find(tx: Tx, caller_id: UUID, key: bytes) -> Answer | None:
    """The answer this caller was given under the key. Until the end of the transaction nobody else gives one: who tries waits for it."""
    await tx.session.execute(_CLAIM, {"name": f"answer:{tx.enterprise_id}:{caller_id}:{key.hex()}"})
    query = select(AnswerRow.asked, AnswerRow.status, AnswerRow.media_type, AnswerRow.content).where(
        *_of(tx, caller_id), AnswerRow.key == key
    )
    row = (await tx.session.execute(query)).one_or_none()
    return Answer(*row) if row is not None else None


async def keep(tx: Tx, caller_id: UUID, key: bytes, answer: Answer) -> None:
    """Keep an answer, after `find` found none. The caller's oldest beyond KEPT_OF_EACH go."""
    new = insert(AnswerRow).values(
        enterprise_id=tx.enterprise_id,
        caller_id=caller_id,
        key=key,
        asked=answer.asked,
        status=answer.status,
        media_type=answer.media_type,
        content=answer.content,
        given_at=tx.now,
    )
    await tx.session.execute(new)
    last_kept = select(AnswerRow.given_at).where(*_of(tx, caller_id)).order_by(AnswerRow.given_at.desc()).offset(KEPT_OF_EACH - 1).limit(1)
    # Only what goes is locked. Calls of one caller that end at the same time take different ones, or leave them to each other.
    oldest = (
        select(AnswerRow.key)
        .where(*_of(tx, caller_id), AnswerRow.given_at < last_kept.scalar_subquery())
        .order_by(AnswerRow.given_at)
        .limit(_TRIMMED_AT_ONCE)
        .with_for_update(skip_locked=True)
        .cte("oldest")
    )
    trimmed = delete(AnswerRow).where(*_of(tx, caller_id), AnswerRow.key == oldest.c.key)
    await tx.session.execute(trimmed.execution_options(synchronize_session=False))


async def delete_old(tx: Tx, limit: int) -> int:
    """Delete answers that were given more than a day ago, of all enterprises; returns how many. Needs the system role."""
    old = (
        select(AnswerRow.enterprise_id, AnswerRow.caller_id, AnswerRow.key)
        .where(AnswerRow.given_at < tx.now - KEPT)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("old")
    )
    statement = delete(AnswerRow).where(
        AnswerRow.enterprise_id == old.c.enterprise_id, AnswerRow.caller_id == old.c.caller_id, AnswerRow.key == old.c.key
    )
    result = await tx.session.execute(statement.returning(AnswerRow.key).execution_options(synchronize_session=False))
    return len(result.all())


def _of(tx: Tx, caller_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return AnswerRow.enterprise_id == tx.enterprise_id, AnswerRow.caller_id == caller_id
