"""What people read and type, of many at once: each is a small thing, and a busy floor makes thousands of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations.contracts import SenderKind, Status
from qiatan.modules.conversations.events import ConversationRead
from qiatan.modules.conversations.models import ConversationRow
from qiatan.modules.conversations.permissions import JOIN
from qiatan.modules.conversations.repository import signals
from qiatan.modules.conversations.repository.signals import Line, Locked, Place


@dataclass(frozen=True, slots=True)
class Mark:
    """Somebody has read a conversation up to `seq`."""

    actor: AgentActor | VisitorActor
    conversation_id: UUID
    seq: int

    @property
    def place(self) -> Place:
        return self.actor.enterprise_id, self.conversation_id


@dataclass(frozen=True, slots=True)
class Typed:
    """Somebody types: an agent in the conversation they name, a visitor in the one they have open."""

    actor: AgentActor | VisitorActor
    conversation_id: UUID | None
    text: str | None


async def mark_read_together(tx: Tx, marks: Sequence[Mark]) -> list[bool]:
    """Move the read marks of those who serve a conversation or write in it as its customer; False for everybody else's, of which nothing
    is changed: `mark_read` knows what they may hear.

    Nobody waits for the disk: a mark that a power failure takes back is a badge that is seen twice, and it goes with its counter.
    """
    await signals.spare_the_flush(tx)
    rows = await signals.lock(tx, {mark.place for mark in marks})
    own = [_is_own(mark, rows.get(mark.place)) for mark in marks]
    for side in (SenderKind.AGENT, SenderKind.CUSTOMER):
        moved: dict[Place, int] = {}
        for mark, mine in zip(marks, own, strict=True):
            if mine and _side(mark.actor) is side:
                row = rows[mark.place]
                seq = min(mark.seq, row.head)
                if seq > max(_read_by(row, side), moved.get(mark.place, 0)):
                    moved[mark.place] = seq
        if moved:
            await signals.move_marks(tx, side, moved)
        for place, seq in moved.items():
            tx.emit(told_read(place, rows[place], side, seq))
    return own


async def lines_typed_on(tx: Tx, typed: Sequence[Typed]) -> tuple[list[Line | None], frozenset[UUID]]:
    """Who is on the conversation that each types in (None: no open one, or none of theirs), and the enterprises that let agents see what a
    visitor types before it is sent."""
    lines: list[Line | None] = [None] * len(typed)
    visitors = [(place, one.actor) for place, one in enumerate(typed) if isinstance(one.actor, VisitorActor)]
    agents = [
        (place, one.actor, one.conversation_id)
        for place, one in enumerate(typed)
        if isinstance(one.actor, AgentActor) and one.conversation_id is not None
    ]
    opened = await signals.open_lines(tx, [(actor.enterprise_id, actor.customer_id, actor.channel_id) for _, actor in visitors])
    served = await signals.served_lines(
        tx, [(actor.enterprise_id, conversation_id, actor.agent_id, actor.may(JOIN)) for _, actor, conversation_id in agents]
    )
    for position, line in opened.items():
        lines[visitors[position][0]] = line
    for position, line in served.items():
        lines[agents[position][0]] = line
    asking = {one.actor.enterprise_id for one in typed if one.text is not None}
    return lines, await accounts.showing_typed(tx, asking) if asking else frozenset()


def _side(actor: AgentActor | VisitorActor) -> SenderKind:
    return SenderKind.AGENT if isinstance(actor, AgentActor) else SenderKind.CUSTOMER


def _is_own(mark: Mark, row: Locked | None) -> bool:
    if row is None:
        return False
    if isinstance(mark.actor, AgentActor):
        return row.assignee_id == mark.actor.agent_id
    return row.customer_id == mark.actor.customer_id and row.channel_id == mark.actor.channel_id


def _read_by(row: Locked, side: SenderKind) -> int:
    return row.agent_read_seq if side is SenderKind.AGENT else row.customer_read_seq


def told_read(place: Place, row: Locked | ConversationRow, side: SenderKind, seq: int) -> ConversationRead:
    """What is announced when one side's mark has moved."""
    enterprise_id, conversation_id = place
    return ConversationRead(
        enterprise_id=enterprise_id,
        conversation_id=conversation_id,
        customer_id=row.customer_id,
        assignee_id=row.assignee_id,
        joined_ids=tuple(row.joined_ids),
        waiting=row.status == Status.WAITING,
        side=side,
        seq=seq,
    )
