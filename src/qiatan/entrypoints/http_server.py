"""The HTTP and socket server of one process, on sockets that somebody else may hold too."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from qiatan.entrypoints.app import Application
from qiatan.entrypoints.http_protocol import HttpProtocol
from qiatan.entrypoints.listening import BACKLOG
from qiatan.entrypoints.socket import WebSocketProtocol


class HttpServer(uvicorn.Server):
    """uvicorn without its own signal handling: PostgreSQL and the message log must end in order too."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._listeners: list[socket.socket] = []
        self._lent: dict[int, asyncio.Server] = {}

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listeners = list(sockets or [])
        self.listening.set()

    async def main_loop(self) -> None:
        """As uvicorn's, whose ten looks a second at its flags are a tenth of what an idle server costs."""
        tenths = 0
        while not await self.on_tick(tenths):
            tenths = (tenths + 5) % 864_000
            await asyncio.sleep(0.5)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop_accepting(self) -> None:
        """Take nobody new; who waits in the backlog is for whoever else holds the socket. The connections there are go on."""
        for server in self.servers:
            server.close()
        for listener in self._listeners:
            listener.close()

    async def borrow(self, slot: int, listener: socket.socket) -> None:
        """Accept on the socket of another slot too, while its own process is away."""
        self.give_back(slot)
        server = await asyncio.get_running_loop().create_server(self._protocol, sock=listener, backlog=BACKLOG)
        self._lent[slot] = server
        self.servers.append(server)

    def give_back(self, slot: int) -> None:
        """Accept on that socket no more. Harmless when it is not borrowed."""
        server = self._lent.pop(slot, None)
        if server is not None:
            self.servers.remove(server)
            server.close()

    def _protocol(self) -> asyncio.Protocol:
        """As uvicorn's own for its sockets."""
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state={}, _loop=None
        )
        return made


def http_config(app: FastAPI, *, goodbye_seconds: int) -> uvicorn.Config:
    """How the server of pages, HTTP API and sockets is set."""
    return _config(Application(app), WebSocketProtocol, goodbye_seconds)


def plain_config(app: FastAPI, *, goodbye_seconds: int) -> uvicorn.Config:
    """How a server is set that has no sockets."""
    return _config(app, "none", goodbye_seconds)


def _config(app: Application | FastAPI, sockets: type[WebSocketProtocol] | str, goodbye_seconds: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="none",
        http=HttpProtocol,
        ws=sockets,
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=goodbye_seconds,
        backlog=BACKLOG,
    )
