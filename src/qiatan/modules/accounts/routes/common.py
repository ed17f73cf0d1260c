"""What the routes of accounts share: the session cookie, the catalogue of points, and how often a stranger may try."""

from __future__ import annotations

import hashlib
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import SecretStr

from qiatan.infra.db import Tx
from qiatan.infra.http.guards import SESSION_COOKIE, address_of, csrf_token, resources_of
from qiatan.infra.resources import Resources
from qiatan.infra.throttle import Rate
from qiatan.infra.tries import Tries
from qiatan.kit.access import AgentActor, Point
from qiatan.kit.cursors import MAX_PAGE
from qiatan.kit.errors import DatabaseUnavailable, Fault
from qiatan.modules.accounts import rules
from qiatan.modules.accounts.contracts import Me, SecondFactor, SignInAnswer
from qiatan.modules.accounts.errors import LoginDenied, TooManyLetters
from qiatan.modules.accounts.service import (
    Caller,
    Denied,
    Outcome,
    Proof,
    SecondFactorNeeded,
    SignedIn,
    Site,
    account_name,
    device_of,
    prove_owner,
    request_options,
)

After = Annotated[str | None, Query(max_length=200)]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]

# Signing in: a person mistypes a few times; an office of a thousand behind one address signs in together in the morning, and of them
# a few mistype; one account tried from many addresses is an attack (NIST SP 800-63B asks for such a limit too). It does not hold up who
# came in from the same address before. All but the flood by address (`SIGN_IN_ADDRESS`) are counted by all nodes together: what is guessed
# at one must not be guessed at the next (decision 0031).
SIGN_IN_PAIR = Rate(burst=5, per_minute=2)
SIGN_IN_ADDRESS = Rate(burst=2_000, per_minute=600)
SIGN_IN_WRONG = Rate(burst=100, per_minute=60)
SIGN_IN_ACCOUNT = Rate(burst=50, per_minute=5)
# Making enterprises, which also tells whether an e-mail address has an account.
SIGN_UP = Rate(burst=5, per_minute=5 / 60)
# Tokens cannot be guessed; this only bounds the work. A thousand invited people of one office join on the same morning: two calls each,
# and half of them open their letter twice.
LINK = Rate(burst=3_000, per_minute=600)
PASSWORD = Rate(burst=5, per_minute=2)
# Each makes this server call another one. An enterprise of a thousand signs in at nine, half of them a second time, mostly from one office:
# one beginning and one end each. What strangers can make us ask of a provider stays below ten calls a second.
OIDC = Rate(burst=4_000, per_minute=1_200)
# A stranger must not use up what an enterprise has. Whoever comes from where somebody of it came in before needs none of this, nor of the
# enterprise's: the first of a new office to come in makes its address known.
OIDC_OF_STRANGER = Rate(burst=40, per_minute=20)
OIDC_TEST = Rate(burst=20, per_minute=20)
OIDC_OF_ENTERPRISE = Rate(burst=1_500, per_minute=600)
INVITE = Rate(burst=100, per_minute=60)
# Asking for a new password: by caller, and letters by address, so that nobody's mailbox is filled by a stranger.
RESET = Rate(burst=10, per_minute=10 / 60)
RESET_EMAIL = Rate(burst=3, per_minute=3 / 60)
# Letters that colleagues have sent, counted by all nodes together: whoever may sign up must not fill a mailbox, nor send to half the world.
# Those of one enterprise must not keep the letters of another from an address; what all of them send there is bounded further out.
LETTERS_TO = Rate(burst=3, per_minute=3 / 60)
LETTERS_OF_ALL_TO = Rate(burst=10, per_minute=10 / 60)
# Second steps and passkeys (two calls each) by address, for an office of a thousand that signs in together, half of them with a second
# try; codes are counted by account, where they are taken.
SECOND_FACTOR = Rate(burst=3_000, per_minute=600)
OWN_CODE = Rate(burst=10, per_minute=5)
AVATAR = Rate(burst=10, per_minute=10)
# Each reads up to 100,000 rows, and is an entry of the audit log.
EXPORT = Rate(burst=6, per_minute=6 / 10)


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


def throttle_export(resources: Resources, actor: AgentActor) -> None:
    """Count one export of whoever acts, whatever is exported. Raises `TooMany`."""
    throttle(resources, "export", EXPORT, str(actor.viewer_id or actor.agent_id))


def tries_of(resources: Resources) -> Tries:
    """What all nodes count together."""
    return Tries(resources.sealer)


async def count(resources: Resources, purpose: str, rate: Rate, *parts: str) -> None:
    """Count one try by the parts on all nodes together, in a transaction of its own. Raises `TooMany`."""
    async with resources.database.system() as tx:
        await tries_of(resources).take(tx, purpose, rate, *parts)


