"""Who listens to what, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

if TYPE_CHECKING:
    from qiatan.infra.realtime.connection import Connection

log = structlog.get_logger(__name__)

Topic = tuple[str, UUID]
"""A kind and an id: `("agent", agent_id)`, `("customer", customer_id)`, `("queue", enterprise_id)` …"""


class Hub:
    """Connections by topic. A frame published to several topics reaches each connection once.

    Frames are encoded once by the publisher; connections that got some are flushed together at the end of the loop's turn, so
    that several frames for one socket go out in one write.
    """

    def __init__(self) -> None:
        self._listeners: dict[Topic, set[Connection]] = {}
        self._dirty: list[Connection] = []
        self.connections: set[Connection] = set()
        self.notes: dict[Topic, object] = {}
        """What publishers remember of what they last told a topic, so that a thousand listeners hear changes only."""

    def add(self, connection: Connection) -> None:
        self.connections.add(connection)

    def remove(self, connection: Connection) -> None:
        """Forget a closed connection and everything it listened to."""
        self.connections.discard(connection)
        for topic in tuple(connection.topics):
            self.unsubscribe(connection, topic)

    def subscribe(self, connection: Connection, topic: Topic) -> None:
        """Listen to a topic. A connection that was closed while its frame was being handled hears nothing any more."""
        if connection.closed:
            return
        connection.topics.add(topic)
        self._listeners.setdefault(topic, set()).add(connection)

    def unsubscribe(self, connection: Connection, topic: Topic) -> None:
        connection.topics.discard(topic)
        listeners = self._listeners.get(topic)
        if listeners is not None:
            listeners.discard(connection)
            if not listeners:
                del self._listeners[topic]

    def listeners(self, topic: Topic) -> frozenset[Connection]:
        return frozenset(self._listeners.get(topic, ()))

    def forget(self, enterprise_id: UUID) -> None:
        """Remember no more of what was told to an enterprise's topics: it may have become another one unheard."""
        for topic in [topic for topic in self.notes if topic[1] == enterprise_id]:
            del self.notes[topic]

    def publish(self, topics: Iterable[Topic], frame: bytes, *, besides: Connection | None = None, of: UUID | None = None) -> None:
        """Queue an encoded frame for everybody who listens to one of the topics, except `besides`.

        `of`: only connections of this enterprise, where another node says whom it is for.
        """
        reached: set[Connection] | None = None
        for topic in topics:
            found = self._listeners.get(topic)
            if found:
                reached = found if reached is None else reached | found
        if reached is None:
            return
        for connection in tuple(reached):
            if connection is not besides and (of is None or (connection.actor is not None and connection.actor.enterprise_id == of)):
                connection.push(frame)

    def mark_dirty(self, connection: Connection) -> None:
        """Called by a connection whose outbound queue got its first frame."""
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self._flush)
        self._dirty.append(connection)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for connection in dirty:
            try:
                connection.flush()
            except Exception as error:
                # One transport's fault must not keep back what others are to get.
                log.exception("hub.flush_failed", error=str(error))
                connection.closed = True
                self.remove(connection)
