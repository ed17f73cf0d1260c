"""What OpenID providers said of themselves, kept for an hour: a sign-in takes one call to the provider and not four."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from qiatan.infra import oidc
from qiatan.infra.attempts import Attempts, FailedLately
from qiatan.infra.clock import ticks
from qiatan.infra.fair import Gate
from qiatan.infra.http_out import HttpOut

KEPT_SECONDS = 3600
MOST_KEPT = 1_000
"""A description and its keys are a few kilobytes; those used longest ago are forgotten first."""
AT_ONCE, AT_ONCE_OF_EACH = 96, 24
WAITING, WAITING_OF_EACH = 160, 48
WAIT_SECONDS = 5.0
REDEEM_SECONDS = 15.0
"""For all that is asked of a provider to end a sign-in, our own lines included: the page waits for half a minute, and the code is used up."""


@dataclass(slots=True, eq=False)
class _Kept:
    """A description, with its keys from the first sign-in on; both are as old as the description."""

    provider: oidc.Provider
    until: float
    keys: Mapping[str, Any] | None = None


class Providers:
    """Providers by issuer, for everybody of this process. Whoever has the same issuer has the same provider, whatever the enterprise.

    Read anew when they are an hour old, when a token is signed with a key that is not among them (providers change theirs), and after
    a call that reached nothing. A provider that does not answer is left alone for some seconds: who signs in meanwhile hears it at once.
    """

    def __init__(self, http: HttpOut, *, now: Callable[[], float] = ticks) -> None:
        self.http = http
        self._now = now
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._descriptions: Attempts[oidc.Provider] = Attempts(oidc.ProviderUnreachable, but=oidc.ProviderNotAsked, now=now)
        self._key_sets: Attempts[Mapping[str, Any]] = Attempts(oidc.ProviderUnreachable, but=oidc.ProviderNotAsked, now=now)
        self.gate = Gate(
            AT_ONCE, AT_ONCE_OF_EACH, waiting=WAITING, waiting_of_each=WAITING_OF_EACH, seconds=WAIT_SECONDS, name="identity providers"
        )
        """For whoever is about to ask, by enterprise, before anything is used up: who waits for one provider leaves places to the others."""

    async def description(self, issuer: str, *, anew: bool = False) -> oidc.Provider:
        """What a provider says of itself; `anew`: right now.

        Raises:
            ProviderUnreachable: as `oidc.discover`.
        """
        if anew:
            self._forget(issuer)
            provider = await oidc.discover(self.http, issuer)
            self._descriptions.has_worked(issuer)
            return self._keep(issuer, provider).provider
        return (await self._entry(issuer)).provider

    async def redeem(self, issuer: str, client: oidc.Client, *, answer: oidc.Answer, nonce: str, verifier: str) -> oidc.Identity:
        """Whom the provider vouches for. Errors as `oidc.exchange` and `oidc.read_token`; unreachable, too, if all of it takes too long."""
        try:
            async with asyncio.timeout(REDEEM_SECONDS):
                return await self._redeem(issuer, client, answer, nonce, verifier)
        except TimeoutError:
            raise oidc.ProviderUnreachable(f"{issuer} did not end the sign-in within {REDEEM_SECONDS:g} seconds") from None

    async def _redeem(self, issuer: str, client: oidc.Client, answer: oidc.Answer, nonce: str, verifier: str) -> oidc.Identity:
        kept = await self._entry(issuer)
        try:
            token = await oidc.exchange(self.http, kept.provider, client, answer=answer, verifier=verifier)
        except oidc.ProviderNotAsked:
            raise
        except oidc.ProviderUnreachable:
            # It may have moved. This code is lost, for it must not be sent twice; the next sign-in asks where to go.
            self._forget(issuer, kept)
            raise
        known = kept.keys
        keys = known if known is not None else await self._keys(kept)
        try:
            return oidc.read_token(token, keys, kept.provider, client, nonce=nonce)
        except oidc.KeyUnknown:
            if known is None:
                raise
        self._forget(issuer, kept)
        kept = await self._entry(issuer)
        return oidc.read_token(token, await self._keys(kept), kept.provider, client, nonce=nonce)

    async def _entry(self, issuer: str) -> _Kept:
        kept = self._kept.get(issuer)
        if kept is not None and self._now() < kept.until:
            self._kept.move_to_end(issuer)
            return kept
        self._forget(issuer, kept)
        try:
            provider = await self._descriptions.get(issuer, lambda: oidc.discover(self.http, issuer))
        except FailedLately as error:
            raise oidc.ProviderUnreachable(str(error)) from None
        known = self._kept.get(issuer)
        return known if known is not None and known.provider is provider else self._keep(issuer, provider)

    def _keep(self, issuer: str, provider: oidc.Provider) -> _Kept:
        kept = self._kept[issuer] = _Kept(provider, self._now() + KEPT_SECONDS)
        self._kept.move_to_end(issuer)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return kept

    async def _keys(self, kept: _Kept) -> Mapping[str, Any]:
        if kept.keys is None:
            try:
                kept.keys = await self._key_sets.get(kept.provider.jwks_uri, lambda: oidc.read_keys(self.http, kept.provider))
            except FailedLately as error:
                raise oidc.ProviderUnreachable(str(error)) from None
        return kept.keys

    def _forget(self, issuer: str, kept: _Kept | None = None) -> None:
        """`kept`: only if nobody has read it anew since."""
        if kept is None or self._kept.get(issuer) is kept:
            self._kept.pop(issuer, None)
