"""A WebSocket client that costs as little as possible: it shares two cores with what it measures.

It masks with a zero key (allowed, and free), reads the server's unmasked frames without copying more than it must, and leaves JSON alone:
what the generator needs to know lies at known places in the server's compact text.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable
from typing import cast

_NO_MASK = b"\0\0\0\0"

OnText = Callable[["LeanSocket", bytes], None]


class LeanSocket(asyncio.Protocol):
    """One connection. `on_text` gets the payload of each text message; `closed` is set when the server goes."""

    __slots__ = ("_opening", "_rest", "_transport", "closed", "number", "on_text")

    def __init__(self, on_text: OnText, number: int) -> None:
        self.on_text = on_text
        self.number = number
        self.closed = asyncio.Event()
        self._opening: asyncio.Future[None] | None = None
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def connect(cls, port: int, on_text: OnText, *, number: int = 0, cookie: str | None = None) -> LeanSocket:
        """Open a connection. Each thousand comes from a loopback address of its own, as the product limits what one address may open.

        Raises:
            ConnectionError: the server refused the upgrade, or is not there.
        """
        loop = asyncio.get_running_loop()
        socket = cls(on_text, number)
        opening: asyncio.Future[None] = loop.create_future()
        socket._opening = opening
        source = (f"127.0.{1 + number // 100 % 200}.{1 + number % 100}", 0)
        await loop.create_connection(lambda: socket, "127.0.0.1", port, local_addr=source)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            "GET /api/v1/socket HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            f"Origin: http://127.0.0.1:{port}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
        ]
        if cookie is not None:
            lines.append(f"Cookie: qiatan_session={cookie}")
        socket._write("\r\n".join([*lines, "", ""]).encode())
        try:
            async with asyncio.timeout(20):
                await opening
        except BaseException:
            socket.abort()
            raise
        return socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.closed.set()
        if self._opening is not None and not self._opening.done():  # who waited may have given up
            self._opening.set_exception(ConnectionError("the server closed the connection"))
            self._opening = None

    def send(self, payload: bytes) -> None:
        """Send one text message; nothing happens when the connection is gone."""
        size = len(payload)
        head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
        self._write(head + _NO_MASK + payload)

    def abort(self) -> None:
        """Cut the line, as a broken network does."""
        if self._transport is not None:
            self._transport.abort()

    def read_no_more(self) -> None:
        """Leave what comes from now on to the system's buffers, as a page that hangs does."""
        if self._transport is not None:
            self._transport.pause_reading()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        buffer = self._rest + data if self._rest else data
        if self._opening is not None:
            head, ended, buffer = buffer.partition(b"\r\n\r\n")
            if not ended:
                self._rest = head
                return
            opening, self._opening = self._opening, None
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                opening.set_exception(ConnectionError(head.split(b"\r\n", 1)[0].decode("latin-1")))
                self.close()
                return
            opening.set_result(None)
        self._rest = self._messages(buffer)

    def _messages(self, buffer: bytes) -> bytes:
        """Hand on each whole message; returns what is left."""
        start, end = 0, len(buffer)
        while end - start >= 2:
            size, body = buffer[start + 1], start + 2
            if size == 126:
                size, body = int.from_bytes(buffer[start + 2 : start + 4], "big"), start + 4
            elif size == 127:
                size, body = int.from_bytes(buffer[start + 2 : start + 10], "big"), start + 10
            if body + size > end:
                break
            kind = buffer[start] & 15
            if kind == 1:
                self.on_text(self, buffer[body : body + size])
            elif kind == 8:
                self.close()
            start = body + size
        return buffer[start:]

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)
