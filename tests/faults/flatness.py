"""Whether the processes of a soak grow: memory by the slope of the later rounds, descriptors by what is left when all have gone."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from pathlib import Path

from bench.server import alive, rss_kib
from tests.faults.cluster import Cluster

WARM = 16
"""Rounds of a process before its memory counts: pools, caches with their bounds, and the allocator's own reserves fill up until then."""
COUNTED = 12
"""Rounds that are needed to tell a slope from noise."""
KIB_A_ROUND = 512
"""A leak that keeps something of every message, connection or enterprise of a round shows more; what stays below is within the noise."""
PATIENCE = 60.0
"""How long connections may take to be let go of when the people have gone."""


class Flatness:
    """Memory and descriptors of every serving process, round by round."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._memory: dict[int, list[int]] = defaultdict(list)
        self._first: dict[int, int] = {}
        self._left: dict[int, tuple[int, int]] = {}

    def begin(self) -> None:
        """Before anybody has connected."""
        self._first = {pid: self._own(pid) for pid in self._serving()}

    def measure(self) -> None:
        """After a round."""
        for pid in self._serving():
            self._memory[pid].append(rss_kib(pid))

    def shown(self) -> str:
        """The processes as they are now, for the round's line."""
        return "  ".join(f"{rss_kib(pid) // 1024} MiB {len(_links(pid))} fd" for pid in self._serving())

    async def end(self) -> None:
        """After everybody has gone: wait until their connections are, and count what is left."""
        ends = time.monotonic() + PATIENCE
        lasting = [pid for pid in self._first if pid in self._serving() and alive(pid)]
        while any(self._own(pid) > self._first[pid] for pid in lasting) and time.monotonic() < ends:
            await asyncio.sleep(0.5)
        self._left = {pid: (self._first[pid], self._own(pid)) for pid in lasting}

    def told(self) -> list[str]:
        """What was measured of each process that lived long enough."""
        lines = [f"process {pid}: {slope:+.0f} KiB a round" for pid, slope in self._slopes().items()]
        return lines + [
            f"process {pid}: {first} descriptors before the first came, {last} after the last had gone, without connections to database and bus"
            for pid, (first, last) in self._left.items()
        ]

    def wrong(self) -> list[str]:
        """Processes that grow."""
        found = [f"process {pid} grows by {slope:.0f} KiB a round" for pid, slope in self._slopes().items() if slope > KIB_A_ROUND]
        return found + [f"process {pid} keeps {last} descriptors of {first}" for pid, (first, last) in self._left.items() if last > first]

    def _slopes(self) -> dict[int, float]:
        slopes = {pid: judged(values) for pid, values in self._memory.items()}
        return {pid: slope for pid, slope in slopes.items() if slope is not None}

    def _serving(self) -> list[int]:
        return [pid for node in self._cluster.nodes for pid in node.serving()]

    def _own(self, pid: int) -> int:
        """Descriptors but for connections to database and bus, of which pools keep more or fewer as they were needed."""
        ports = {line.port for node in self._cluster.nodes for line in (node.database, *node.bus)}
        pooled = _sockets_to(ports)
        return sum(link not in pooled for link in _links(pid))


def judged(values: list[int]) -> float | None:
    """By how much a process grew a round over its later half, when it is warm; None when it did not live long enough to tell."""
    return _slope(values[max(WARM, len(values) // 2) :]) if len(values) >= WARM + COUNTED else None


def _links(pid: int) -> list[str]:
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(descriptor.readlink()))
        except FileNotFoundError:
            continue  # closed meanwhile
    return found


def _sockets_to(ports: set[int]) -> set[str]:
    """Names of the sockets of this machine that lead to one of these ports."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[2].rpartition(":")[2], 16) in ports:
            found.add(f"socket:[{fields[9]}]")
    return found


def _slope(values: list[int]) -> float:
    """Of the straight line that fits best."""
    middle, mean = (len(values) - 1) / 2, sum(values) / len(values)
    return sum((at - middle) * (value - mean) for at, value in enumerate(values)) / sum((at - middle) ** 2 for at in range(len(values)))
