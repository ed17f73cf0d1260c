"""The socket tier: WebSockets as an asyncio protocol. The only file that would change for a faster transport.

The library does the handshake and everything unusual: control frames, fragments, violations. What nearly all traffic is, a whole text
frame in one piece, is read and written here, because the library's way costs more than all the rest of a message (decision 0029).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Any, cast

import structlog
from uvicorn import Config
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import SERVER, Protocol, State
from websockets.server import ServerProtocol
from websockets.utils import apply_mask as plain_apply_mask

from qiatan.entrypoints.gateway import Gateway
from qiatan.entrypoints.goodbye import bye
from qiatan.entrypoints.identity import session_cookie
from qiatan.infra.http.address import client_address
from qiatan.infra.http.origin import origin_allowed
from qiatan.infra.realtime.connection import CLOSE_BAD_FRAMES, CLOSE_RESTART, CLOSE_TOO_MANY, Connection

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without the compiled part
    apply_mask = plain_apply_mask

log = structlog.get_logger(__name__)
# The library tells its logger of every connection that opens and closes.
_quiet = logging.getLogger("websockets")

PATH = "/api/v1/socket"
MAX_SOCKET_MESSAGE = 128 * 1024
"""What is read at all; the gateway's own limit is lower and has a friendlier answer."""
CLOSE_SECONDS = 10.0
"""How long a client may take to answer a close, and to read what was sent before it."""
_TEXT = 0x81  # a text frame that is whole
_MASKED = 0x80
_FIN = 0x80


