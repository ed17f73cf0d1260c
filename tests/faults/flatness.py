"""Whether the processes of a soak grow: memory by the slope of the later rounds, descriptors by what is left when all have gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.server import alive, rss_kib
from qiatan.entrypoints.socket import CLOSE_SECONDS
from qiatan.entrypoints.supervisor import CONNECTIONS_A_NODE
from qiatan.entrypoints.sweeping import IDLE_SECONDS, SWEEP_SECONDS
from tests.faults.cluster import Cluster, ClusterNode
from tests.faults.holdings import Holdings, holdings

WARM = 16
"""Rounds of a process before its memory counts: pools, caches with their bounds, and the allocator's own reserves fill up until then."""
COUNTED = 12
"""Rounds that are needed to tell a slope from noise."""
KIB_A_ROUND = 512
"""A leak that keeps something of every message, connection or enterprise of a round shows more; what stays below is within the noise."""
PATIENCE = IDLE_SECONDS + SWEEP_SECONDS + CLOSE_SECONDS + 10.0
"""How long a server may keep what is left of somebody who was cut off: until it thinks them gone, and a little for a busy machine."""
BUS_CONNECTIONS = 2
"""Of a process at most: the one it has, and the next one while it goes over to it."""


@dataclass
class Process:
    """One that is watched. `role`: what its holdings are compared with, for a process that died is followed by another one."""

    pid: int
    role: str
    serves: bool
    memory: list[int] = field(default_factory=list)
    """KiB, round by round."""
    last: Holdings | None = None
    """When all had gone."""

    @property
    def name(self) -> str:
        return f"process {self.pid} ({self.role})"

    def slope(self) -> float | None:
        return judged(self.memory)

    def grown(self) -> str:
        """Its memory, first and last, and what is said of it."""
        slope, rounds = self.slope(), len(self.memory)
        first, last = (kib / 1024 for kib in (self.memory[0], self.memory[-1]))
        said = f"of the later rounds {slope:+.0f} KiB a round" if slope is not None else f"no slope is told before {WARM + COUNTED} rounds"
        return f"{self.name}: {first:.0f} MiB -> {last:.0f} MiB in {rounds} rounds, {said}"


class Flatness:
    """Memory and descriptors of every process of the nodes, round by round."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._processes: dict[int, Process] = {}
        self._base: dict[str, Holdings] = {}
        self.waited = 0.0
        """Seconds until all that was of the people had been let go of."""

    def begin(self) -> None:
        """Before anybody has connected."""
        for node, process in self._now():
            held = self._held(node, process)
            self._base[process.role] = max(held, self._base.get(process.role, held), key=lambda one: one.count)

    def measure(self) -> None:
        """After a round."""
        for _, process in self._now():
            process.memory.append(rss_kib(process.pid))

    def shown(self) -> str:
        """The serving processes as they are now, for the round's line."""
        return "  ".join(
            f"{rss_kib(process.pid) // 1024} MiB {held.count} + {held.database} fd"
            for node, process in self._now()
            if process.serves
            for held in (self._held(node, process),)
        )

    async def end(self) -> None:
        """After everybody has gone: wait until their connections are, and see what is left."""
        began = time.monotonic()
        while True:
            for node, process in self._now():
                process.last = self._held(node, process)
            self.waited = time.monotonic() - began
            if self.waited > PATIENCE or not any(self._kept(process) for process in self._processes.values()):
                return
            await asyncio.sleep(0.5)

    def told(self) -> list[str]:
        """What was measured of the processes that lived to the end, and of those that lived long."""
        grown = [one.grown() for one in self._processes.values() if one.memory and (one.last is not None or one.slope() is not None)]
        return grown + [
            f"{process.name}: {self._base[process.role].count} descriptors before the first came, {process.last.count} after the last had gone"
            f" ({self.waited:.0f} s); besides {process.last.database} connections to the database, {process.last.bus} to the bus,"
            f" {process.last.ended} that have ended"
            for process in self._processes.values()
            if process.last is not None
        ]

    def wrong(self) -> list[str]:
        """Processes that grow, or keep something."""
        slopes = [(process, process.slope()) for process in self._processes.values()]
        found = [
            f"{process.name} grows by {slope:.0f} KiB a round" for process, slope in slopes if slope is not None and slope > KIB_A_ROUND
        ]
        return found + [f"{process.name} {line}" for process in self._processes.values() for line in self._kept(process)]

    def _kept(self, process: Process) -> list[str]:
        return [] if process.last is None else kept(self._base[process.role], process.last, waited=self.waited)

    def _now(self) -> Iterator[tuple[ClusterNode, Process]]:
        """Those that are there now, with what is known of them."""
        for number, node in enumerate(self._cluster.nodes, start=1):
            if not alive(node.program.pid):
                continue
            alone = node.workers == 1
            there = [(pid, f"node {number}" if alone else f"worker of node {number}", True) for pid in node.serving()]
            if not alone:
                there.append((node.program.pid, f"supervisor of node {number}", False))
            for pid, role, serves in there:
                yield node, self._processes.setdefault(pid, Process(pid, role, serves))

    @staticmethod
    def _held(node: ClusterNode, process: Process) -> Holdings:
        return holdings(process.pid, database=node.database.port, bus={line.port for line in node.bus})


def kept(base: Holdings, last: Holdings, *, waited: float) -> list[str]:
    """What a process holds that it should not, when all have gone and so many seconds have passed."""
    found = []
    if last.count > base.count:
        found.append(f"keeps {last.count} descriptors of {base.count} after {waited:.0f} s: {last.beyond(base)} more")
    if last.database + last.ended > CONNECTIONS_A_NODE:
        found.append(f"has {last.database} connections to the database and {last.ended} that have ended, of {CONNECTIONS_A_NODE} at most")
    if last.bus > BUS_CONNECTIONS:
        found.append(f"has {last.bus} connections to the bus, of {BUS_CONNECTIONS} at most")
    return found


def judged(values: list[int]) -> float | None:
    """By how much a process grew a round over its later half, when it is warm; None when it did not live long enough to tell."""
    return _slope(values[max(WARM, len(values) // 2) :]) if len(values) >= WARM + COUNTED else None


def _slope(values: list[int]) -> float:
    """Of the straight line that fits best."""
    middle, mean = (len(values) - 1) / 2, sum(values) / len(values)
    return sum((at - middle) * (value - mean) for at, value in enumerate(values)) / sum((at - middle) ** 2 for at in range(len(values)))
