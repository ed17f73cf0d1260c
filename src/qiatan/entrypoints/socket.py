"""The socket tier: WebSockets as ASGI events. The only file that would change for a faster transport."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any

from qiatan.entrypoints.gateway import Gateway
from qiatan.entrypoints.identity import session_cookie
from qiatan.infra.http.address import client_address
from qiatan.infra.http.origin import origin_allowed
from qiatan.infra.realtime.connection import CLOSE_BAD_FRAMES, Connection

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Coroutine[Any, Any, None]]

PATH = "/api/v1/socket"
_FORBIDDEN = {"type": "websocket.close", "code": 4403, "reason": "origin_refused"}


class _Socket:
    """A WebSocket as `Transport`.

    Sending is driven by hand instead of by a task: as long as the client reads, the server's `send` finishes without suspending,
    and a task per write would cost more than the write. When it does suspend (the client's window is full) a task takes over
    and nothing more is written until it is done; meanwhile the connection's bounded queue fills.
    """

    __slots__ = ("_closing", "_send", "_serving", "_task", "connection", "cut_off")

    def __init__(self, send: Send, serving: asyncio.Task[Any] | None) -> None:
        self._send = send
        self._serving = serving
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.cut_off = False
        self.connection: Connection | None = None

    def write(self, payload: str) -> bool:
        if self._task is not None or self._closing:
            return False
        self._step(self._send({"type": "websocket.send", "text": payload}))
        return True

    def close(self, code: int, reason: str) -> None:
        if self._closing:
            return
        self._closing = True
        if self._task is None:
            self._step(self._send({"type": "websocket.close", "code": code, "reason": reason}))
        elif self._serving is not None:
            # A reader this slow would not read the closing handshake either: give up the pending write and the connection.
            self._task.cancel()
            self.cut_off = True
            self._serving.cancel()

    def _step(self, sending: Coroutine[Any, Any, None]) -> None:
        try:
            waiting_for = sending.send(None)
        except StopIteration:
            return
        except OSError:  # the client is gone; the receive loop hears of it
            self._closing = True
            return
        self._task = asyncio.create_task(self._finish(sending, waiting_for))

    async def _finish(self, sending: Coroutine[Any, Any, None], waiting_for: Any) -> None:
        """Drive the suspended send to its end, as a task would have from the start."""
        try:
            while True:
                if waiting_for is not None:
                    waiting_for._asyncio_future_blocking = False  # noqa: SLF001 -- asyncio's own protocol between a future and who drives it
                    await asyncio.wait([waiting_for])
                else:
                    await asyncio.sleep(0)
                waiting_for = sending.send(None)
        except StopIteration:
            pass
        except OSError:
            self._closing = True
        finally:
            sending.close()
            self._task = None
        if self.connection is not None:
            self.connection.flush()


async def serve_socket(gateway: Gateway, scope: Scope, receive: Receive, send: Send) -> None:
    """One WebSocket from its upgrade to its end."""
    settings = gateway.resources.settings
    await receive()
    headers = scope["headers"]
    if not origin_allowed(headers, settings.public_url):
        await send(dict(_FORBIDDEN))
        return
    await send({"type": "websocket.accept"})
    peer = scope["client"][0] if scope.get("client") else None
    serving = asyncio.current_task()
    socket = _Socket(send, serving)
    connection = Connection(gateway.resources.hub, socket, client_address(peer, headers, settings.trusted_proxies))
    socket.connection = connection
    session_token = session_cookie(headers)
    gateway.opened(connection)
    try:
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                return
            text = event.get("text")
            if text is None:
                gateway.bye(connection, CLOSE_BAD_FRAMES, "bad_frame", "Frames are text.")
                return
            await gateway.receive(connection, text, session_token)
            if connection.closed:
                return
    except asyncio.CancelledError:
        if not socket.cut_off or serving is None or serving.uncancel() > 0:
            raise
    finally:
        gateway.closed(connection)
