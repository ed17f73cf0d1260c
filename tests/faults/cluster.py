"""An installation of several machines on this one: nodes, PostgreSQL with a standby, a cluster of NATS servers, and lines between all of them."""

from __future__ import annotations

import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import psycopg

from bench.server import UNLIMITED, Program, children, tree
from qiatan.infra.postgres import make_scratch_dir
from tests.faults.namespaces import Network, Networks
from tests.faults.pair import Pair
from tests.faults.ports import take_ports
from tests.faults.shims import Shim
from tests.faults.wires import Line, Wires
from tests.support.nats_server import program

START_SECONDS = 120.0
_LOCAL = "127.0.0.1"


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


@dataclass(frozen=True)
class Secrets:
    """What all nodes share: the bus's password and the installation's key."""

    token: str = field(default_factory=lambda: f"t{secrets.token_hex(16)}")
    key: str = field(default_factory=lambda: secrets.token_hex(32))


@dataclass(frozen=True)
class Plan:
    """Of a node: its processes, and the network it is on."""

    workers: int
    network: Network | None


class ClusterNode:
    """One server process, or a supervisor with several, with the lines to its database and its bus, and the one by which people reach it.

    `shim`: its clock. `network`: its own, if it has one.
    """

    def __init__(self, wires: Wires, data: Path, database: int, nats: Sequence[Nats], secret: Secrets, plan: Plan) -> None:
        self.workers, self.network = plan.workers, plan.network
        here, self.host = (_LOCAL, _LOCAL) if plan.network is None else (plan.network.here, plan.network.there)
        self.database = wires.line(database, at=here)
        self.bus = [wires.line(server.port, at=here) for server in nats]
        (port,) = take_ports(1)
        self.people = wires.line(port, host=self.host)
        data.mkdir(mode=0o711)
        # Beside the directory: the product makes and cleans up what is in it.
        beside = data.with_name(f"{data.name}-shim")
        beside.mkdir(mode=0o711)
        self.shim = Shim(beside)
        environment = {
            **UNLIMITED,
            **self.shim.environment(),
            "HOST": self.host,
            "WORKERS": str(plan.workers),
            "DATABASE_URL": f"postgresql://qiatan@{here}:{self.database.port}/qiatan",
            "NATS_URL": ",".join(f"nats://{secret.token}@{here}:{line.port}" for line in self.bus),
            "SECRET_KEY": secret.key,
            "PUBLIC_URL": f"http://127.0.0.1:{self.people.port}",
        }
        command = [sys.executable, "-m", "qiatan", "serve"]
        if plan.network is not None:
            command = plan.network.inside(command)
        self.program = Program(command, data=data, port=port, environment=environment)

    @property
    def lines(self) -> list[Line]:
        return [self.database, *self.bus, self.people]

    def start(self) -> None:
        self.program.start(patience=START_SECONDS)

    def kill(self) -> None:
        self.program.kill()

    def freeze(self) -> None:
        """It does nothing any more, and its connections stay: a machine that swaps, or is moved."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for pid in tree(self.program.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def serving(self) -> list[int]:
        """The processes that serve people: itself, or those that the supervisor keeps."""
        if self.workers == 1:
            return [self.program.pid]
        return [pid for pid in children(self.program.pid) if b"qiatan.entrypoints.node" in _command(pid)]

    def replace(self) -> None:
        """Tell the supervisor to replace its processes."""
        os.kill(self.program.pid, signal.SIGHUP)

    def kill_worker(self, chance: random.Random) -> None:
        """Kill -9 one of the processes that the supervisor keeps."""
        os.kill(chance.choice(self.serving()), signal.SIGKILL)


class Cluster:
    """Everything, from the start of the block to its end."""

    def __init__(self, *, workers: Sequence[int] = (1, 1), nats: int = 3, apart: bool = False) -> None:
        """`workers`: how many processes each node has; one of several is a supervisor with children. `apart`: each on a network of its own."""
        self._stack = ExitStack()
        self._directory = make_scratch_dir()
        self._workers, self._nats_count, self._apart = tuple(workers), nats, apart
        self.pair = Pair()
        self.nats: list[Nats] = []
        self.nodes: list[ClusterNode] = []

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def _start(self) -> None:
        self._stack.callback(shutil.rmtree, self._directory, ignore_errors=True)
        self._stack.callback(self.pair.remove)
        wires = self._stack.enter_context(Wires())
        secret, count = Secrets(), len(self._workers)
        networks: list[Network | None] = [*self._stack.enter_context(Networks(count)).all] if self._apart else [None] * count
        ports, routes = take_ports(self._nats_count), take_ports(self._nats_count)
        self.nats = [Nats(number, port, routes, secret.token) for number, port in enumerate(ports)]
        for server in self.nats:
            self._stack.callback(server.kill)
            server.start()
        self.pair.start()
        for number, plan in enumerate(map(Plan, self._workers, networks)):
            node = ClusterNode(wires, self._directory / f"node-{number}", self.pair.primary.port, self.nats, secret, plan)
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

    @property
    def supervisors(self) -> list[ClusterNode]:
        return [node for node in self.nodes if node.workers > 1]

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
            while not (_ready(node) and len(node.serving()) == node.workers):
                assert time.monotonic() < ends, f"a node does not become ready: {self.said()}"
                time.sleep(0.1)

    def living(self) -> int:
        """How many nodes have given a sign of life lately."""
        with psycopg.connect(self.database_url(), options="-c role=qiatan_system") as connection:
            row = connection.execute("SELECT count(*) FROM nodes WHERE seen_at > now() - interval '20 seconds'").fetchone()
        return 0 if row is None else int(row[0])


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _ready(node: ClusterNode) -> bool:

    try:
        return httpx.get(f"http://{node.host}:{node.program.port}/readyz", timeout=3).status_code == 200
    except httpx.TransportError:
        return False
