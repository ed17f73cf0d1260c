"""What is kept of identity providers, how long, and when it is read anew."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from qiatan.infra import attempts, oidc, oidc_providers
from qiatan.infra.http import admission
from qiatan.infra.http_out import HttpOut, OutboundBusy, OutboundFailed
from qiatan.infra.oidc_providers import KEPT_SECONDS, Providers
from tests.support.web_server import WebServer, web_server

CLIENT = oidc.Client("qiatan", "secret", "http://qiatan.test/app/oidc")
OLD, NEW = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
DESCRIPTION, KEYS, TOKEN = "/.well-known/openid-configuration", "/keys", "/token"


@dataclass
class Stage:
    """A provider that signs with the key it is told, and what is kept of it."""

    server: WebServer
    http: HttpOut
    seconds: float = 0
    providers: Providers = field(init=False)

    def __post_init__(self) -> None:
        self.providers = Providers(self.http, now=lambda: self.seconds)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def describes(self, path: str = "", *, token: str = TOKEN) -> str:
        """The issuer at this path says where it is to be asked."""
        issuer = self.issuer + path
        told = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/auth",
            "token_endpoint": f"{self.issuer}{token}",
            "jwks_uri": f"{self.issuer}{KEYS}",
        }
        self.server.says(path + DESCRIPTION, json.dumps(told))
        return issuer

    def signs(self, key: rsa.RSAPrivateKey, name: str | None, *, published: bool = True, token: str = TOKEN) -> None:
        """From now on tokens are signed with this key."""
        claims = {"iss": self.issuer, "aud": "qiatan", "sub": "1", "iat": 1_700_000_000, "exp": 4_000_000_000, "nonce": "n"}
        signed = jwt.encode(claims, key, algorithm="RS256", headers={"kid": name} if name else {})
        self.server.says(token, json.dumps({"id_token": signed}))
        if published:
            described: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
            self.server.says(KEYS, json.dumps({"keys": [described | ({"kid": name} if name else {})]}))

    async def sign_in(self) -> oidc.Identity:
        await self.providers.description(self.issuer)
        return await self.providers.redeem(self.issuer, CLIENT, answer=oidc.Answer("c"), nonce="n", verifier="v")

    def asked(self) -> list[str]:
        """What it was asked for since the last look."""
        paths = [heard.path for heard in self.server.heard]
        self.server.heard.clear()
        return paths


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    http = HttpOut([ip_network("127.0.0.0/8")])
    async with web_server() as server:
        stage = Stage(server, http)
        stage.describes()
        stage.signs(OLD, "old")
        yield stage
    await http.close()


async def test_description_and_keys_are_read_once_an_hour(stage: Stage) -> None:
    await stage.sign_in()
    assert stage.asked() == [DESCRIPTION, TOKEN, KEYS]

    stage.seconds = KEPT_SECONDS - 1
    assert (await stage.sign_in()).subject == "1"
    assert stage.asked() == [TOKEN]

    stage.seconds = KEPT_SECONDS
    await stage.sign_in()
    assert stage.asked() == [DESCRIPTION, TOKEN, KEYS]


async def test_of_many_who_come_at_once_one_reads_for_all(stage: Stage) -> None:
    await asyncio.gather(*[stage.sign_in() for _ in range(5)])

    assert sorted(stage.asked()) == [DESCRIPTION, KEYS, *[TOKEN] * 5]


@pytest.mark.parametrize("names", [("old", "new"), ("same", "same"), (None, None)])
async def test_a_key_that_is_not_known_is_looked_for_once(stage: Stage, names: tuple[str | None, str | None]) -> None:
    stage.signs(OLD, names[0])
    await stage.sign_in()
    stage.signs(NEW, names[1])
    stage.asked()

    assert (await stage.sign_in()).subject == "1"
    assert stage.asked() == [TOKEN, DESCRIPTION, KEYS]
    await stage.sign_in()
    assert stage.asked() == [TOKEN]


async def test_a_key_that_the_provider_does_not_have_either_is_not_believed(stage: Stage) -> None:
    await stage.sign_in()
    stage.signs(NEW, "new", published=False)
    stage.asked()

    with pytest.raises(oidc.KeyUnknown):
        await stage.sign_in()

    assert stage.asked() == [TOKEN, DESCRIPTION, KEYS]


async def test_keys_that_were_read_for_this_very_token_are_not_read_again(stage: Stage) -> None:
    stage.signs(NEW, "new", published=False)

    with pytest.raises(oidc.KeyUnknown):
        await stage.sign_in()

    assert stage.asked() == [DESCRIPTION, TOKEN, KEYS]


async def test_what_is_wrong_with_a_token_is_no_reason_to_read_keys_anew(stage: Stage) -> None:
    await stage.sign_in()
    stage.asked()

    with pytest.raises(oidc.ProviderRefused):
        await stage.providers.redeem(stage.issuer, CLIENT, answer=oidc.Answer("c"), nonce="another", verifier="v")

    assert stage.asked() == [TOKEN]


async def test_after_a_token_endpoint_that_is_gone_the_next_sign_in_asks_where_it_is(stage: Stage) -> None:
    await stage.sign_in()
    stage.server.says(TOKEN, status=410)
    stage.describes(token="/moved")
    stage.signs(OLD, "old", token="/moved")
    stage.asked()

    with pytest.raises(oidc.ProviderUnreachable):
        await stage.sign_in()
    assert stage.asked() == [TOKEN]

    assert (await stage.sign_in()).subject == "1"
    assert stage.asked() == [DESCRIPTION, "/moved", KEYS]


async def test_an_administrators_trial_reads_it_right_now_and_keeps_no_failure(stage: Stage) -> None:
    await stage.sign_in()
    stage.server.says(DESCRIPTION, status=503)
    stage.asked()

    with pytest.raises(oidc.ProviderUnreachable):
        await stage.providers.description(stage.issuer, anew=True)
    stage.describes()

    assert (await stage.providers.description(stage.issuer)).issuer == stage.issuer
    assert stage.asked() == [DESCRIPTION, DESCRIPTION]


async def test_those_used_longest_ago_are_forgotten_first(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc_providers, "MOST_KEPT", 2)
    first, second, third = [stage.describes(path) for path in ("/1", "/2", "/3")]
    for issuer in (first, second, first, third):
        await stage.providers.description(issuer)
    stage.asked()

    for issuer in (first, third, second):
        await stage.providers.description(issuer)

    assert stage.asked() == ["/2" + DESCRIPTION]


# -- providers that do not answer


async def test_a_provider_that_does_not_answer_is_asked_once_for_all_and_then_left_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a crowd that signs in while the provider keeps silent
    asked, silence = 0, asyncio.Event()

    async def silent(*_: object, **__: object) -> object:
        nonlocal asked
        asked += 1
        await silence.wait()
        raise OutboundFailed("did not answer")

    with monkeypatch.context() as broken:
        broken.setattr(stage.http, "get_json", silent)
        crowd = [asyncio.ensure_future(stage.sign_in()) for _ in range(60)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        crowd[0].cancel()
        silence.set()

        # when the one call fails, then it has failed for all, and who comes a moment later hears so at once
        ends = await asyncio.gather(*crowd, return_exceptions=True)
        assert [type(end) for end in ends] == [asyncio.CancelledError] + [oidc.ProviderUnreachable] * 59
        with pytest.raises(oidc.ProviderUnreachable, match="did not answer"):
            await stage.sign_in()
        assert asked == 1

        # when the pause is over, then one tries, and nobody waits for that
        stage.seconds += attempts.PAUSE_SECONDS
        silence.clear()
        trying = asyncio.ensure_future(stage.sign_in())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(oidc.ProviderUnreachable):
            await stage.sign_in()
        silence.set()
        with pytest.raises(oidc.ProviderUnreachable):
            await trying
        assert asked == 2

    # when it answers again, then sign-ins go on
    stage.seconds += attempts.PAUSE_SECONDS
    assert (await stage.sign_in()).subject == "1"


async def test_all_that_ends_a_sign_in_takes_no_longer_than_the_page_waits(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    # given what the doors and a provider's own line may take before, the page, which waits for 30 s, hears how it ended
    assert admission.WAIT_SECONDS + oidc_providers.WAIT_SECONDS + oidc_providers.REDEEM_SECONDS <= 25
    await stage.sign_in()
    stage.signs(NEW, "new")

    async def silent(*_: object, **__: object) -> object:
        return await asyncio.Event().wait()

    # when it is one of the later calls that takes too long, then it ends
    with monkeypatch.context() as slow:
        slow.setattr(stage.http, "get_json", silent)
        slow.setattr(oidc_providers, "REDEEM_SECONDS", 0.5)
        async with asyncio.timeout(30):
            with pytest.raises(oidc.ProviderUnreachable, match="did not end the sign-in within"):
                await stage.sign_in()


async def test_keys_that_cannot_be_read_keep_nobody_waiting_in_a_line(stage: Stage) -> None:
    await stage.providers.description(stage.issuer)
    stage.server.says(KEYS, status=503)
    stage.asked()

    ends = await asyncio.gather(*[stage.sign_in() for _ in range(5)], return_exceptions=True)

    assert {type(end) for end in ends} == {oidc.ProviderUnreachable}
    assert stage.asked().count(KEYS) == 1


async def test_an_administrators_trial_that_goes_well_ends_the_pause(stage: Stage) -> None:
    stage.server.says(DESCRIPTION, status=503)
    with pytest.raises(oidc.ProviderUnreachable):
        await stage.sign_in()
    stage.describes()
    with pytest.raises(oidc.ProviderUnreachable):
        await stage.sign_in()

    await stage.providers.description(stage.issuer, anew=True)

    assert (await stage.sign_in()).subject == "1"


async def test_a_line_of_our_own_is_no_reason_to_forget_a_provider(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.sign_in()
    stage.asked()

    async def full(*_: object, **__: object) -> object:
        raise OutboundBusy("too many wait")

    with monkeypatch.context() as rush:
        rush.setattr(stage.http, "request", full)
        with pytest.raises(oidc.ProviderNotAsked):
            await stage.sign_in()

    assert (await stage.sign_in()).subject == "1"
    assert stage.asked() == [TOKEN]

    # nor to leave one alone of which nothing is known yet
    stage.seconds += KEPT_SECONDS
    with monkeypatch.context() as rush:
        rush.setattr(stage.http, "get_json", full)
        with pytest.raises(oidc.ProviderNotAsked):
            await stage.sign_in()
    assert (await stage.sign_in()).subject == "1"
