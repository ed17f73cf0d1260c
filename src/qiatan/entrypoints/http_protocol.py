"""The HTTP tier: uvicorn's protocol, whose connections also end when nobody is at the other side.

uvicorn limits only how long a connection may rest between two requests, and a body's silence is the admission's affair. What is left:
who connects and never finishes a request's head, and who never reads an answer. Each holds a descriptor, and so does everybody who
was cut off meanwhile: of them no reset ever comes.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from qiatan.entrypoints.gateway import Gateway

HEAD_SECONDS = 20.0
"""How long the head of a request may take, from the connection or from its first byte on."""
UNREAD_SECONDS = 120.0
"""How long an answer may wait for its reader to take anything of it; a player that paused longer asks anew for the part it needs."""


class HttpProtocol(HttpToolsProtocol):
    """One connection. Whoever asks for a socket goes on to `socket.WebSocketProtocol`, which has deadlines of its own."""

    _heading: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", transport))
        # Where there is no descriptor left, nobody can be answered any more, for lack of a connection to the database or of a file.
        gateway: Gateway | None = getattr(self.config.app, "gateway", None)
        if gateway is not None and gateway.entrance.ceiling.is_passed(len(self.connections)):
            self.transport.abort()
            return
        self._heading = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._headed()
        self._taken()
        super().connection_lost(exc)

    # -- a head that does not end

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        resting = self.timeout_keep_alive_task is not None
        asked = bool(self.cycle) and not self.cycle.response_complete
        if not (resting or asked or self._heading or self.transport.is_closing()) and self.transport.get_protocol() is self:
            self._heading = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def on_headers_complete(self) -> None:
        self._headed()
        super().on_headers_complete()

    def _headed(self) -> None:
        if self._heading is not None:
            self._heading.cancel()
            self._heading = None

    # -- an answer that is not read

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait_for_reader()

    def resume_writing(self) -> None:
        self._taken()
        super().resume_writing()
        if self.transport.is_closing():
            self._wait_for_reader()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._closed()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._closed()

    def send_400_response(self, msg: str) -> None:
        super().send_400_response(msg)
        self._closed()

    def _closed(self) -> None:
        """A connection that is closed goes on until its reader has taken the rest: of that too there must be an end."""
        if self.transport.is_closing():
            self._wait_for_reader()

    def _wait_for_reader(self) -> None:
        if self._unread is None:
            self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def _taken(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
