"""What every HTTP answer gets: a request number, safe headers, a bounded body."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = structlog.get_logger(__name__)

MAX_BODY = 1024 * 1024
MAX_UPLOAD = 12 * 1024 * 1024
"""An upload's own limit (10 MiB) plus what multipart adds; the route enforces the exact one while reading."""
MAX_CHUNK = 4 * 1024 * 1024
"""A part of a file that comes in several; the route enforces what is left of the file."""

_TOO_LARGE = b'{"error":{"code":"too_large","message":"This is larger than allowed. Send something smaller.","request_id":"%s"}}'
_DEFAULTS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
    b"cross-origin-opener-policy": b"same-origin",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cache-control": b"no-store",
}


class BodyTooLarge(Exception):
    """The body passed the limit while it was being read."""


class Envelope:
    """Pure ASGI middleware: outermost, so that even errors carry the headers and the request number."""

    def __init__(self, app: App, *, https: bool) -> None:
        self._app = app
        self._defaults = dict(_DEFAULTS)
        if https:
            self._defaults[b"strict-transport-security"] = b"max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send, self._defaults)
        declared = _content_length(scope)
        if declared is not None and declared > exchange.limit:
            await exchange.refuse()
            return
        try:
            await self._app(scope, exchange.receive, exchange.answer_unless_cut)
        except BodyTooLarge:
            exchange.cut = True
        if exchange.cut and not exchange.started:
            await exchange.refuse()


class _Exchange:
    """One request and its answer on their way through the envelope."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, bytes]) -> None:
        self.request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = self.request_id
        self.limit = _limit_of(scope)
        self.started = self.cut = False
        self._receive = receive
        self._send = send
        self._headers = headers
        self._read = 0

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._read += len(message.get("body", b""))
            if self._read > self.limit:
                self.cut = True
                raise BodyTooLarge
        return message

    async def answer_unless_cut(self, message: Message) -> None:
        # The framework turns the interrupted read into a complaint about its form; ours says what helps.
        if self.started or not self.cut:
            await self._answer(message)

    async def refuse(self) -> None:
        body = _TOO_LARGE % self.request_id.encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
        await self._answer({"type": "http.response.start", "status": 413, "headers": headers})
        await self._answer({"type": "http.response.body", "body": body})

    async def _answer(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            present = {name.lower() for name, _ in message["headers"]}
            extra = [(name, value) for name, value in self._headers.items() if name not in present]
            message["headers"] = [*message["headers"], *extra, (b"x-request-id", self.request_id.encode())]
        await self._send(message)


def _limit_of(scope: Scope) -> int:
    kind = next((value.lower() for name, value in scope["headers"] if name == b"content-type"), b"")
    if kind.startswith(b"multipart/"):
        return MAX_UPLOAD
    return MAX_CHUNK if kind == b"application/octet-stream" else MAX_BODY


def _content_length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return None
