"""What every HTTP answer gets: a request number, safe headers, a bounded body."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

import structlog

from qiatan.infra import logs, metrics, tracing
from qiatan.infra.http.address import Networks, is_trusted
from qiatan.kit.access import AgentActor, VisitorActor

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


_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_WAITING = frozenset({"/api/v1/poll/{poll_id}"})
"""Routes that take long because they wait for news."""


class BodyTooLarge(Exception):
    """The body passed the limit while it was being read."""


class RequestAround:
    """A request, as everything that is logged meanwhile names it, and what it took."""

    __slots__ = ("_ids", "database_seconds", "transactions")

    def __init__(self, request_id: str) -> None:
        self._ids = {"request_id": request_id}
        self.database_seconds = 0.0
        self.transactions = 0

    def ids(self) -> Mapping[str, str]:
        return self._ids

    def spent_in_database(self, seconds: float) -> None:
        self.database_seconds += seconds
        self.transactions += 1

    def name(self, actor: AgentActor | VisitorActor | None, path: Mapping[str, Any]) -> None:
        """Say who calls, and about which conversation."""
        found = {}
        if isinstance(actor, AgentActor):
            found = {"enterprise_id": str(actor.enterprise_id), "program_id" if actor.via == "api_key" else "agent_id": str(actor.agent_id)}
        elif actor is not None:
            found = {"enterprise_id": str(actor.enterprise_id), "customer_id": str(actor.customer_id)}
        conversation = str(path.get("conversation_id", ""))
        if _UUID.fullmatch(conversation):
            found["conversation_id"] = conversation
        self._ids |= found
        if tracing.is_on():
            tracing.note(**found)


class Envelope:
    """Pure ASGI middleware: outermost, so that even errors carry the headers and the request number.

    `X-Request-Id` of a trusted proxy is kept as the request's number, so that its log and ours speak of the same thing. `log_all`:
    each request gets a line. `sending`: paths to which files are sent; bodies to others are small.
    """

    def __init__(
        self, app: App, *, https: bool, trusted: Networks = (), log_all: bool = False, sending: re.Pattern[str] = re.compile(r"(?!)")
    ) -> None:
        self._app = app
        self._sending = sending
        self._trusted = trusted
        self._log_all = log_all
        self._defaults = dict(_DEFAULTS)
        if https:
            self._defaults[b"strict-transport-security"] = b"max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        believed = bool(self._trusted) and is_trusted(scope["client"][0] if scope.get("client") else None, self._trusted)
        request_id = _request_id(scope["headers"]) if believed else _new_id()
        limit = _limit_of(scope) if self._sending.fullmatch(scope["path"]) else MAX_BODY
        exchange = _Exchange(scope, receive, send, self._defaults, request_id, limit)
        cause = RequestAround(exchange.request_id)
        scope["state"]["around"] = cause
        named = logs.around.set(cause)
        began = time.perf_counter()
        try:
            with tracing.span("request", cause.ids(), kind="server", parent=scope["headers"] if believed else None):
                try:
                    await self._handle(scope, receive, exchange)
                except Exception:
                    exchange.status = exchange.status or 500
                    raise
                finally:
                    self._note(scope, exchange, cause, time.perf_counter() - began)
        finally:
            logs.around.reset(named)

    def _note(self, scope: Scope, exchange: _Exchange, cause: RequestAround, seconds: float) -> None:
        """Count it, and tell what took long, what failed, and all where that is wanted."""
        route, method = route_of(scope), scope["method"] if scope["method"] in _METHODS else "other"
        metrics.REQUESTS.add(route, method, f"{exchange.status // 100}xx" if exchange.status else "none")
        metrics.REQUEST_SECONDS.observe(seconds, route, method)
        if tracing.is_on():
            tracing.rename(f"{method} {route}", route=route, method=method, status=exchange.status)
        slow = seconds > logs.SLOW_SECONDS and route not in _WAITING
        if slow or self._log_all:
            log.log(
                logging.WARNING if slow else logging.INFO,
                "request.slow" if slow else "request",
                route=route,
                method=method,
                status=exchange.status,
                seconds=round(seconds, 3),
                transactions=cause.transactions,
                in_transactions=round(cause.database_seconds, 3),
            )

    async def _handle(self, scope: Scope, receive: Receive, exchange: _Exchange) -> None:
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

    def __init__(self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, bytes], request_id: str, limit: int) -> None:
        self.request_id = request_id
        self.status = 0
        scope.setdefault("state", {})["request_id"] = self.request_id
        self.limit = limit
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
            self.status = message["status"]
            present = {name.lower() for name, _ in message["headers"]}
            extra = [(name, value) for name, value in self._headers.items() if name not in present]
            message["headers"] = [*message["headers"], *extra, (b"x-request-id", self.request_id.encode())]
        await self._send(message)


def route_of(scope: Scope) -> str:
    """The route's template: an address itself may hold a key, a mark of a file, or anything at all."""
    # Of an included router FastAPI keeps the whole path in a context of its own; the route itself knows its part only.
    route = scope.get("fastapi", {}).get("effective_route_context") or scope.get("route")
    return getattr(route, "path", None) or "other"


def _new_id() -> str:
    return secrets.token_hex(8)


def _request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    given = next((value.decode("latin-1") for name, value in headers if name == b"x-request-id"), "")
    return given if _REQUEST_ID.fullmatch(given) else _new_id()


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
