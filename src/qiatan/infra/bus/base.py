"""What a bus between nodes promises."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

Handler = Callable[[bytes], None]
Responder = Callable[[bytes], Awaitable[bytes]]


class BusUnavailable(Exception):
    """Nobody answered: the bus is away, the other node is gone, or it took too long."""


class Subscription(Protocol):
    async def unsubscribe(self) -> None:
        """Hear no more. What was received and not handled yet is dropped."""
        ...


class Bus(Protocol):
    """Messages between nodes, at most once: what the bus loses is healed by those who needed it (clients by seq and digest).

    What one node publishes reaches each subscription in the order in which it was published. A node hears its own messages on no
    subject: `publish` is for the others.
    """

    dropped: int
    """Messages that were not sent because the bus was away or too far behind, or that came faster than they could be handled."""
    on_reconnect: list[Callable[[], None]]
    """Called when messages may have been missed: after the bus was away, and after it delivered faster than could be read."""

    @property
    def connected(self) -> bool: ...

    @property
    def alone(self) -> bool:
        """Whether there can be no other node, so that nothing need be prepared for publishing."""
        ...

    async def start(self) -> None:
        """Connect. A bus that is away does not hold up the start: it is tried again until it is there."""
        ...

    async def close(self) -> None:
        """Send what waits, then leave."""
        ...

    def publish(self, subject: str, payload: bytes) -> None:
        """Send without waiting. Never raises: when the bus is away or too far behind the message is dropped and counted."""
        ...

    async def subscribe(self, subject: str, handler: Handler) -> Subscription:
        """Hear a subject. When this returns, what others publish from now on is heard, if the bus is there.

        Handlers are called one message at a time; one that fails is logged.
        """
        ...

    async def request(self, subject: str, payload: bytes, seconds: float) -> bytes:
        """Ask whoever responds to the subject.

        Raises:
            BusUnavailable: nobody is there, or no answer came within so many seconds.
        """
        ...

    async def respond(self, subject: str, responder: Responder) -> Subscription:
        """Answer requests to a subject, several at a time."""
        ...
