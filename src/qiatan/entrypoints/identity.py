"""Who calls: a session cookie means an agent, a bearer token a visitor or a program. The same for HTTP and for sockets."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from fastapi import Request
from starlette.requests import cookie_parser

from qiatan.entrypoints.registry import CATALOGUE
from qiatan.infra.db import Database
from qiatan.infra.http.guards import SESSION_COOKIE, VIEW_HEADER, address_of, resources_of
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.modules.accounts import service as accounts
from qiatan.modules.visitors import service as visitors

MAX_TOKEN = 200


async def agent_of(resources: Resources, session_token: str | None, *, address: str) -> AgentActor | None:
    """The agent a session token belongs to, with the rights the account has now."""
    if not session_token or len(session_token) > MAX_TOKEN:
        return None
    region = resources.geo.region_of(address)
    async with resources.database.system() as tx:
        return await accounts.resolve_session(tx, session_token, CATALOGUE, address=address, region=region)


async def view_of(resources: Resources, viewer: AgentActor, ticket: str) -> tuple[AgentActor, datetime]:
    """The colleague as whom a signed-in agent looks at the product, and until when.

    Raises:
        ViewEnded: this cannot be, or cannot be any more.
    """
    async with resources.database.system() as tx:
        return await accounts.resolve_view(tx, viewer, ticket, sealer=resources.sealer, catalogue=CATALOGUE)


async def program_of(resources: Resources, key: str, *, address: str) -> AgentActor | None:
    """The program an API key belongs to.

    Raises:
        TooMany: too many unknown keys came from this address.
    """
    async with resources.database.system() as tx:
        return await accounts.resolve_api_key(tx, key, CATALOGUE, address=address, throttle=resources.throttle)


async def visitor_of(database: Database, visitor_token: str | None, *, address: str) -> VisitorActor | None:
    """The visitor a token belongs to.

    Raises:
        Blocked: who is known by it is not let in (F17).
    """
    if not visitor_token or len(visitor_token) > MAX_TOKEN:
        return None
    async with database.system() as tx:
        return await visitors.resolve_token(tx, visitor_token, address=address)


def bearer_of(request: Request) -> str | None:
    """The bearer token; an empty one is one too."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def identify(request: Request) -> AgentActor | VisitorActor | None:
    """A bearer token, if sent, decides: the widget is served from our own address, where an agent's cookie may exist too."""
    resources = resources_of(request)
    bearer = bearer_of(request)
    if bearer is not None:
        if accounts.looks_like_key(bearer):
            return await program_of(resources, bearer, address=address_of(request))
        return await visitor_of(resources.database, bearer, address=address_of(request))
    actor = await agent_of(resources, request.cookies.get(SESSION_COOKIE), address=address_of(request))
    ticket = request.headers.get(VIEW_HEADER)
    if actor is None or ticket is None:
        return actor
    return (await view_of(resources, actor, ticket))[0]


def session_cookie(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The session token in raw headers (a socket's upgrade)."""
    for name, value in headers:
        if name == b"cookie":
            token = cookie_parser(value.decode("latin-1")).get(SESSION_COOKIE)
            if token is not None:
                return token
    return None
