"""A node as its supervisor sees it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from qiatan.entrypoints import control
from qiatan.infra.processes import exit_of


class Child:
    """A node from its start to its end. Not reused: another start is another child."""

    def __init__(self, process: subprocess.Popen[bytes], channel: control.Channel, slot: int) -> None:
        self.process = process
        self.slot = slot
        self.prepared = asyncio.Event()
        self.ready = asyncio.Event()
        self.ended = asyncio.Event()
        self.leaving = False
        self.lines: list[str] = []
        self.error: str | None = None
        """Why it cannot start, in one line, where it said so."""
        self._channel = channel
        self._ready_at: float | None = None
        channel.listen(self._heard, self._lost)
        self._watching = asyncio.create_task(self._watch(), name=f"node-{slot}")

    @property
    def serves(self) -> bool:
        """Whether it accepts, as far as we know."""
        return self.ready.is_set() and not self.leaving and not self.ended.is_set()

    def served_seconds(self) -> float:
        """For how long it has been ready."""
        return 0.0 if self._ready_at is None else time.monotonic() - self._ready_at

    def say(self, what: str, *, handing: socket.socket | None = None, **more: Any) -> None:
        self._channel.say(what, handing=handing, **more)

    def leave(self, what: str) -> None:
        """Tell it to end: RETIRE or STOP."""
        self.leaving = True
        self.say(what)

    def kill(self) -> None:
        self.process.kill()

    async def reached(self, moment: asyncio.Event, seconds: float | None = None) -> bool:
        """Whether it comes to `prepared` or `ready` before it ends and within so many seconds."""
        waiting = [asyncio.ensure_future(moment.wait()), asyncio.ensure_future(self.ended.wait())]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waiting:
                wait.cancel()
        return moment.is_set() and not self.ended.is_set()

    def why(self) -> str:
        """Why it did not start, as far as it is known."""
        if self.error is not None:
            return self.error
        code = self.process.returncode
        return "it does not become ready" if code is None else f"it ended with exit code {code}: its own lines above say why"

    def _heard(self, message: control.Message, handed: socket.socket | None) -> None:
        match message["say"]:
            case control.PREPARED:
                self.lines = message["lines"]
                self.prepared.set()
            case control.READY:
                self._ready_at = time.monotonic()
                self.ready.set()
            case control.FAILED:
                self.error = message["error"]
            case _:  # a newer program says more than we know
                if handed is not None:
                    handed.close()

    def _lost(self) -> None:
        """Its end is told by the system; a node that only closed its channel cannot be led any more."""
        self.kill()

    async def _watch(self) -> None:
        await exit_of(self.process)
        self._channel.close()
        self.ended.set()


def spawn(slot: int, listener: socket.socket, *, machine: str, environment: Mapping[str, str]) -> Child:
    """Start a node on a slot's socket. It inherits that, its control socket and our output, and nothing else.

    Raises:
        OSError: the system has no more processes or memory.
    """
    ours, theirs = control.pair()
    handed = (str(theirs.fileno()), str(listener.fileno()), str(slot), machine)
    try:
        # -P: a file in the working directory must not pass for a library.
        process = subprocess.Popen(  # noqa: S603 -- our own program with numbers of our own making
            [sys.executable, "-P", "-m", "qiatan.entrypoints.node", *handed],
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(), listener.fileno()),
            env={name: value for name, value in environment.items() if name not in _OURS},
            start_new_session=True,
        )
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    return Child(process, control.Channel(ours), slot)


_OURS = frozenset({"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"})
"""What the service manager said to us alone."""


def with_settings(settings_environment: Mapping[str, str]) -> dict[str, str]:
    """Our environment with these settings over it."""
    return {**os.environ, **settings_environment}
