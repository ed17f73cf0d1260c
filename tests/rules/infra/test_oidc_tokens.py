"""What a hostile or broken identity provider may answer, and that none of it is believed (security.md F37)."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from qiatan.infra import oidc
from qiatan.infra.http_out import HttpOut
from qiatan.infra.oidc_providers import Providers
from tests.support.web_server import WebServer, web_server

CLIENT = oidc.Client("qiatan", "s:cret/ü", "http://qiatan.test/app/oidc")
KEY, OTHER_KEY = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))


def _public(key: rsa.RSAPrivateKey, **changed: Any) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    return described | {"kid": "one", "use": "sig"} | changed


@dataclass
class Hostile:
    """A provider that answers as told."""

    server: WebServer
    http: HttpOut

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def describes_itself(self, **changed: Any) -> None:
        told = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth?tenant=1",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        told = {name: value for name, value in (told | changed).items() if value is not None}
        self.server.says("/.well-known/openid-configuration", json.dumps(told))

    def claims(self, **changed: Any) -> dict[str, Any]:
        now = int(time.time())
        honest = {"iss": self.issuer, "aud": "qiatan", "sub": "1", "iat": now, "exp": now + 300, "nonce": "n", "email": "gu@example.com"}
        return {name: value for name, value in (honest | {"email_verified": True} | changed).items() if value is not None}

    async def redeem(self, token: str | None, *, keys: list[dict[str, Any]] | None = None) -> oidc.Identity:
        self.describes_itself()
        self.server.says("/keys", json.dumps({"keys": [_public(KEY)] if keys is None else keys}))
        self.server.says("/token", json.dumps({"access_token": "x"} | ({"id_token": token} if token is not None else {})))
        return await Providers(self.http).redeem(self.issuer, CLIENT, answer=oidc.Answer("c"), nonce="n", verifier="v")


@pytest.fixture
async def hostile() -> AsyncIterator[Hostile]:
    http = HttpOut([ip_network("127.0.0.0/8")])
    async with web_server() as server:
        yield Hostile(server, http)
    await http.close()


def signed(claims: dict[str, Any], key: Any = KEY, algorithm: str = "RS256", **headers: Any) -> str:
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "one"} | headers)


def by_hand(claims: dict[str, Any], algorithm: str, secret: bytes) -> str:
    """A token as an attacker makes it, whom no library keeps from it."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": algorithm, "kid": "one"}, claims)]
    signature = hmac.digest(secret, b".".join(parts), "sha256") if secret else b""
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


async def test_an_honest_token_is_believed_and_the_secret_goes_into_the_header(hostile: Hostile) -> None:
    identity = await hostile.redeem(signed(hostile.claims()))

    assert identity == oidc.Identity(hostile.issuer, "1", "gu@example.com", unconfirmed_email=False)
    asked = next(heard for heard in hostile.server.heard if heard.path == "/token")
    # RFC 6749 2.3.1: `qiatan` and `s%3Acret%2F%C3%BC` around a colon.
    assert asked.headers["authorization"] == "Basic cWlhdGFuOnMlM0FjcmV0JTJGJUMzJUJD"
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["c"],
        "redirect_uri": ["http://qiatan.test/app/oidc"],
        "code_verifier": ["v"],
    }


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://somebody.example"},
        {"aud": "another client"},
        {"aud": ["qiatan", "another client"]},
        {"aud": ["qiatan", "another client"], "azp": "another client"},
        {"azp": "another client"},
        {"exp": 1_600_000_000},
        {"iat": 4_000_000_000},
        {"nbf": 4_000_000_000},
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"exp": None},
        {"aud": None},
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": "a\x00b"},
        {"sub": "\ud800"},
        {"nonce": "\ud800"},
        {"email": "a\x00b@example.com"},
    ],
    ids=str,
)
async def test_a_token_that_is_not_for_us_now_is_refused(hostile: Hostile, changed: dict[str, Any]) -> None:
    with pytest.raises(oidc.ProviderRefused):
        await hostile.redeem(signed(hostile.claims(**changed)))


