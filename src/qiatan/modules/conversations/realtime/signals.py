"""Read marks and typing: the small frames that a busy floor makes thousands of, gathered for a moment and done with few transactions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import structlog

from qiatan.infra.gathering import Gathering
from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.doors import Frame, encode, error_frame
from qiatan.infra.throttle import Rate
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.kit.errors import BadRequest, Busy, Fault, NotAllowed
from qiatan.kit.text import storable
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import SenderKind
from qiatan.modules.conversations.realtime import frames, topics
from qiatan.modules.conversations.repository.signals import Line

if TYPE_CHECKING:
    from qiatan.infra.resources import Resources

log = structlog.get_logger(__name__)

TYPING = Rate(burst=3, per_minute=60)
GATHER_SECONDS = 0.025
"""Nobody sees that a tick or three dots come this much later."""


class _Marked(NamedTuple):
    connection: Connection
    mark: service.Mark


class _Typing(NamedTuple):
    connection: Connection
    typed: service.Typed


class Signals:
    """The doors of `read` and `typing`."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._marks: Gathering[_Marked] = Gathering(self._mark, seconds=GATHER_SECONDS, name="read-marks")
        self._typing: Gathering[_Typing] = Gathering(self._show_typing, seconds=GATHER_SECONDS, name="typing")
        self._tasks: set[asyncio.Task[None]] = set()

    def read(self, connection: Connection, frame: Frame) -> None:
        assert isinstance(frame, frames.Read)
        actor = _known(connection)
        mark = service.Mark(actor, frame.conversation_id, frame.seq)
        if not self._marks.add(actor.enterprise_id, _Marked(connection, mark)):
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
        self._typing.add(actor.enterprise_id, _Typing(connection, service.Typed(actor, frame.conversation_id, shown)))

    async def settled(self) -> None:
        """Wait until everything that came so far is done."""
        await self._marks.settled()
        await self._typing.settled()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    async def _mark(self, items: Sequence[_Marked]) -> None:
        try:
            async with self._resources.database.system() as tx:
                own = await service.mark_read_together(tx, [item.mark for item in items])
        except Fault as fault:
            for item in items:
                item.connection.push(error_frame(fault))
            return
        for item, done in zip(items, own, strict=True):
            if not done:
                self._apart(item.connection, self._mark_alone(item.mark))

    async def _mark_alone(self, mark: service.Mark) -> None:
        async with self._resources.database.tenant(mark.actor.enterprise_id) as tx:
            if isinstance(mark.actor, AgentActor):
                await service.mark_read(tx, mark.actor, mark.conversation_id, mark.seq)
            else:
                await service.mark_read_own(tx, mark.actor, mark.conversation_id, mark.seq)

    async def _show_typing(self, items: Sequence[_Typing]) -> None:
        try:
            async with self._resources.database.system() as tx:
                lines, showing = await service.lines_typed_on(tx, [item.typed for item in items])
        except Fault as fault:
            log.info("typing.dropped", items=len(items), code=fault.code)
            return
        for item, line in zip(items, lines, strict=True):
            actor = item.typed.actor
            if line is None:
                if isinstance(actor, AgentActor):
                    self._apart(item.connection, self._refuse(actor, item.typed))
            elif isinstance(actor, AgentActor):
                self._agent_types(item.connection, actor, line)
            else:
                text = item.typed.text if actor.enterprise_id in showing else None
                self._tell(item.connection, line, frames.TypingFrame(line.conversation_id, SenderKind.CUSTOMER, text))

    def _agent_types(self, connection: Connection, actor: AgentActor, line: Line) -> None:
        told = encode(frames.TypingFrame(line.conversation_id, SenderKind.AGENT))
        self._resources.relay.publish(actor.enterprise_id, [topics.customer(line.customer_id)], told)
        self._tell(connection, line, frames.TypingFrame(line.conversation_id, SenderKind.AGENT, agent_id=actor.agent_id))

    def _tell(self, connection: Connection, line: Line, frame: frames.TypingFrame) -> None:
        audience = [topics.one(line.conversation_id), *map(topics.agent, line.agent_ids)]
        self._resources.relay.publish(_known(connection).enterprise_id, audience, encode(frame), besides=connection)

    async def _refuse(self, actor: AgentActor, typed: service.Typed) -> None:
        """Say why: what may not be seen is not there, what may is somebody else's."""
        if typed.conversation_id is not None:
            async with self._resources.database.tenant(actor.enterprise_id) as tx:
                await service.line_of(tx, actor, typed.conversation_id)

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
