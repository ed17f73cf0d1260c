"""Every route carries exactly one guard, which says who may call it; a test walks the routes and fails on one without.

A guard is used as a dependency and hands the actor to the route:

    async def end(actor: Annotated[AgentActor, Depends(Requires(END))], tx: TenantTx, ...) -> Conversation: ...

401 nobody is signed in · 403 signed in without the point, or the CSRF header or origin is wrong · what the actor may not see is
404, said by the use case.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable

from fastapi import Request

from qiatan.infra.http.address import client_address
from qiatan.infra.http.origin import origin_allowed
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor, Point, VisitorActor, require
from qiatan.kit.errors import CsrfFailed, NotAllowed, NotSignedIn, OriginRefused, ReadOnlyView, TwoFactorRequired

SESSION_COOKIE = "qiatan_session"
CSRF_HEADER = "x-qiatan-csrf"
VIEW_HEADER = "x-qiatan-view-as"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

Identify = Callable[[Request], Awaitable[AgentActor | VisitorActor | None]]


def csrf_token(session_token: str) -> str:
    """The token a page sends back in `X-Qiatan-Csrf`: derived from the session's, so nothing more has to be kept."""
    return hashlib.sha256(b"csrf|" + session_token.encode()).hexdigest()[:32]


def resources_of(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


def address_of(request: Request) -> str:
    """The caller's address (see `client_address`)."""
    peer = request.client.host if request.client else None
    return client_address(peer, request.scope["headers"], resources_of(request).settings.trusted_proxies)


async def identify(request: Request) -> AgentActor | VisitorActor | None:
    """Who calls: looked up once a request, by the way the application was given."""
    if not hasattr(request.state, "actor"):
        lookup: Identify = request.app.state.identify
        request.state.actor = found = await lookup(request)
        learn = getattr(request.state, "learn_caller", None)
        if learn is not None and found is not None:
            learn(found.enterprise_id, visitor=isinstance(found, VisitorActor))
        around = getattr(request.state, "around", None)
        if around is not None:
            around.name(request.state.actor, request.path_params)
    actor: AgentActor | VisitorActor | None = request.state.actor
    return actor


def check_origin(request: Request) -> None:
    """Refuse changes sent by foreign pages.

    Raises:
        OriginRefused: the `Origin` header names another site.
    """
    if not origin_allowed(request.scope["headers"], resources_of(request).settings.public_url):
        raise OriginRefused


class Guard:
    """Base of the guards. `label` is what the API description and the permission matrix show."""

    label = "guard"


class Public(Guard):
    """Anybody. A change still needs our own page or no page at all, and the CSRF header (its value is free)."""

    def __init__(self, reason: str, *, any_origin: bool = False) -> None:
        self.reason = reason
        self.label = f"public: {reason}"
        self._any_origin = any_origin

    async def __call__(self, request: Request) -> None:
        if request.method in _SAFE or self._any_origin:
            return
        check_origin(request)
        if not request.headers.get(CSRF_HEADER):
            raise CsrfFailed


class SignedIn(Guard):
    """Any signed-in agent, for what is their own.

    `enrolling`: also one whose role demands a second factor that is still to be added. `private`: not for colleagues who look at the
    product as this agent.
    """

    label = "own"

    def __init__(self, *, enrolling: bool = False, private: bool = False) -> None:
        self._enrolling = enrolling
        self.private = private

    async def __call__(self, request: Request) -> AgentActor:
        actor = await _agent(request)
        if actor.via == "api_key":
            raise NotAllowed("An API key has no account of its own.")
        if actor.via == "view" and self.private:
            raise NotAllowed("How somebody protects their account is shown to nobody else.")
        if actor.must_enrol and not self._enrolling:
            raise TwoFactorRequired
        return actor


class Requires(SignedIn):
    """A signed-in agent whose role holds the point, or an API key that does."""

    def __init__(self, point: Point) -> None:
        super().__init__()
        self.point = point
        self.label = point.name

    async def __call__(self, request: Request) -> AgentActor:
        actor = await _agent(request)
        if actor.must_enrol:
            raise TwoFactorRequired
        require(actor, self.point)
        return actor


async def _agent(request: Request) -> AgentActor:
    """Who acts; a change must come from our own page (a program sends no cookie, so no foreign page can send it in its name)."""
    actor = await identify(request)
    if not isinstance(actor, AgentActor):
        raise NotSignedIn
    if request.method in _SAFE or actor.via == "api_key":
        return actor
    check_origin(request)
    expected = csrf_token(request.cookies.get(SESSION_COOKIE, ""))
    if not hmac.compare_digest(request.headers.get(CSRF_HEADER, "").encode(), expected.encode()):
        raise CsrfFailed
    if actor.via == "view":
        raise ReadOnlyView
    return actor


class Visitor(Guard):
    """A visitor with a living token. No cookie is involved, so no CSRF header is needed."""

    label = "visitor"

    async def __call__(self, request: Request) -> VisitorActor:
        actor = await identify(request)
        if not isinstance(actor, VisitorActor):
            raise NotSignedIn
        return actor
