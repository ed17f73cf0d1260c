"""The product as a process of its own: started, watched through /proc, stopped."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from qiatan.infra.postgres import holder_of, make_scratch_dir

ROOT = Path(__file__).resolve().parents[1]
_TICKS = os.sysconf("SC_CLK_TCK")
_PORTS = range(20000, 21000)


UNLIMITED = {
    "VISITOR_RATE": "1000000",
    "ENTERPRISE_RATE": "100000000",
    "ENTERPRISE_CONVERSATIONS": "1000000",
    "ENTERPRISE_VISITORS": "1000000",
    "ENTERPRISE_CONNECTIONS": "1000000",
    "ADDRESS_CONVERSATIONS": "1000000",
}
"""The machine is measured, not what an enterprise is allowed."""


class NotReady(RuntimeError):
    """The server ended, or said nothing, before it was ready. The message holds what it said."""


def free_port() -> int:
    """A port of our range that nobody listens on now."""
    for port in random.sample(_PORTS, len(_PORTS)):  # two that ask at once are hardly told the same one
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port from {_PORTS.start} to {_PORTS.stop - 1}")


class Program:
    """A process of ours that prints `ready …` once it serves; its output goes to a file beside its data."""

    def __init__(self, command: list[str], *, data: Path, port: int, environment: dict[str, str] | None = None) -> None:
        self.data, self.port = data, port
        self._command = command
        self._environment = {
            **os.environ,
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "DATA": str(data),
            "LOG_LEVEL": "warning",
            **(environment or {}),
        }
        self._log = data.with_name(f"{data.name}.log")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self.process is None:
            raise RuntimeError("not started")
        return self.process.pid

    def said(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self, *, patience: float = 60) -> float:
        """Start it; returns the seconds until it was ready. Raises NotReady."""
        began = time.monotonic()
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=self._environment, cwd=ROOT
            )
        while True:
            if any(line.startswith("ready ") for line in self.said().splitlines()):
                return time.monotonic() - began
            if self.process.poll() is not None:
                raise NotReady(self.said())
            if time.monotonic() - began > patience:
                self.stop()
                raise NotReady(f"not ready after {patience:.0f} s: {self.said()}")
            time.sleep(0.01)

    def stop(self, *, patience: float = 20) -> float:
        """Ask it to stop and wait; returns the seconds it took. Harmless when it does not run."""
        if self.process is None or self.process.poll() is not None:
            return 0.0
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        return time.monotonic() - began

    def kill(self) -> None:
        """Kill -9 it and collect it; its children are on their own then."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)

    def forget_output(self) -> None:
        """Remove the file with what it said."""
        self._log.unlink(missing_ok=True)

    def postgres(self) -> int:
        """The process id of the embedded PostgreSQL's postmaster."""
        for pid in children(self.pid):
            if _name(pid) == "postgres":
                return pid
        raise RuntimeError("no PostgreSQL below the server")


class Server(Program):
    """`qiatan serve` on a scratch directory, durable, with its embedded PostgreSQL; removed at the end of the block."""

    def __init__(self, *, data: Path | None = None, environment: dict[str, str] | None = None) -> None:
        self._own_data = data is None
        settings = {**UNLIMITED, **(environment or {})}
        super().__init__([sys.executable, "-m", "qiatan", "serve"], data=data or make_scratch_dir(), port=free_port(), environment=settings)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def database_url(self) -> str:
        """The address of the server's PostgreSQL."""
        holder = holder_of(self.data)
        if holder is None or holder.url is None:
            raise RuntimeError("the server does not run")
        return holder.url

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        if self._own_data:
            shutil.rmtree(self.data, ignore_errors=True)
            self.forget_output()


def children(pid: int) -> list[int]:
    """The process ids directly below; none of a process that has ended meanwhile, as PostgreSQL's helpers do."""
    found = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def tree(pid: int) -> list[int]:
    """The process and everything below it."""
    return [pid, *(lower for child in children(pid) for lower in tree(child))]


def alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time of these processes so far, with that of children they have already collected; whoever has gone counts there."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / _TICKS


def pss_mib(pids: Iterable[int]) -> float:
    """Proportional memory: what several processes share counts once in all."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def rss_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError(f"process {pid} tells no memory")


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()
