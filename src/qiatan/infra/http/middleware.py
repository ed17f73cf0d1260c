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
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        limit = MAX_UPLOAD if _is_multipart(scope) else MAX_BODY
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                present = {name.lower() for name, _ in message["headers"]}
                extra = [(name, value) for name, value in self._defaults.items() if name not in present]
                message["headers"] = [*message["headers"], *extra, (b"x-request-id", request_id.encode())]
            await send(message)

        declared = _content_length(scope)
        if declared is not None and declared > limit:
            await _refuse(send_with_headers, request_id)
            return
        read = 0

        async def receive_limited() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > limit:
                    raise BodyTooLarge
            return message

        try:
            await self._app(scope, receive_limited, send_with_headers)
        except BodyTooLarge:
            if not started:
                await _refuse(send_with_headers, request_id)


def _is_multipart(scope: Scope) -> bool:
    return any(name == b"content-type" and value.lower().startswith(b"multipart/") for name, value in scope["headers"])


def _content_length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return None


async def _refuse(send: Send, request_id: str) -> None:
    body = _TOO_LARGE % request_id.encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