class WebSocketProtocol(asyncio.Protocol):
    """One WebSocket from its upgrade to its end, as `Transport` of a `Connection`.

    Frames of a client are handled one after another: while one is being waited for, the rest stays where it is and nothing more is read.
    """

    __slots__ = (
        "_close_timer",
        "_closing",
        "_connection",
        "_full",
        "_gateway",
        "_handling",
        "_needed",
        "_opening",
        "_pieces",
        "_rest",
        "_server",
        "_session_token",
        "_transport",
        "_unusual",
    )

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        """As the HTTP server calls it on an upgrade; what is served there must know its `gateway`."""
        self._gateway: Gateway = cast("Any", config.app).gateway
        self._server = server_state
        self._opening: ServerProtocol | None = ServerProtocol(max_size=MAX_SOCKET_MESSAGE, logger=_quiet)
        self._unusual: Protocol | None = None
        self._pieces: bytearray | None = None
        self._transport: asyncio.Transport
        self._connection: Connection | None = None
        self._session_token: str | None = None
        self._rest = bytearray()
        self._needed = 0  # so long must `_rest` be before its first frame is whole
        self._handling: asyncio.Task[None] | None = None
        self._full = False
        self._closing = False
        self._close_timer: asyncio.TimerHandle | None = None

    # -- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.connections.add(cast("Any", self))

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(cast("Any", self))
        self._closing = True
        if self._close_timer is not None:
            self._close_timer.cancel()
        if self._connection is not None:
            self._gateway.closed(self._connection)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        if self._connection is not None:
            self._connection.flush()

    def shutdown(self) -> None:
        """The HTTP server ends; whoever is still here was told goodbye already."""
        if not self._closing and self._opening is None:
            self.close(CLOSE_RESTART, "")
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._opening is not None:
            self._shake_hands(self._opening, data)
        elif self._handling is not None:
            self._rest += data
        elif self._rest:
            self._rest += data
            if len(self._rest) >= self._needed:
                self._read(bytes(self._rest))
        else:
            self._read(data)

    # -- the upgrade

    def _shake_hands(self, opening: ServerProtocol, data: bytes) -> None:
        opening.receive_data(data)
        headers: list[tuple[bytes, bytes]] | None = None
        for request in opening.events_received():
            if isinstance(request, Request):
                headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in request.headers.raw_items()]
                opening.send_response(self._answer_to(opening, request, headers))
        self._transport.write(b"".join(opening.data_to_send()))
        if opening.state is State.OPEN and headers is not None:
            self._opening = None
            self._begin(headers)
        elif headers is not None or opening.handshake_exc is not None:
            self._end()

    def _answer_to(self, opening: ServerProtocol, request: Request, headers: list[tuple[bytes, bytes]]) -> Response:
        if request.path.partition("?")[0] != PATH:
            return opening.reject(404, "not_found")
        if not origin_allowed(headers, self._gateway.resources.settings.public_url):
            return opening.reject(403, "origin_refused")
        return opening.accept(request)

    def _begin(self, headers: list[tuple[bytes, bytes]]) -> None:
        peer = self._transport.get_extra_info("peername")
        settings = self._gateway.resources.settings
        address = client_address(peer[0] if peer else None, headers, settings.trusted_proxies)
        self._connection = Connection(self._gateway.resources.hub, self, address)
        self._session_token = session_cookie(headers)
        self._gateway.opened(self._connection)

    # -- what comes in

    def _read(self, data: bytes) -> None:
        """Handle every whole frame, until one has to be waited for."""
        start, end = 0, len(data)
        self._needed = 0
        waiting: Awaitable[None] | None = None
        while waiting is None and end - start >= 2 and not self._transport.is_closing():
            first, second = data[start], data[start + 1]
            size, body = second & 0x7F, start + 2
            if size >= 126:
                width = 2 if size == 126 else 8
                if end - body < width:
                    break
                size, body = int.from_bytes(data[body : body + width], "big"), body + width
            if second & _MASKED:
                body += 4
            if size > MAX_SOCKET_MESSAGE:
                self._read_unusual(data[start:body])
                return
            if body + size > end:
                self._needed = body + size - start
                break
            if first == _TEXT and second & _MASKED and self._pieces is None:
                waiting = self._take(apply_mask(data[body : body + size], data[body - 4 : body]))
            else:
                waiting = self._read_unusual(data[start : body + size])
            start = body + size
        self._rest = bytearray(data[start:])
        if waiting is not None:
            self._wait_for(waiting)

    def _take(self, content: bytes) -> Awaitable[None] | None:
        """A message in text; what must be waited for before the next one is handled."""
        if self._closing or self._connection is None:
            return None
        try:
            text = content.decode()
        except UnicodeDecodeError:
            self.close(1007, "not UTF-8")
            return None
        return self._gateway.receive(self._connection, text, self._session_token)

    def _read_unusual(self, frame: bytes) -> Awaitable[None] | None:
        """A frame (whole, but for one that is too large) by the library; `_pieces` gathers a message that comes in fragments.

        Each costs one of the connection's allowance, as a message does. The library answers pings: whoever sends them and does not read
        the answers must not fill the memory with them.
        """
        if self._full:
            self._transport.abort()
            return None
        if self._connection is not None and not self._closing and not self._gateway.take_token(self._connection, time.monotonic()):
            bye(self._connection, CLOSE_TOO_MANY, "too_many", "Too many frames.")
            return None
        library = self._library()
        library.receive_data(frame)
        waiting = None
        for event in library.events_received():
            if not isinstance(event, Frame):
                continue
            if event.opcode in (Opcode.TEXT, Opcode.CONT):
                if self._pieces is None:
                    self._pieces = bytearray()
                self._pieces += event.data
                if event.fin:
                    whole, self._pieces = bytes(self._pieces), None
                    waiting = self._take(whole)
            elif event.opcode is Opcode.BINARY and self._connection is not None and not self._closing:
                bye(self._connection, CLOSE_BAD_FRAMES, "bad_frame", "Frames are text.")
        self._write_out(library)
        if library.parser_exc is not None or library.close_rcvd is not None:
            self._closing = True
            self._end()
        return waiting

    def _wait_for(self, waiting: Awaitable[None]) -> None:
        self._transport.pause_reading()
        self._handling = asyncio.ensure_future(waiting)
        self._server.tasks.add(self._handling)
        self._handling.add_done_callback(self._handled)

    def _handled(self, task: asyncio.Task[None]) -> None:
        self._server.tasks.discard(task)
        self._handling = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("socket.crashed", error=str(error), exc_info=error)
            self._transport.abort()
        if self._transport.is_closing():
            return
        self._transport.resume_reading()
        if self._rest:
            self._read(bytes(self._rest))

    # -- what goes out

    def write(self, payload: bytes) -> bool:
        """`Transport.write`: one text frame, unless the client is slow to read what went before."""
        if self._full or self._closing:
            return False
        size = len(payload)
        if size < 126:
            head = bytes((_TEXT, size))
        elif size < 65_536:
            head = b"\x81\x7e" + size.to_bytes(2, "big")
        else:
            head = b"\x81\x7f" + size.to_bytes(8, "big")
        self._transport.write(head + payload)
        return True

    def close(self, code: int, reason: str) -> None:
        """`Transport.close`. A reader too slow for what waits would not read the closing handshake either."""
        if self._closing:
            return
        self._closing = True
        if self._full:
            self._transport.abort()
            return
        library = self._library()
        library.send_close(code, reason)
        self._write_out(library)
        self._end_by()

    def _end(self) -> None:
        self._transport.close()
        self._end_by()

    def _end_by(self) -> None:
        """A transport that is closed waits for its reader to take the rest, and one who takes nothing would keep it for ever."""
        if self._close_timer is None:
            self._close_timer = asyncio.get_running_loop().call_later(CLOSE_SECONDS, self._transport.abort)

    def _library(self) -> Protocol:
        """The library's view of this connection, made when it is first needed: most connections never do until they end."""
        if self._unusual is None:
            self._unusual = Protocol(SERVER, max_size=MAX_SOCKET_MESSAGE, logger=_quiet)
        return self._unusual

    def _write_out(self, library: Protocol) -> None:
        written = b"".join(library.data_to_send())
        if written and not self._transport.is_closing():
            self._transport.write(written)
