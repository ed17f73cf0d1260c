"""What one process knows of itself: for the health page with each sign of life, for Prometheus whenever it is asked."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import structlog

from qiatan.entrypoints.gateway import Gateway
from qiatan.entrypoints.polling import Pollers
from qiatan.infra import metrics, tracing
from qiatan.infra.bus.base import Subscription
from qiatan.infra.metrics import Family, counter, gauge
from qiatan.infra.postgres import MOVED_FILE
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor
from qiatan.kit.events import Event
from qiatan.modules.conversations.events import MessagesAppended

log = structlog.get_logger(__name__)

TICK_SECONDS = 2.0
TICKS_PER_LOOK = 2


def subject_of(node_id: object) -> str:
    """Where a node answers for its metrics."""
    return f"metrics.{node_id}"


class Monitor:
    """Watches its process for as long as it serves, or works off jobs; then it has neither sockets nor polls."""

    def __init__(self, resources: Resources, gateway: Gateway | None = None, pollers: Pollers | None = None) -> None:
        self._resources = resources
        self._gateway = gateway
        self._pollers = pollers
        self._ticking: asyncio.Task[None] | None = None
        self._answering: Subscription | None = None
        self._lag = 0.0
        self._cpu = (time.monotonic(), time.process_time())
        resources.database.listeners.append(count_messages)

    async def start(self) -> None:
        """Begin to watch; the bus must have been started."""
        node = self._resources.node
        if self._resources.settings.otlp_endpoint is not None:
            tracing.start(self._resources.settings.otlp_endpoint, version=node.version, node=f"{node.machine} {node.name}")
        self.look()
        self._answering = await self._resources.bus.respond(subject_of(node.id), self._answer)
        self._ticking = asyncio.create_task(self._tick(), name="monitor")

    async def close(self) -> None:
        """Stop watching, and send the traces that wait."""
        if self._ticking is not None:
            self._ticking.cancel()
        if self._answering is not None:
            await self._answering.unsubscribe()
        await asyncio.to_thread(tracing.stop)

    async def _tick(self) -> None:
        ticks = 0
        while True:
            asked = time.monotonic()
            await asyncio.sleep(TICK_SECONDS)
            lag = max(0.0, time.monotonic() - asked - TICK_SECONDS)
            metrics.LOOP_LAG.observe(lag)
            self._lag = max(self._lag, lag)
            ticks += 1
            if ticks % TICKS_PER_LOOK == 0:
                try:
                    self.look()
                except Exception as error:  # noqa: BLE001 -- a look that fails must not end the watch
                    log.warning("monitor.not_looked", error=str(error))

    def look(self) -> None:
        """Put together what the next sign of life of this node tells (`nodes.health`): numbers and times, and nothing of anybody."""
        resources = self._resources
        now, used = time.monotonic(), time.process_time()
        since, before = self._cpu
        lag, self._lag, self._cpu = self._lag, 0.0, (now, used)
        sockets, space = self._sockets(), _space(resources.settings.data_dir)
        mailer = resources.mailer
        resources.node.health = {
            "pid": os.getpid(),
            "cpu": round((used - before) / (now - since), 3) if now > since else 0.0,
            "memory": metrics.resident_bytes(),
            "files": metrics.open_files(),
            "agents": sockets["agent"],
            "visitors": sockets["customer"],
            "polls": self._polls(),
            "lag": round(lag, 3),
            "bus": resources.bus.connected,
            "bus_dropped": resources.bus.dropped,
            **({"disk_free": space.free, "disk_total": space.size} if space else {}),
            "overdue": round(max(metrics.TIMER_OVERDUE.values.values(), default=0.0), 1),
            "mail_sent_at": mailer.sent_at.isoformat() if mailer.sent_at else None,
            "mail_failed_at": mailer.failed_at.isoformat() if mailer.failed_at else None,
            "counters": metrics.last_comparison(),
        }

    def families(self) -> Iterator[Family]:
        """All metrics of this process."""
        resources = self._resources
        yield from metrics.instruments()
        yield from metrics.of_process(resources.node.version, resources.node.schema_revision)
        sockets = self._sockets()
        yield gauge(
            "qiatan_sockets", "Open connections, by who is behind them.", [({"kind": key}, value) for key, value in sockets.items()]
        )
        yield gauge("qiatan_polls", "Connections among them that are carried by long polling.", [({}, self._polls())])
        pools = resources.database.pools()
        states = [({"role": role, "state": "used"}, used) for role, (used, _) in pools.items()]
        states += [({"role": role, "state": "idle"}, idle) for role, (_, idle) in pools.items()]
        yield gauge("qiatan_database_connections", "Connections of the pools.", [(labels, value) for labels, value in states])
        waiting = max(0, resources.database.begun - sum(used for used, _ in pools.values())) + resources.database.gate.waiting
        yield gauge("qiatan_database_waiting", "Transactions that have no connection (yet).", [({}, waiting)])
        bus = resources.bus
        yield gauge("qiatan_bus_connected", "Whether this node is on the bus.", [({}, int(bus.connected))])
        yield counter("qiatan_bus_dropped", "Messages the bus did not carry.", bus.dropped)
        yield counter("qiatan_bus_published", "Messages handed to the bus.", getattr(bus, "sent", 0))
        yield counter("qiatan_bus_received", "Messages that came over the bus.", getattr(bus, "received", 0))
        space = _space(resources.settings.data_dir)
        yield gauge("qiatan_disk_free_bytes", "Free space on the disk of the data directory.", [({}, space.free)] if space else [])
        yield gauge("qiatan_disk_size_bytes", "Size of the disk of the data directory.", [({}, space.size)] if space else [])

    def _sockets(self) -> Counter[str]:
        found = Counter({"agent": 0, "customer": 0, "unknown": 0})
        for connection in self._resources.hub.connections:
            found["agent" if isinstance(connection.actor, AgentActor) else "customer"] += 1
        found["unknown"] = len(self._gateway.everybody()) - found.total() if self._gateway is not None else 0
        return found

    def _polls(self) -> int:
        return len(self._pollers) if self._pollers is not None else 0

    async def _answer(self, _: bytes) -> bytes:
        return metrics.encode(list(self.families()))


class _Space(NamedTuple):
    free: int
    size: int


def _space(data_dir: Path) -> _Space | None:
    """In bytes, of the fuller disk where the embedded database had to be placed elsewhere; None where the system does not tell."""
    moved = data_dir / MOVED_FILE
    try:
        places = [data_dir, Path(moved.read_text().strip())] if moved.is_file() else [data_dir]
        disks = [shutil.disk_usage(place) for place in places]
    except OSError:
        return None
    return min(_Space(disk.free, disk.total) for disk in disks)


def count_messages(events: Sequence[Event]) -> None:
    """What ordinary transactions have written; the message log counts its own."""
    for event in events:
        if isinstance(event, MessagesAppended):
            for message in event.messages:
                metrics.MESSAGES.add(message.sender_kind.value, "stored")