async def test_a_token_that_the_provider_did_not_sign_is_refused(hostile: Hostile) -> None:
    public = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    honest = signed(hostile.claims())
    forged: dict[str, str | None] = {
        "none": None,
        "another key": signed(hostile.claims(), OTHER_KEY),
        "no signature": by_hand(hostile.claims(), "none", b""),
        "the public key as a shared secret": by_hand(hostile.claims(), "HS256", public),
        "the client secret": signed(hostile.claims(), CLIENT.secret * 8, "HS256"),
        "an unknown key": signed(hostile.claims(), kid="two"),
        "changed words": ".".join([honest.split(".")[0], signed(hostile.claims(sub="2")).split(".")[1], honest.split(".")[2]]),
        "no token": "x",
    }
    believed = []
    for name, token in forged.items():
        try:
            await hostile.redeem(token)
            believed.append(name)
        except oidc.ProviderRefused:
            pass

    assert believed == []


@pytest.mark.parametrize(
    "keys",
    [[], [_public(KEY, use="enc")], [_public(KEY), _public(OTHER_KEY)], [{"kty": "oct", "kid": "one", "k": "c2VjcmV0"}]],
    ids=["none", "for encryption", "two of one name", "shared secret"],
)
async def test_without_exactly_one_usable_key_nothing_is_believed(hostile: Hostile, keys: list[dict[str, Any]]) -> None:
    with pytest.raises((oidc.ProviderRefused, oidc.ProviderUnreachable)):
        await hostile.redeem(signed(hostile.claims()), keys=keys)


@pytest.mark.parametrize("told", [False, None, "yes", "True", 1, ["true"]], ids=str)
async def test_only_a_clear_yes_confirms_an_address(hostile: Hostile, told: object) -> None:
    identity = await hostile.redeem(signed(hostile.claims(email_verified=told)))

    assert (identity.email, identity.unconfirmed_email) == (None, True)


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "http://127.0.0.1:1"},
        {"issuer": None},
        {"token_endpoint": None},
        {"jwks_uri": 5},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "file:///etc/passwd"},
        {"code_challenge_methods_supported": ["plain"]},
        {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
    ],
    ids=str,
)
async def test_a_description_that_does_not_fit_is_no_provider(hostile: Hostile, changed: dict[str, Any]) -> None:
    hostile.describes_itself(**changed)

    with pytest.raises(oidc.ProviderUnreachable):
        await oidc.discover(hostile.http, hostile.issuer)


@pytest.mark.parametrize("body", ["<html>", "[]", "null", '"x"'])
async def test_what_is_no_json_object_is_no_provider(hostile: Hostile, body: str) -> None:
    hostile.server.says("/.well-known/openid-configuration", body)

    with pytest.raises(oidc.ProviderUnreachable):
        await oidc.discover(hostile.http, hostile.issuer)


async def test_credentials_do_not_follow_a_redirect(hostile: Hostile) -> None:
    hostile.describes_itself()
    hostile.server.says("/token", status=307, Location=f"{hostile.issuer}/elsewhere")
    provider = await oidc.discover(hostile.http, hostile.issuer)

    with pytest.raises(oidc.ProviderUnreachable):
        await oidc.exchange(hostile.http, provider, CLIENT, answer=oidc.Answer("c"), verifier="v")

    assert [heard.path for heard in hostile.server.heard if "elsewhere" in heard.path] == []


async def test_the_browser_is_sent_with_state_nonce_and_challenge(hostile: Hostile) -> None:
    hostile.describes_itself()
    provider = await oidc.discover(hostile.http, hostile.issuer)

    url = oidc.authorization_url(provider, CLIENT, state="s", nonce="n", verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")

    assert {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()} == {
        "tenant": "1",
        "response_type": "code",
        "client_id": "qiatan",
        "redirect_uri": "http://qiatan.test/app/oidc",
        "scope": "openid email profile",
        "state": "s",
        "nonce": "n",
        # RFC 7636, appendix B.
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
