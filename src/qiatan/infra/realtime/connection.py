"""One client's connection, whatever carries it."""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from qiatan.infra import metrics
from qiatan.infra.realtime.hub import Hub, Topic
from qiatan.kit.access import AgentActor, VisitorActor

# A reader this far behind is cut off; it comes back, says what it has, and gets the rest from the database.
MAX_QUEUED_BYTES = 1024 * 1024
MAX_QUEUED_FRAMES = 2_000

CLOSE_SLOW_READER = 4009
CLOSE_BAD_FRAMES = 4400
CLOSE_UNAUTHORISED = 4401
CLOSE_IDLE = 4408
CLOSE_TOO_LARGE = 4413
CLOSE_TOO_MANY = 4429
CLOSE_RESTART = 1012

ASLEEP = "asleep"
"""In the memory of an agent's connection: nobody looks at the page, and its phone is called when there is something."""


class Transport(Protocol):
    """What carries frames to the client: a WebSocket, or a client that polls."""

    def write(self, payload: bytes) -> bool:
        """Hand over a JSON array of frames. False when the client is not ready for more yet; `Connection.flush` comes again."""
        ...

    def close(self, code: int, reason: str) -> None: ...


class Connection:
    """A client and its bounded outbound queue.

    `actor` is set once the client has said who it is. `memory` is for the doors of the modules (what they cache per connection).
    """

    __slots__ = ("_hub", "_queue", "_queued_bytes", "_transport", "actor", "address", "closed", "memory", "seen_at", "topics")

    def __init__(self, hub: Hub, transport: Transport, address: str) -> None:
        self._hub = hub
        self._transport = transport
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self.actor: AgentActor | VisitorActor | None = None
        self.address = address
        self.closed = False
        self.seen_at = 0.0
        self.topics: set[Topic] = set()
        self.memory: dict[str, Any] = {}

    def push(self, frame: bytes) -> None:
        """Queue an encoded frame; a client too far behind is cut off instead."""
        if self.closed:
            return
        if not self._queue:
            self._hub.mark_dirty(self)
        self._queue.append(frame)
        self._queued_bytes += len(frame)
        if self._queued_bytes > MAX_QUEUED_BYTES or len(self._queue) > MAX_QUEUED_FRAMES:
            metrics.SLOW_READERS.add()
            self.close(CLOSE_SLOW_READER, "slow_reader")

    def flush(self) -> None:
        """Write what waits, as one JSON array, if the transport takes it."""
        if self.closed or not self._queue:
            return
        payload = b"[" + b",".join(self._queue) + b"]"
        if self._transport.write(payload):
            metrics.FRAMES_OUT.add(by=len(self._queue))
            self._queue.clear()
            self._queued_bytes = 0

    def close(self, code: int, reason: str) -> None:
        """Close once; the hub forgets the connection at once, so nothing more reaches it."""
        if self.closed:
            return
        self.closed = True
        self._queue.clear()
        self._hub.remove(self)
        self._transport.close(code, reason)
