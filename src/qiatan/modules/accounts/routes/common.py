"""What the routes of accounts share: the session cookie, the catalogue of points, and how often a stranger may try."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Query, Request, Response

from qiatan.infra.http.guards import SESSION_COOKIE, address_of, csrf_token, resources_of
from qiatan.infra.resources import Resources
from qiatan.infra.throttle import Rate
from qiatan.kit.access import Point
from qiatan.kit.cursors import MAX_PAGE
from qiatan.modules.accounts import rules
from qiatan.modules.accounts.contracts import Me
from qiatan.modules.accounts.service import Caller, SignedIn

After = Annotated[str | None, Query(max_length=200)]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]

# Signing in: a person mistypes a few times; an office behind one address signs in together in the morning; one account tried from
# many addresses is an attack (NIST SP 800-63B asks for such a limit too).
SIGN_IN_PAIR = Rate(burst=5, per_minute=2)
SIGN_IN_ADDRESS = Rate(burst=100, per_minute=60)
SIGN_IN_ACCOUNT = Rate(burst=50, per_minute=5)
# Making enterprises, which also tells whether an e-mail address has an account.
SIGN_UP = Rate(burst=5, per_minute=5 / 60)
# Tokens cannot be guessed; this only bounds the work.
LINK = Rate(burst=30, per_minute=30)
PASSWORD = Rate(burst=5, per_minute=2)
INVITE = Rate(burst=100, per_minute=60)
AVATAR = Rate(burst=10, per_minute=10)


def _catalogue(request: Request) -> tuple[Point, ...]:
    catalogue: tuple[Point, ...] = request.app.state.catalogue
    return catalogue


Catalogue = Annotated[tuple[Point, ...], Depends(_catalogue)]
"""All permission points there are, which the application knows."""


def throttle(resources: Resources, purpose: str, rate: Rate, *parts: str) -> None:
    """Count one try by the parts.

    Raises:
        TooMany: with the seconds to wait.
    """
    resources.throttle.check(_key(purpose, parts), rate)


def _key(purpose: str, parts: tuple[str, ...]) -> str:
    """Of bounded length, and telling nobody, not even in a memory dump, who tried what."""
    return f"{purpose}:{hashlib.sha256('|'.join(parts).encode()).hexdigest()}"


class Entrance:
    """Where a stranger becomes somebody: counts their tries, and puts the new session into their browser's cookie."""

    def __init__(self, request: Request, response: Response) -> None:
        self._request = request
        self._response = response
        self.caller = Caller(
            address=address_of(request),
            user_agent=request.headers.get("user-agent", ""),
            session_token=request.cookies.get(SESSION_COOKIE),
        )

    def throttle(self, purpose: str, rate: Rate, *parts: str) -> None:
        """Count one try by the parts, or by the caller's address when there are none. Raises `TooMany`."""
        throttle(resources_of(self._request), purpose, rate, *(parts or (rules.address_group(self.caller.address),)))

    def forgive(self, purpose: str, *parts: str) -> None:
        """Forget the tries counted by these parts, after a success."""
        resources_of(self._request).throttle.forget(_key(purpose, parts))

    def greet(self, signed_in: SignedIn) -> Me:
        """Set the cookie and say who is signed in."""
        self._response.set_cookie(
            SESSION_COOKIE,
            signed_in.token,
            max_age=int(rules.SESSION_LONGEST / timedelta(seconds=1)),
            path="/",
            secure=_secure(self._request),
            httponly=True,
            samesite="lax",
        )
        return Me(
            agent=signed_in.agent,
            enterprise=signed_in.enterprise,
            points=sorted(signed_in.points),
            csrf_token=csrf_token(signed_in.token),
        )


EntranceOf = Annotated[Entrance, Depends()]


def forget_cookie(request: Request, response: Response) -> None:
    response.delete_cookie(SESSION_COOKIE, path="/", secure=_secure(request), httponly=True, samesite="lax")


def _secure(request: Request) -> bool:
    return resources_of(request).settings.public_url.startswith("https:")
