"""One enterprise at full speed beside a quiet one: what the quiet one's people feel of it.

The noise is a process of its own (`bench/noise.py`), as it has to be: it must not take the time of what measures.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from types import TracebackType
from typing import Self

import httpx

from bench.generator import Result
from bench.load import Generator
from bench.noise import CALLS
from bench.report import Row, at_most
from bench.server import ROOT, Server
from bench.world import World, make_world

QUIET_VISITORS, QUIET_RATE = 50, 25
NOISY_VISITORS, NOISY_RATE = 200, 3_000
CALL_EVERY = 0.1
SECONDS = 15.0
HEAD_START = 2.0
LIMIT_MS = 250

_DEFAULTS = {
    "ENTERPRISE_RATE": "",
    "ENTERPRISE_CONVERSATIONS": "",
    "ENTERPRISE_VISITORS": "",
    "ENTERPRISE_CONNECTIONS": "",
    "ADDRESS_CONVERSATIONS": "",
}
"""What an installation has that sets nothing; only a visitor's own rate is lifted, so that the noise meets the enterprise's."""


def noisy() -> list[Row]:
    """Acknowledgements and calls of a quiet enterprise, alone and while another one sends, calls and searches as fast as it can."""
    with Server(environment=_DEFAULTS) as server:
        quiet = asyncio.run(make_world(server.database_url(), agents=5, visitor_count=QUIET_VISITORS))
        loud = asyncio.run(make_world(server.database_url(), agents=5, visitor_count=NOISY_VISITORS))
        with _generator(server, quiet) as people, _generator(server, loud) as crowd:
            alone, calls_alone = _felt(people, server, quiet)
            with _Noise(server, loud, crowd) as noise:
                beside, calls_beside = _felt(people, server, quiet)
    missing = beside.lost + beside.refused
    return [
        Row("a quiet enterprise alone: messages acknowledged, p50 / p99", f"{alone.ack_p50:.0f} / {alone.ack_p99:.0f} ms"),
        Row("  its agents' calls, p50 / p99", f"{_part(calls_alone, 0.5):.0f} / {_part(calls_alone, 0.99):.0f} ms"),
        at_most(f"beside one at full speed: acknowledged, p99 (p50 {beside.ack_p50:.0f} ms)", beside.ack_p99, LIMIT_MS, "ms", digits=0),
        at_most(f"  its agents' calls, p99 (p50 {_part(calls_beside, 0.5):.0f} ms)", _part(calls_beside, 0.99), LIMIT_MS, "ms", digits=0),
        Row("  lost or refused of its messages", f"{missing}", "0", missing == 0),
        Row("the noise: messages stored / refused a second", noise.messages()),
        Row("  calls answered / refused a second", noise.calls()),
    ]


def _generator(server: Server, world: World) -> Generator:
    return Generator(server.port, agents=[one.token for one in world.agents], visitors=[one.token for one in world.visitors])


def _felt(people: Generator, server: Server, world: World) -> tuple[Result, list[float]]:
    """Messages at a rate that costs nothing, and calls one after the other; milliseconds of the calls."""
    times: list[float] = []
    limits = httpx.Limits(keepalive_expiry=1)
    found: list[Result] = []
    sending = threading.Thread(target=lambda: found.append(people.open(SECONDS, QUIET_RATE)))
    sending.start()
    with httpx.Client(
        base_url=f"{server.address}/api/v1", cookies={"qiatan_session": world.agents[0].token}, timeout=30, limits=limits
    ) as client:
        number = 0
        while sending.is_alive():
            began = time.perf_counter()
            client.get(CALLS[number % len(CALLS)]).raise_for_status()
            times.append((time.perf_counter() - began) * 1000)
            number += 1
            time.sleep(CALL_EVERY)
    sending.join()
    return found[0], sorted(times)


def _part(times: list[float], part: float) -> float:
    return times[int(len(times) * part)]


class _Noise:
    """Messages and calls of another enterprise for as long as the block lasts."""

    def __init__(self, server: Server, world: World, crowd: Generator) -> None:
        self._crowd = crowd
        self._command = [sys.executable, "-m", "bench.noise", server.address, *(agent.token for agent in world.agents)]
        self._process: subprocess.Popen[bytes] | None = None
        self._sending: threading.Thread | None = None
        self._sent: Result | None = None
        self._called = (0.0, 0.0)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
        # On two busy cores loading it takes seconds, which are not to be measured as if there were noise already.
        assert self._process.stdout is not None
        self._process.stdout.readline()
        self._sending = threading.Thread(target=self._send)
        self._sending.start()
        time.sleep(HEAD_START)
        return self

    def _send(self) -> None:
        self._sent = self._crowd.open(SECONDS + HEAD_START, NOISY_RATE)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is not None:
            said, _ = self._process.communicate(b"", timeout=30)
            if self._process.returncode:
                raise RuntimeError("the noise made no calls, so that nothing was measured beside it")
            answered, refused = said.split()
            self._called = float(answered), float(refused)
        if self._sending is not None:
            self._sending.join()

    def messages(self) -> str:
        if self._sent is None:
            raise RuntimeError("the noise sent nothing")
        return f"{self._sent.acked / self._sent.seconds:,.0f} / {self._sent.refused / self._sent.seconds:,.0f}"

    def calls(self) -> str:
        return f"{self._called[0]:,.0f} / {self._called[1]:,.0f}"
