"""Read marks and typing: the small frames that a busy floor makes thousands of, gathered for a moment and done in one statement (decision 0032)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import structlog

from qiatan.infra.db import DirectConnection
from qiatan.infra.gathering import Gathering
from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.doors import Frame, encode, error_frame
from qiatan.infra.throttle import Rate
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.kit.errors import BadRequest, Busy, Fault, NotAllowed
from qiatan.kit.text import storable
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import SenderKind
from qiatan.modules.conversations.permissions import JOIN
from qiatan.modules.conversations.realtime import frames, topics
from qiatan.modules.conversations.repository import signals

if TYPE_CHECKING:
    from qiatan.infra.resources import Resources

log = structlog.get_logger(__name__)

TYPING = Rate(burst=3, per_minute=60)
GATHER_SECONDS = 0.025
"""Nobody sees that a tick or three dots come this much later."""


class _Reading(NamedTuple):
    connection: Connection
    actor: AgentActor | VisitorActor
    conversation_id: UUID
    seq: int


class _Typing(NamedTuple):
    connection: Connection
    actor: AgentActor | VisitorActor
    conversation_id: UUID | None
    text: str | None


class Signals:
    """The doors of `read` and `typing`."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        # Marks do not wait for the disk: one that a power failure takes back is a badge that is seen twice, and it goes with its counter.
        self._direct = DirectConnection(resources.database.url, flushed=False)
        self._marks: Gathering[_Reading] = Gathering(self._mark, seconds=GATHER_SECONDS, name="read-marks")
        self._typing: Gathering[_Typing] = Gathering(self._show_typing, seconds=GATHER_SECONDS, name="typing")
        self._tasks: set[asyncio.Task[None]] = set()

    def read(self, connection: Connection, frame: Frame) -> None:
        assert isinstance(frame, frames.Read)
        actor = _known(connection)
        if not self._marks.add(actor.enterprise_id, _Reading(connection, actor, frame.conversation_id, frame.seq)):
            raise Busy

    def typing(self, connection: Connection, frame: Frame) -> None:
        """Not a fact: never stored, straight to the other side. Too many are dropped without a word."""
        assert isinstance(frame, frames.Typing)
        actor = _known(connection)
        who = actor.agent_id if isinstance(actor, AgentActor) else actor.customer_id
        if isinstance(actor, AgentActor) and frame.conversation_id is None:
            raise BadRequest("Name the conversation (conversation_id).")
        if self._resources.throttle.wait(f"typing:{who}", TYPING) > 0:
            return
        shown = frame.text if isinstance(actor, VisitorActor) and frame.text is not None and storable(frame.text) else None
        self._typing.add(actor.enterprise_id, _Typing(connection, actor, frame.conversation_id, shown))

    async def settled(self) -> None:
        """Wait until everything that came so far is done."""
        await self._marks.settled()
        await self._typing.settled()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    async def close(self) -> None:
        await self.settled()
        await self._direct.close()

    async def _mark(self, items: Sequence[_Reading]) -> None:
        try:
            marked = await signals.move_marks(self._direct, [_mark(order, item) for order, item in enumerate(items)])
        except Fault as fault:
            for item in items:
                item.connection.push(error_frame(fault))
            return
        for item, result in zip(items, marked, strict=True):
            if not result.own:
                self._apart(item.connection, self._mark_alone(item))
            elif result.seq is not None and result.customer_id is not None:
                self._tell_read(item, result, result.seq, result.customer_id)

    def _tell_read(self, item: _Reading, result: signals.Marked, seq: int, customer_id: UUID) -> None:
        side = SenderKind.AGENT if isinstance(item.actor, AgentActor) else SenderKind.CUSTOMER
        audience = topics.audience(
            enterprise_id=item.actor.enterprise_id,
            conversation_id=item.conversation_id,
            customer_id=customer_id,
            assignee_id=result.assignee_id,
            waiting=result.waiting,
            joined_ids=result.joined or (),
        )
        self._resources.relay.publish(item.actor.enterprise_id, audience, encode(frames.ReadFrame(item.conversation_id, side, seq)))

    async def _mark_alone(self, item: _Reading) -> None:
        async with self._resources.database.tenant(item.actor.enterprise_id) as tx:
            if isinstance(item.actor, AgentActor):
                await service.mark_read(tx, item.actor, item.conversation_id, item.seq)
            else:
                await service.mark_read_own(tx, item.actor, item.conversation_id, item.seq)

    async def _show_typing(self, items: Sequence[_Typing]) -> None:
        try:
            lines = await signals.lines_typed_on(self._direct, [_typed(order, item) for order, item in enumerate(items)])
            showing = await self._showing({item.actor.enterprise_id for item in items if item.text is not None})
        except Fault as fault:
            log.info("typing.dropped", items=len(items), code=fault.code)
            return
        for order, item in enumerate(items):
            line = lines.get(order)
            if line is None:
                if isinstance(item.actor, AgentActor) and item.conversation_id is not None:
                    self._apart(item.connection, self._refuse(item.actor, item.conversation_id))
            elif isinstance(item.actor, AgentActor):
                self._agent_types(item.connection, item.actor, line)
            else:
                text = item.text if item.actor.enterprise_id in showing else None
                self._tell(item.connection, line, frames.TypingFrame(line.conversation_id, SenderKind.CUSTOMER, text))

    async def _showing(self, enterprise_ids: set[UUID]) -> frozenset[UUID]:
        """Those that let agents see what a visitor types before it is sent."""
        if not enterprise_ids:
            return frozenset()
        async with self._resources.database.system() as tx:
            return await accounts.showing_typed(tx, enterprise_ids)

    def _agent_types(self, connection: Connection, actor: AgentActor, line: signals.Line) -> None:
        told = encode(frames.TypingFrame(line.conversation_id, SenderKind.AGENT))
        self._resources.relay.publish(actor.enterprise_id, [topics.customer(line.customer_id)], told)
        self._tell(connection, line, frames.TypingFrame(line.conversation_id, SenderKind.AGENT, agent_id=actor.agent_id))

    def _tell(self, connection: Connection, line: signals.Line, frame: frames.TypingFrame) -> None:
        audience = [topics.one(line.conversation_id), *map(topics.agent, line.agent_ids)]
        self._resources.relay.publish(_known(connection).enterprise_id, audience, encode(frame), besides=connection)

    async def _refuse(self, actor: AgentActor, conversation_id: UUID) -> None:
        """Say why: what may not be seen is not there, what may is somebody else's."""
        async with self._resources.database.tenant(actor.enterprise_id) as tx:
            await service.line_of(tx, actor, conversation_id)

    def _apart(self, connection: Connection, work: Awaitable[None]) -> None:
        """In a transaction of its own, which knows what this sender may see; what it refuses is told to them."""
        task = asyncio.create_task(self._tell_fault(connection, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    async def _tell_fault(connection: Connection, work: Awaitable[None]) -> None:
        try:
            await work
        except Fault as fault:
            connection.push(error_frame(fault))
        except Exception as error:
            log.exception("frame.crashed", error=str(error))


def _known(connection: Connection) -> AgentActor | VisitorActor:
    if connection.actor is None:
        raise NotAllowed
    return connection.actor


def _mark(order: int, item: _Reading) -> signals.Mark:
    actor = item.actor
    if isinstance(actor, AgentActor):
        return signals.Mark(order, actor.enterprise_id, item.conversation_id, True, actor.agent_id, None, item.seq)
    return signals.Mark(order, actor.enterprise_id, item.conversation_id, False, actor.customer_id, actor.channel_id, item.seq)


def _typed(order: int, item: _Typing) -> signals.Typed:
    actor = item.actor
    if isinstance(actor, AgentActor):
        return signals.Typed(order, actor.enterprise_id, c=item.conversation_id, a=actor.agent_id, j=actor.may(JOIN))
    return signals.Typed(order, actor.enterprise_id, cu=actor.customer_id, ch=actor.channel_id)
