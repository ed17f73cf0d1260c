"""A socket client inside the process: speaks ASGI to the application, so no port is opened and nothing is mocked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from qiatan.entrypoints.app import Application

PATIENCE = 30.0
"""Seconds to wait for a frame that must come."""

Message = MutableMapping[str, Any]


class SocketClosed(Exception):
    """The server closed while a frame was expected."""


class SocketClient:
    """One WebSocket. `frames` holds what arrived and was not asked for yet."""

    def __init__(self, application: Application, *, headers: dict[str, str], address: str) -> None:
        self.frames: list[dict[str, Any]] = []
        self.close_code: int | None = None
        self.close_reason = ""
        self._application = application
        self._address = address
        self._headers = headers
        self._inbound: asyncio.Queue[Message] = asyncio.Queue()
        self._outbound: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def open(self, url: str) -> None:
        """Upgrade. `close_code` is set at once when the server refuses."""
        parts = urlsplit(url)
        headers = {"host": parts.netloc, **self._headers}
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": (self._address, 50000),
            "server": (parts.hostname, 80),
            "subprotocols": [],
        }
        self._inbound.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.create_task(self._application(scope, self._inbound.get, self._outbound.put))
        first = await asyncio.wait_for(self._outbound.get(), PATIENCE)
        if first["type"] == "websocket.close":
            self._closed(first)

    async def send(self, **frame: Any) -> None:
        """Send one frame: `await socket.send(type="ping")`."""
        await self.send_text(json.dumps(frame, default=str))

    async def send_text(self, text: str) -> None:
        self._inbound.put_nowait({"type": "websocket.receive", "text": text})

    async def send_bytes(self, content: bytes) -> None:
        self._inbound.put_nowait({"type": "websocket.receive", "bytes": content})

    async def next(self, kind: str | None = None) -> dict[str, Any]:
        """The next frame, or the next of this type; others that come before it stay in `frames`.

        Raises:
            SocketClosed: the server closed before one came.
            TimeoutError: none came in time.
        """
        async with asyncio.timeout(PATIENCE):
            while True:
                for index, frame in enumerate(self.frames):
                    if kind is None or frame["type"] == kind:
                        return self.frames.pop(index)
                if self.close_code is not None:
                    raise SocketClosed(f"{self.close_code} {self.close_reason} while waiting for {kind}")
                self._take(await self._outbound.get())

    async def until_closed(self) -> int:
        """Read until the server closes; returns the close code. What came before is in `frames`."""
        async with asyncio.timeout(PATIENCE):
            while self.close_code is None:
                self._take(await self._outbound.get())
        return self.close_code

    async def settle(self) -> list[dict[str, Any]]:
        """A ping and its answer, and the end of what was on its way to the disk: whatever the server had to say is in `frames`."""
        await self.send(type="ping")
        await self.next("pong")
        await self._application.gateway.settled()
        await asyncio.sleep(0)
        while not self._outbound.empty():
            self._take(self._outbound.get_nowait())
        return self.frames

    async def close(self) -> None:
        """Go away, as a browser tab does."""
        if self._task is None:
            return
        self._inbound.put_nowait({"type": "websocket.disconnect", "code": 1001})
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(self._task, PATIENCE)
        self._task = None

    def _take(self, message: Message) -> None:
        if message["type"] == "websocket.send":
            self.frames.extend(json.loads(message["text"]))
        elif message["type"] == "websocket.close":
            self._closed(message)

    def _closed(self, message: Message) -> None:
        self.close_code = message["code"]
        self.close_reason = message.get("reason", "")
