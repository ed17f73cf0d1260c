"""Clients, as each kind of caller has one: HTTP and socket, without a port."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Protocol, Self

import httpx
from fastapi import FastAPI

from qiatan.entrypoints.app import Application
from qiatan.infra.http.guards import CSRF_HEADER, SESSION_COOKIE, csrf_token
from tests.support.sockets import SocketClient

PUBLIC_URL = "http://qiatan.test"
BASE = f"{PUBLIC_URL}/api/v1"
SOCKET = "ws://qiatan.test/api/v1/socket"


class HoldsSession(Protocol):
    @property
    def session_token(self) -> str: ...


class Doors:
    """Makes clients of one application and closes them at the end.

    Addresses differ by client unless given, so that one caller's throttle is not another's.
    """

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._sockets: list[SocketClient] = []
        self._opened: list[httpx.AsyncClient] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for socket in self._sockets:
            await socket.close()
        for client in self._opened:
            await client.aclose()

    def stranger(self, *, address: str | None = None, headers: dict[str, str] | None = None, csrf: str | None = "1") -> httpx.AsyncClient:
        """Nobody: no cookie, no token. Sends the CSRF header that pages send before sign-in; `csrf=None` leaves it out."""
        number = len(self._opened) + 1
        peer = address or f"192.0.2.{number % 250 + 1}"
        sent = {CSRF_HEADER: csrf} if csrf is not None else {}
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app, client=(peer, 40000 + number)),
            base_url=BASE,
            headers=sent | (headers or {}),
        )
        self._opened.append(client)
        return client

    def agent(self, member: HoldsSession, **options: Any) -> httpx.AsyncClient:
        """A signed-in agent, by the cookie and the CSRF token of their session."""
        client = self.stranger(csrf=csrf_token(member.session_token), **options)
        client.cookies.set(SESSION_COOKIE, member.session_token, domain="qiatan.test")
        return client

    def visitor(self, token: str, **options: Any) -> httpx.AsyncClient:
        """A visitor, by bearer token."""
        return self.stranger(csrf=None, headers={"Authorization": f"Bearer {token}"}, **options)

    async def socket(
        self,
        *,
        cookie: str | None = None,
        origin: str | None = PUBLIC_URL,
        address: str = "192.0.2.251",
        hello: dict[str, Any] | None = None,
    ) -> SocketClient:
        """A WebSocket, open but for a refused origin. `hello` is sent as the first frame, and its welcome awaited."""
        headers = {"cookie": f"{SESSION_COOKIE}={cookie}"} if cookie is not None else {}
        if origin is not None:
            headers["origin"] = origin
        socket = SocketClient(Application(self.app), headers=headers, address=address)
        self._sockets.append(socket)
        await socket.open(SOCKET)
        if hello is not None:
            await socket.send(type="hello", protocol=1, **hello)
            await socket.next("welcome")
        return socket

    def forget_sockets(self) -> None:
        """Keep those that have ended no longer, where one test opens thousands."""
        self._sockets = [socket for socket in self._sockets if socket.close_code is None]

    async def agent_socket(self, member: HoldsSession) -> SocketClient:
        """A signed-in agent's socket, welcomed."""
        return await self.socket(cookie=member.session_token, hello={})

    async def visitor_socket(self, token: str) -> SocketClient:
        """A visitor's socket, welcomed and told whether anybody serves. It comes from a page of our own (the panel's frame)."""
        socket = await self.socket(hello={"token": token})
        await socket.next("availability")
        return socket
