"""HTTP clients, as each kind of caller has one."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import httpx

from qiatan.infra.http.guards import CSRF_HEADER, SESSION_COOKIE, csrf_token

if TYPE_CHECKING:
    from starlette.types import ASGIApp

PUBLIC_URL = "http://qiatan.test"
BASE = f"{PUBLIC_URL}/api/v1"


class HoldsSession(Protocol):
    @property
    def session_token(self) -> str: ...


class Doors:
    """Makes clients of one application and closes them at the end.

    Addresses differ by client unless given, so that one caller's throttle is not another's.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._opened: list[httpx.AsyncClient] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for client in self._opened:
            await client.aclose()

    def stranger(self, *, address: str | None = None, headers: dict[str, str] | None = None, csrf: str | None = "1") -> httpx.AsyncClient:
        """Nobody: no cookie, no token. Sends the CSRF header that pages send before sign-in; `csrf=None` leaves it out."""
        number = len(self._opened) + 1
        peer = address or f"192.0.2.{number % 250 + 1}"
        sent = {CSRF_HEADER: csrf} if csrf is not None else {}
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self._app, client=(peer, 40000 + number)),
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
