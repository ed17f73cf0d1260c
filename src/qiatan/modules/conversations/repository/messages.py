"""Reading messages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from qiatan.infra.db import Tx, is_one_of
from qiatan.modules.conversations.contracts import PERSONAL_KINDS, MessageKind, SenderKind
from qiatan.modules.conversations.models import MessageRow

_Withdrawal = aliased(MessageRow)


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a message after it was written: withdrawn, or given another text by the edit at `edit_seq`."""

    withdrawn: bool = False
    edit_seq: int | None = None
    text: str | None = None


Read = tuple[MessageRow, Fate]
"""A message and what became of it; for an edit, of the message it changes."""

UNTOUCHED = Fate()


class MessageRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def page(self, conversation_id: UUID, *, after_seq: int | None, before_seq: int | None, limit: int) -> Sequence[Read]:
        """Messages in seq order: the first ones after `after_seq`, or the last ones before `before_seq` (or of all)."""
        query = self._of(conversation_id).limit(limit)
        if after_seq is not None:
            rows = list((await self._session.execute(query.where(MessageRow.seq > after_seq).order_by(MessageRow.seq))).scalars())
        else:
            if before_seq is not None:
                query = query.where(MessageRow.seq < before_seq)
            rows = list((await self._session.execute(query.order_by(MessageRow.seq.desc()))).scalars())[::-1]
        fates = await self._fates(conversation_id, {_subject(row) for row in rows})
        return [(row, fates.get(_subject(row), UNTOUCHED)) for row in rows]

    def _of(self, conversation_id: UUID) -> Select[MessageRow]:
        return select(MessageRow).where(MessageRow.enterprise_id == self._enterprise_id, MessageRow.conversation_id == conversation_id)

    async def _fates(self, conversation_id: UUID, seqs: Collection[int]) -> dict[int, Fate]:
        """What became of those of these messages that did not stay as they were."""
        # Each kind has an index of its own, so it is named with the seqs.
        ways = [and_(MessageRow.kind == kind, is_one_of(MessageRow.ref_seq, seqs)) for kind in (MessageKind.WITHDRAWAL, MessageKind.EDIT)]
        # Only the newest of each, however often a message was changed.
        newest = distinct_on(MessageRow.kind, MessageRow.ref_seq)
        query = self._of(conversation_id).where(or_(*ways)).ext(newest).order_by(MessageRow.kind, MessageRow.ref_seq, MessageRow.seq.desc())
        fates: dict[int, Fate] = {}
        for row in (await self._session.execute(query)).scalars() if seqs else ():
            subject, fate = _subject(row), fates.get(_subject(row), UNTOUCHED)
            if row.kind == MessageKind.EDIT:
                fates[subject] = replace(fate, edit_seq=row.seq, text=row.text)
            else:
                fates[subject] = replace(fate, withdrawn=True)
        return fates

    async def find(self, conversation_id: UUID, seq: int) -> MessageRow | None:
        return await self._session.get(MessageRow, (self._enterprise_id, conversation_id, seq))

    async def withdrawn(self, conversation_id: UUID, seq: int) -> bool:
        query = select(MessageRow.seq).where(
            MessageRow.enterprise_id == self._enterprise_id,
            MessageRow.conversation_id == conversation_id,
            MessageRow.kind == MessageKind.WITHDRAWAL,
            MessageRow.ref_seq == seq,
        )
        return (await self._session.execute(query)).first() is not None

    async def first_answer(self, conversation_id: UUID) -> datetime | None:
        """When an agent first answered with something that was not taken back since."""
        query = select(MessageRow.at).where(*self._standing(conversation_id, SenderKind.AGENT)).order_by(MessageRow.seq).limit(1)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def first_of_customer(self, conversation_id: UUID) -> datetime | None:
        """When the customer first wrote something that they have not taken back since."""
        query = select(MessageRow.at).where(*self._standing(conversation_id, SenderKind.CUSTOMER)).order_by(MessageRow.seq).limit(1)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def unanswered_since(self, conversation_id: UUID) -> datetime | None:
        """When the customer wrote the oldest message that no agent has answered since, by what neither side has taken back."""
        of_agents = self._standing(conversation_id, SenderKind.AGENT)
        answer = select(MessageRow.seq).where(*of_agents).order_by(MessageRow.seq.desc()).limit(1)
        answered = (await self._session.execute(answer)).scalar_one_or_none() or 0
        query = select(MessageRow.at).where(*self._standing(conversation_id, SenderKind.CUSTOMER), MessageRow.seq > answered)
        return (await self._session.execute(query.order_by(MessageRow.seq).limit(1))).scalar_one_or_none()

    def _standing(self, conversation_id: UUID, side: SenderKind) -> tuple[ColumnElement[bool], ...]:
        """What one side has said to the other and not taken back."""
        taken_back = exists(
            select(_Withdrawal.seq).where(
                _Withdrawal.enterprise_id == MessageRow.enterprise_id,
                _Withdrawal.conversation_id == MessageRow.conversation_id,
                _Withdrawal.kind == MessageKind.WITHDRAWAL,
                _Withdrawal.ref_seq == MessageRow.seq,
            )
        )
        return (
            MessageRow.enterprise_id == self._enterprise_id,
            MessageRow.conversation_id == conversation_id,
            MessageRow.sender_kind == side,
            MessageRow.kind.in_(PERSONAL_KINDS),
            ~taken_back,
        )

    async def edits(self, conversation_id: UUID, seq: int) -> int:
        """How often a message was changed."""
        query = select(func.count()).where(
            MessageRow.enterprise_id == self._enterprise_id,
            MessageRow.conversation_id == conversation_id,
            MessageRow.kind == MessageKind.EDIT,
            MessageRow.ref_seq == seq,
        )
        return (await self._session.execute(query)).scalar_one()

    async def find_repeat(self, sender_id: UUID, client_message_id: UUID) -> MessageRow | None:
        """The first result of a send that is tried again, whatever conversation it went to."""
        query = select(MessageRow).where(
            MessageRow.enterprise_id == self._enterprise_id,
            MessageRow.sender_id == sender_id,
            MessageRow.client_message_id == client_message_id,
        )
        return (await self._session.execute(query)).scalar_one_or_none()


def _subject(row: MessageRow) -> int:
    """Which message a row is about: an edit or a withdrawal about the one it changes, all else about itself."""
    return row.ref_seq if row.ref_seq is not None else row.seq
