"""A frame that is being handled, as what is logged and traced meanwhile names it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any

import structlog

from qiatan.infra import logs, tracing
from qiatan.kit.access import AgentActor

if TYPE_CHECKING:
    from qiatan.infra.realtime.connection import Connection

log = structlog.get_logger(__name__)


class FrameAround:
    """Made for every frame, so it keeps only what it was given; the ids are put together when a line is written."""

    __slots__ = ("_connection", "database_seconds", "frame")

    def __init__(self, connection: Connection, frame: Any) -> None:
        self._connection = connection
        self.frame = frame
        self.database_seconds = 0.0

    @property
    def kind(self) -> str:
        return "unknown" if self.frame is None else str(type(self.frame).__struct_config__.tag)

    def ids(self) -> Mapping[str, str]:
        found = {"frame": self.kind}
        actor = self._connection.actor
        if isinstance(actor, AgentActor):
            found |= {"enterprise_id": str(actor.enterprise_id), "agent_id": str(actor.agent_id)}
        elif actor is not None:
            found |= {"enterprise_id": str(actor.enterprise_id), "customer_id": str(actor.customer_id)}
        conversation = getattr(self.frame, "conversation_id", None)
        if conversation is not None:
            found["conversation_id"] = str(conversation)
        return found

    def spent_in_database(self, seconds: float) -> None:
        self.database_seconds += seconds


async def finish(cause: FrameAround, waiting: Awaitable[None]) -> None:
    """Wait for what a frame began, in its name; one that took long gets a line."""
    named = logs.around.set(cause)
    began = time.perf_counter()
    try:
        if tracing.is_on():
            with tracing.span(f"frame {cause.kind}", cause.ids()):
                await waiting
        else:
            await waiting
    finally:
        seconds = time.perf_counter() - began
        if seconds > logs.SLOW_SECONDS:
            log.warning("frame.slow", seconds=round(seconds, 3), in_transactions=round(cause.database_seconds, 3))
        logs.around.reset(named)
