"""The generator's process, from this side."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import msgspec

from bench.generator import Result
from bench.server import ROOT


class Generator:
    """Connects agents and visitors to a port at the start of the block; runs phases; disconnects at its end."""

    def __init__(self, port: int, *, agents: Sequence[str], visitors: Sequence[str]) -> None:
        self._job = {"port": port, "agents": list(agents), "visitors": list(visitors)}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen([sys.executable, "-m", "bench.generator"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
        try:
            self._ask(self._job)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        if process.stdout is not None:
            process.stdout.close()

    def closed(self, seconds: float) -> Result:
        return msgspec.convert(self._ask({"kind": "closed", "seconds": seconds}), Result)

    def open(self, seconds: float, rate: float) -> Result:
        return msgspec.convert(self._ask({"kind": "open", "seconds": seconds, "rate": rate}), Result)

    def mixed(self, seconds: float, rate: float) -> Result:
        return msgspec.convert(self._ask({"kind": "mixed", "seconds": seconds, "rate": rate}), Result)

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the generator does not run")
        return self._process.pid

    def _ask(self, line: dict[str, Any]) -> Any:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise RuntimeError("the generator does not run")
        process.stdin.write(msgspec.json.encode(line) + b"\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise RuntimeError("the generator ended; what it said is above")
        return msgspec.json.decode(answer)
