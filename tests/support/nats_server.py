"""A real NATS server: on this machine only, on a port of its own, with a token."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
import subprocess
import sysconfig
import time
from contextlib import suppress
from pathlib import Path

from tests.support.network import free_port

START_SECONDS = 20.0


def program() -> str:
    found = shutil.which("nats-server") or str(Path(sysconfig.get_path("scripts")) / "nats-server")
    assert Path(found).exists(), "nats-server comes with the development dependencies"
    return found


class NatsServer:
    """Started at once; `stop` and `start` again keep port and token, as a server that is restarted does."""

    def __init__(self) -> None:
        self.port = free_port()
        self._token = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"nats://{self._token}@127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [program(), "-a", "127.0.0.1", "-p", str(self.port), "--auth", self._token],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        began = time.monotonic()
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
                return
            assert self._process.poll() is None, "nats-server has ended"
            assert time.monotonic() - began < START_SECONDS, "nats-server does not listen"
            time.sleep(0.02)

    async def start_again(self) -> None:
        await asyncio.to_thread(self.start)

    def stop(self) -> None:
        """Kill it, as a machine that goes away would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None
