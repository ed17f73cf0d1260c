"""The program itself, as an operator starts it: one process, embedded PostgreSQL, a data directory of its own."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from qiatan.entrypoints.pages import PAGES
from qiatan.infra.postgres import make_scratch_dir
from tests.support.network import free_port

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / ".venv" / "bin"
BRISK = Path(__file__).with_name("program.py")
BUILT = ("workspace/index.html", "widget/index.html", "loader/widget.js", "demo/index.html")
START_SECONDS = 150


def missing_pages() -> list[str]:
    """The built pages that are not there."""
    return [name for name in BUILT if not (PAGES / name).is_file()]


class Server:
    """`qiatan serve --demo` on a free port. It may be killed and started again on the same data and port.

    Browsers call it by a name: passkeys belong to one, and to no address of numbers. `brisk`: with cheap hashes (`program.py`).
    """

    def __init__(self, *, brisk: bool = False) -> None:
        # Without -P the modules beside the program would hide those of the same names in libraries.
        self._program = [str(PROGRAMS / "python"), "-P", str(BRISK)] if brisk else [str(PROGRAMS / "qiatan")]
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.directory = make_scratch_dir()
        self.log = self.directory.with_name(f"{self.directory.name}.log")
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = 0

    async def start(self) -> None:
        """Start and wait for the line `ready`; fails with what the server said instead."""
        environment = {
            **os.environ,
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "DATA": str(self.directory / "data"),
            # The tests' own API calls come from addresses of their own, so that the limits per address stay on and are not in the way.
            "TRUSTED_PROXIES": "127.0.0.1/32",
            # Stories in which a visitor writes a long history; what happens above the limit is told by module tests.
            "VISITOR_RATE": "100000",
            # An identity provider of a test listens on this machine.
            "OUTBOUND_ALLOW": "127.0.0.0/8",
        }
        self._begun = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [*self._program, "serve", "--demo"], stdout=output, stderr=subprocess.STDOUT, cwd=self.directory, env=environment
            )
        for _ in range(START_SECONDS * 10):
            if "\nready " in f"\n{self.said}":
                return
            assert self._process.poll() is None, f"the server ended while it started:\n{self.said}"
            await asyncio.sleep(0.1)
        raise AssertionError(f"no `ready` within {START_SECONDS} s:\n{self.said}")

    @property
    def said(self) -> str:
        """What the present run has printed."""
        return self.log.read_bytes()[self._begun :].decode() if self.log.exists() else ""

    def printed(self, pattern: str) -> str:
        """What the operator reads on the terminal: the first group of the pattern."""
        found = re.search(pattern, self.said)
        assert found, f"{pattern!r} is not in what the server printed:\n{self.said}"
        return found[1]

    def kill(self) -> None:
        """As a crash: SIGKILL to the server alone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def stop(self) -> None:
        """End it in order and remove its data."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.log.unlink(missing_ok=True)
