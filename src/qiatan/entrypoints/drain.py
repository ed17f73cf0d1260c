"""How a node leaves without losing anybody: clients are sent to the others in waves, what runs is finished, what waits is written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qiatan.infra.realtime.returning import time_away

if TYPE_CHECKING:
    from qiatan.entrypoints.gateway import Gateway
    from qiatan.infra.realtime.connection import Connection

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

WAVE_SECONDS = 0.1
WAVE_LEAST = 250
"""Clients in one wave at least: so many a server takes at once, and few clients are not kept waiting."""
SPREAD_SECONDS = 3.0
"""How long all waves take at most."""


@dataclass(slots=True)
class Drain:
    """Whether this node is leaving, as `/readyz`, its answers and its end see it."""

    unready: bool = False
    """Load balancers should look elsewhere; everything is still answered."""
    leaving: bool = False
    """Nothing new is accepted; answers end their connection, so that the next request goes to another node."""
    retired: bool = False
    """Another node has this one's place already, so there is no hurry."""
    ends_at: float | None = None
    """When it should be over, on the running loop's clock. None where there is time."""
    hurried: asyncio.Event = field(default_factory=asyncio.Event)
    """The operator does not want to wait."""

    def left(self, seconds: float, *, least: float, keep: float = 0) -> float:
        """How many of a stage's seconds are left of the whole; `least`: what it gets in any case; `keep`: what those after it need."""
        if self.ends_at is None:
            return seconds
        return max(least, min(seconds, self.ends_at - keep - asyncio.get_running_loop().time()))

    async def linger(self, seconds: float) -> None:
        """Go on for so long, or until the operator does not want to wait."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.hurried.wait(), seconds)


def waves(people: Collection[Connection]) -> Iterable[list[Connection]]:
    """All of them, in groups that need no more than SPREAD_SECONDS with one every WAVE_SECONDS."""
    everybody = list(people)
    size = max(WAVE_LEAST, -(-len(everybody) // round(SPREAD_SECONDS / WAVE_SECONDS)))
    for start in range(0, len(everybody), size):
        yield everybody[start : start + size]


def closing(send: Send) -> Send:
    """Ends the connection with its answer, so that the next request finds another node."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await send(message)

    return sending


async def say_goodbye(gateway: Gateway, drain: Drain) -> None:
    """Send all clients away in waves; those that come meanwhile get theirs with the gateway's own end."""
    everybody = gateway.everybody()
    within = time_away(len(everybody))
    for number, wave in enumerate(waves(everybody)):
        if number:
            await drain.linger(WAVE_SECONDS)
        for connection in wave:
            if not connection.closed:
                gateway.restarting(connection, within)
