"""A socket client inside the process: real bytes between our protocol and the library's client, without a port."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

from uvicorn import Config
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from qiatan.entrypoints.app import Application
from qiatan.entrypoints.socket import WebSocketProtocol

PATIENCE = 30.0
"""Seconds to wait for a frame that must come."""


class SocketClosed(Exception):
    """The server closed while a frame was expected."""


class _Line(asyncio.Transport):
    """The server's end of the wire: what it writes reaches the client in the loop's next turn."""

    def __init__(self, client: SocketClient, address: str) -> None:
        super().__init__({"peername": (address, 50000)})
        self._client = client
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        asyncio.get_running_loop().call_soon(self._client.hear, bytes(data))

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            asyncio.get_running_loop().call_soon(self._client.lost)

    abort = close

    def pause_reading(self) -> None:
        """The client writes on; the protocol keeps what it gets."""

    def resume_reading(self) -> None:
        """See `pause_reading`."""


class SocketClient:
    """One WebSocket. `frames` holds what arrived and was not asked for yet."""

    def __init__(self, application: Application, *, headers: dict[str, str], address: str) -> None:
        self.frames: list[dict[str, Any]] = []
        self.close_code: int | None = None
        self.close_reason = ""
        self._gateway = application.gateway
        self._address = address
        self._headers = headers
        self._news = asyncio.Event()
        self._client: ClientProtocol
        self._line = _Line(self, address)
        self._protocol = WebSocketProtocol(Config(cast("Any", application)), ServerState(), {})
        self._gone = False

    async def open(self, url: str) -> None:
        """Upgrade. `close_code` is set at once when the server refuses."""
        self._client = ClientProtocol(parse_uri(url), max_size=None)
        request = self._client.connect()
        for name, value in self._headers.items():
            request.headers[name] = value
        self._client.send_request(request)
        self._protocol.connection_made(self._line)
        self._send_out()
        async with asyncio.timeout(PATIENCE):
            while self.close_code is None and self._client.state.name == "CONNECTING":
                await self._change()

    def hear(self, data: bytes) -> None:
        """Bytes from the server."""
        self._client.receive_data(data)
        for event in self._client.events_received():
            if isinstance(event, Response) and event.status_code != 101:
                self.close_code, self.close_reason = 4000 + event.status_code, bytes(event.body or b"").decode()
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self.frames.extend(json.loads(bytes(event.data)))
            elif isinstance(event, Frame) and event.opcode is Opcode.CLOSE and self._client.close_rcvd is not None:
                self.close_code, self.close_reason = self._client.close_rcvd.code, self._client.close_rcvd.reason
        self._send_out()
        self._news.set()

    def lost(self) -> None:
        """The line is gone."""
        if not self._gone:
            self._gone = True
            self._protocol.connection_lost(None)
        if self.close_code is None:
            self.close_code = 1006
        self._news.set()

    def _send_out(self) -> None:
        data = b"".join(self._client.data_to_send())
        if data and not self._line.is_closing():
            self._protocol.data_received(data)

    async def _change(self) -> None:
        self._news.clear()
        await self._news.wait()

    async def send(self, **frame: Any) -> None:
        """Send one frame: `await socket.send(type="ping")`."""
        await self.send_text(json.dumps(frame, default=str))

    async def send_text(self, text: str) -> None:
        self._client.send_text(text.encode(errors="surrogatepass"))
        self._send_out()

    async def send_bytes(self, content: bytes) -> None:
        self._client.send_binary(content)
        self._send_out()

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
                await self._change()

    async def until_closed(self) -> int:
        """Read until the server closes; returns the close code. What came before is in `frames`."""
        async with asyncio.timeout(PATIENCE):
            while self.close_code is None:
                await self._change()
        return self.close_code

    async def settle(self) -> list[dict[str, Any]]:
        """A ping and its answer, and the end of what was on its way to the disk: whatever the server had to say is in `frames`."""
        await self.send(type="ping")
        await self.next("pong")
        await self._gateway.settled()
        for _ in range(3):  # the hub flushes, the line carries, the client hears
            await asyncio.sleep(0)
        return self.frames

    async def handled(self) -> None:
        """Wait until the server has handled everything sent so far, or has ended the line."""
        while self._protocol._handling is not None:
            await asyncio.wait([self._protocol._handling])
            await asyncio.sleep(0)  # what was held back behind it is read now

    async def close(self) -> None:
        """Go away, as a browser tab does."""
        self._line.close()
        async with asyncio.timeout(PATIENCE):
            while not self._gone:
                await self._change()
