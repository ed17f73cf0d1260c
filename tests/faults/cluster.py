"""An installation of several machines on this one: nodes, PostgreSQL with a standby, a cluster of NATS servers, and lines between all of them."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import psycopg

from bench.server import UNLIMITED, Program
from qiatan.infra.postgres import make_scratch_dir
from tests.faults.pair import Pair
from tests.faults.ports import take_ports
from tests.faults.wires import Line, Wires
from tests.support.nats_server import program

START_SECONDS = 120.0


class Nats:
    """One member of a cluster of NATS servers."""

    def __init__(self, number: int, port: int, routes: Sequence[int], token: str) -> None:
        self.port = port
        others = ",".join(f"nats-route://127.0.0.1:{route}" for route in routes)
        # Without `no_advertise` clients would learn the others' own ports and go round the lines.
        self._command = [program(), "-a", "127.0.0.1", "-p", str(port), "--auth", token, "-n", f"n{number}", "--cluster_name", "faults"]
        self._command += ["--cluster", f"nats://127.0.0.1:{routes[number]}", "--routes", others, "--no_advertise"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


class ClusterNode:
    """One server process, with the lines to its database and its bus, and the one by which people reach it."""

    def __init__(self, wires: Wires, data: Path, database: int, nats: Sequence[Nats], token: str, key: str) -> None:
        self.database = wires.line(database)
        self.bus = [wires.line(server.port) for server in nats]
        (port,) = take_ports(1)
        self.people = wires.line(port)
        data.mkdir(mode=0o711)
        environment = {
            **UNLIMITED,
            "DATABASE_URL": f"postgresql://qiatan@127.0.0.1:{self.database.port}/qiatan",
            "NATS_URL": ",".join(f"nats://{token}@127.0.0.1:{line.port}" for line in self.bus),
            "SECRET_KEY": key,
            "PUBLIC_URL": f"http://127.0.0.1:{self.people.port}",
        }
        self.program = Program([sys.executable, "-m", "qiatan", "serve"], data=data, port=port, environment=environment)

    @property
    def lines(self) -> list[Line]:
        return [self.database, *self.bus, self.people]

    def start(self) -> None:
        self.program.start(patience=START_SECONDS)

    def kill(self) -> None:
        self.program.kill()

    def freeze(self) -> None:
        """It does nothing any more, and its connections stay: a machine that swaps, or is moved."""
        os.kill(self.program.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.program.pid, signal.SIGCONT)

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.program.pid}/fd").iterdir()))


class Cluster:
    """Everything, from the start of the block to its end."""

    def __init__(self, *, nodes: int = 2, nats: int = 3) -> None:
        self._stack = ExitStack()
        self._directory = make_scratch_dir()
        self._counts = (nodes, nats)
        self.pair = Pair()
        self.nats: list[Nats] = []
        self.nodes: list[ClusterNode] = []

    def __enter__(self) -> Self:
        try:
            self._start(*self._counts)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def _start(self, nodes: int, nats: int) -> None:
        self._stack.callback(shutil.rmtree, self._directory, ignore_errors=True)
        self._stack.callback(self.pair.remove)
        wires = self._stack.enter_context(Wires())
        token, key = f"t{secrets.token_hex(16)}", secrets.token_hex(32)
        ports, routes = take_ports(nats), take_ports(nats)
        self.nats = [Nats(number, port, routes, token) for number, port in enumerate(ports)]
        for server in self.nats:
            self._stack.callback(server.kill)
            server.start()
        self.pair.start()
        for number in range(nodes):
            node = ClusterNode(wires, self._directory / f"node-{number}", self.pair.primary.port, self.nats, token, key)
            self.nodes.append(node)
            self._stack.callback(self._end, node)
        # The first one migrates; the others find it done.
        self.nodes[0].start()
        with ThreadPoolExecutor() as pool:
            list(pool.map(ClusterNode.start, self.nodes[1:]))

    @staticmethod
    def _end(node: ClusterNode) -> None:
        if node.program.process is not None and node.program.process.poll() is None:
            node.thaw()
            with suppress(subprocess.TimeoutExpired):
                node.program.stop()

    # -- what people and the checker need of it

    @property
    def port(self) -> list[int]:
        """Where people reach the nodes."""
        return [node.people.port for node in self.nodes]

    def database_url(self) -> str:
        """The primary's, not through any line."""
        return self.pair.primary.url

    # -- what happens to all of it

    def fail_over(self) -> None:
        """The primary dies; its standby takes over, and the nodes are led there."""
        for node in self.nodes:
            node.database.cut()
        self.pair.fail_over()
        for node in self.nodes:
            node.database.mend(to=self.pair.primary.port)

    def bus(self) -> list[Line]:
        return [line for node in self.nodes for line in node.bus]

    def said(self) -> str:
        """The last of what the nodes said."""
        return "\n".join(f"-- node {number}\n{node.program.said()[-6000:]}" for number, node in enumerate(self.nodes))

    def wait_until_ready(self) -> None:
        """Until every node runs and says that people should be sent to it."""
        ends = time.monotonic() + START_SECONDS
        for node in self.nodes:
            while not _ready(node):
                assert time.monotonic() < ends, f"a node does not become ready: {self.said()}"
                time.sleep(0.1)

    def living(self) -> int:
        """How many nodes have given a sign of life lately."""
        with psycopg.connect(self.database_url(), options="-c role=qiatan_system") as connection:
            row = connection.execute("SELECT count(*) FROM nodes WHERE seen_at > now() - interval '20 seconds'").fetchone()
        return 0 if row is None else int(row[0])


def _ready(node: ClusterNode) -> bool:

    try:
        return httpx.get(f"http://127.0.0.1:{node.program.port}/readyz", timeout=3).status_code == 200
    except httpx.TransportError:
        return False
