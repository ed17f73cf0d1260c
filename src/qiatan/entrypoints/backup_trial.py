"""Starting the program on what was brought back: the last proof that it is whole."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from http import HTTPStatus
from pathlib import Path
from typing import IO

from qiatan.infra.backup.format import BackupError

START_SECONDS = 900
"""Migrating a large database of an older version takes its time."""
_ANSWER_SECONDS = 30
_READY_SECONDS = 15
_STOP_SECONDS = 30
_QUIET = {"WORKER": "off", "WORKERS": "1", "HOST": "127.0.0.1", "BACKUP_AT": "", "NATS_URL": "", "DRAIN_SECONDS": "0", "SMTP_URL": ""}
"""No job runs and nobody else is told: letters and calls that waited when the backup was made must not go out from a trial."""


def start_and_ask(data: Path, database_url: str | None) -> None:
    """Serve this data directory for a moment and ask it whether it is ready. Raises `BackupError` when it does not start or says no."""
    port = _free_port()
    environment = {**os.environ, **_QUIET, "DATA": str(data), "PORT": str(port), "DATABASE_URL": database_url or ""}
    with (
        tempfile.TemporaryFile("w+b") as said,
        subprocess.Popen(
            [sys.executable, "-m", "qiatan", "serve"], stdout=subprocess.PIPE, stderr=said, stdin=subprocess.DEVNULL, env=environment
        ) as server,
    ):
        try:
            if not _becomes_ready(server):
                raise BackupError(f"the server does not start on what was brought back ({_last_line(said)})")
            if not _is_well(port):
                raise BackupError(f"the server started on what was brought back, but is not ready ({_last_line(said)})")
        finally:
            _stop(server)


def _becomes_ready(server: subprocess.Popen[bytes]) -> bool:
    """Wait for the line that says so; no when the server ends before, or takes too long."""
    if server.stdout is None:
        raise RuntimeError("it was started with a pipe")
    deadline = time.monotonic() + START_SECONDS
    heard = b""
    with selectors.DefaultSelector() as selector:
        selector.register(server.stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if not selector.select(left):
                return False
            piece = os.read(server.stdout.fileno(), 4096)
            if not piece:
                return False
            heard += piece
            if any(line.startswith(b"ready ") for line in heard.split(b"\n")[:-1]):
                return True
    return False


def _is_well(port: int) -> bool:
    """Whether it says that it is ready; what it could not look up at once it may look up again."""
    deadline = time.monotonic() + _READY_SECONDS
    while _status(port, "/readyz") != HTTPStatus.OK:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return _status(port, "/openapi.json") == HTTPStatus.OK


def _status(port: int, path: str) -> int:
    """What our own child answers, on this machine: a socket is enough. 0 when it does not."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_SECONDS) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
            with connection.makefile("rb") as answer:
                words = answer.readline(200).split()
                while answer.read(4096):
                    continue
        return int(words[1]) if len(words) > 1 else 0
    except (OSError, ValueError):
        return 0


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _last_line(said: IO[bytes]) -> str:
    said.seek(0)
    lines = [line.strip() for line in said.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1][:400] if lines else "it gave no reason"
