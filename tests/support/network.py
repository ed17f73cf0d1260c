"""Ports of this machine: a free one, and the application behind one, served as `qiatan serve` does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI

from qiatan.entrypoints.http_server import HttpServer, http_config

_PORTS = range(10_000, 20_000)
"""Below what the system gives to outgoing connections, and below the ranges of `bench.server` and `tests.faults.ports`."""
_OF_WORKER = 1_000


def free_port() -> int:
    """A port that nobody listens on now, nor takes before whoever asked does: neither an outgoing connection nor another worker of the run."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = _PORTS.start + worker * _OF_WORKER % len(_PORTS)
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", first + secrets.randbelow(_OF_WORKER)))
            return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Serve until the end of the block; gives the host and port."""
    async with serving(http_config(app, goodbye_seconds=1)) as (_, address):
        yield address


@contextlib.asynccontextmanager
async def serving(config: uvicorn.Config) -> AsyncIterator[tuple[HttpServer, str]]:
    """A server until the end of the block, with its host and port."""
    listener = socket.socket()
    # Small buffers: a client that does not read is noticed after kilobytes, not megabytes.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
    listener.bind(("127.0.0.1", 0))
    listener.setblocking(False)
    server = HttpServer(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not running.done():
        await asyncio.sleep(0.005)
    try:
        yield server, f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
        listener.close()
