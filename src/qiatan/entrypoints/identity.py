"""Who calls: a session cookie means an agent, a bearer token a visitor. The same for HTTP and for sockets."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import Request
from starlette.requests import cookie_parser

from qiatan.entrypoints.registry import CATALOGUE
from qiatan.infra.db import Database
from qiatan.infra.http.guards import SESSION_COOKIE, address_of, resources_of
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.modules.accounts import service as accounts
from qiatan.modules.visitors import service as visitors

MAX_TOKEN = 200


async def agent_of(database: Database, session_token: str | None, *, address: str) -> AgentActor | None:
    """The agent a session token belongs to, with the rights the account has now."""
    if not session_token or len(session_token) > MAX_TOKEN:
        return None
    async with database.system() as tx:
        return await accounts.resolve_session(tx, session_token, CATALOGUE, address=address)


async def visitor_of(database: Database, visitor_token: str | None) -> VisitorActor | None:
    if not visitor_token or len(visitor_token) > MAX_TOKEN:
        return None
    async with database.system() as tx:
        return await visitors.resolve_token(tx, visitor_token)


async def identify(request: Request) -> AgentActor | VisitorActor | None:
    """A bearer token, if sent, decides: the widget is served from our own address, where an agent's cookie may exist too."""
    database = resources_of(request).database
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return await visitor_of(database, token.strip())
    return await agent_of(database, request.cookies.get(SESSION_COOKIE), address=address_of(request))


def session_cookie(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The session token in raw headers (a socket's upgrade)."""
    for name, value in headers:
        if name == b"cookie":
            token = cookie_parser(value.decode("latin-1")).get(SESSION_COOKIE)
            if token is not None:
                return token
    return None