@asynccontextmanager
async def letter_counted(resources: Resources, enterprise_id: UUID, email: str) -> AsyncIterator[None]:
    """Count the letter to an address that the block leaves behind, where letters are sent at all.

    It is counted first, so that many at once are; a block that is refused leaves none, and gives the try back.

    Raises:
        TooManyLetters: the address got as many as it should, or the enterprise has sent as many as it may.
    """
    if not resources.mailer.configured:
        yield
        return
    tries, a_day = tries_of(resources), resources.settings.limits.letters
    async with resources.database.system() as tx:
        account = await account_name(tx, email)
        counts = (
            ("letters-to", LETTERS_TO, (str(enterprise_id), account)),
            ("letters-of-all-to", LETTERS_OF_ALL_TO, (account,)),
            ("letters-of", Rate(burst=a_day, per_minute=a_day / (24 * 60)), (str(enterprise_id),)),
        )
        for purpose, rate, parts in counts:
            seconds = await tries.wait(tx, purpose, rate, *parts)
            if seconds > 0:
                raise TooManyLetters(retry_after=math.ceil(seconds))
    try:
        yield
    except DatabaseUnavailable:
        raise  # whether it was stored nobody knows
    except Fault:
        async with resources.database.system() as tx:
            for purpose, rate, parts in counts:
                await tries.give_back(tx, purpose, rate, *parts)
        raise


async def forgive(resources: Resources, purpose: str, *parts: str) -> None:
    """Forget the tries that `count` counted by these parts, after a success."""
    async with resources.database.system() as tx:
        await tries_of(resources).forget(tx, purpose, *parts)


@asynccontextmanager
async def proven(resources: Resources, actor: AgentActor, password: SecretStr | None) -> AsyncIterator[tuple[Tx, Proof]]:
    """A transaction for what needs the password once more. Not the request's own: none is open while the password is checked.

    The right password makes up for the wrong ones at once, whatever becomes of what it was given for.

    Raises:
        TooMany: it was tried too often.
        WrongCredentials, InvalidInput, RecentSignInRequired, Busy: as `prove_owner`.
    """
    await count(resources, "password", PASSWORD, str(actor.agent_id))
    proof = await prove_owner(resources.database, actor, password)
    await forgive(resources, "password", str(actor.agent_id))
    async with resources.database.tenant(actor.enterprise_id) as tx:
        yield tx, proof


def _key(purpose: str, parts: tuple[str, ...]) -> str:
    """Of bounded length, and telling nobody, not even in a memory dump, who tried what."""
    return f"{purpose}:{hashlib.sha256('|'.join(parts).encode()).hexdigest()}"


class Entrance:
    """Where a stranger becomes somebody: counts their tries, and puts the new session into their browser's cookie."""

    def __init__(self, request: Request, response: Response) -> None:
        self._request = request
        self._response = response
        address = address_of(request)
        self.caller = Caller(
            address=address,
            user_agent=request.headers.get("user-agent", ""),
            region=resources_of(request).geo.region_of(address),
            session_token=request.cookies.get(SESSION_COOKIE),
        )

    async def named(self) -> Caller:
        """The caller with what their browser is called: asked for once their try is counted, and before the transaction that lets them in.

        The first reading takes half a second, for which no lock and no connection should be held.
        """
        return replace(self.caller, device=await device_of(self.caller.user_agent))

    def throttle(self, purpose: str, rate: Rate, *parts: str) -> None:
        """Count one try by the parts, or by the caller's address when there are none. Raises `TooMany`."""
        throttle(resources_of(self._request), purpose, rate, *(parts or (self.address,)))

    def wait(self, purpose: str, rate: Rate, *parts: str) -> float:
        """Count one try by the parts. Returns 0, or the seconds until there will be one."""
        return resources_of(self._request).throttle.wait(_key(purpose, parts), rate)

    @property
    def address(self) -> str:
        """Whom the caller's address speaks for when tries are counted."""
        return rules.address_group(self.caller.address)

    def answer(self, outcome: Outcome) -> SignInAnswer:
        """Say what came of a sign-in, once it is committed.

        Raises:
            LoginDenied: not from this address.
        """
        if isinstance(outcome, Denied):
            raise LoginDenied.at(outcome.address)
        if isinstance(outcome, SignedIn):
            return SignInAnswer(me=self.greet(outcome))
        return SignInAnswer(second_factor=self._asked(outcome))

    def admit(self, outcome: Outcome) -> Me:
        """As `answer`, where no second step can follow."""
        me = self.answer(outcome).me
        if me is None:
            raise RuntimeError("a second factor was asked for where none can be")
        return me

    def _asked(self, needed: SecondFactorNeeded) -> SecondFactor:
        site = Site.of(resources_of(self._request).settings.public_url)
        return SecondFactor(
            challenge=needed.token,
            methods=needed.methods,
            passkey=request_options(site, needed.webauthn_challenge, needed.passkeys) if needed.passkeys else None,
            expires_at=needed.expires_at,
        )

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
            must_enrol=signed_in.must_enrol,
        )


EntranceOf = Annotated[Entrance, Depends()]


def forget_cookie(request: Request, response: Response) -> None:
    response.delete_cookie(SESSION_COOKIE, path="/", secure=_secure(request), httponly=True, samesite="lax")


def _secure(request: Request) -> bool:
    return resources_of(request).settings.public_url.startswith("https:")
