"""OpenID Connect as a relying party: discovery, the authorization code flow with PKCE, the ID token's checks.

Sources: OpenID Connect Core 1.0 (3.1.2, 3.1.3.7), OpenID Connect Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (`iss` in the answer).
It knows no accounts: who the subject is among ours is decided elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import jwt

from qiatan.infra.http_out import HttpOut, OutboundBusy, OutboundError
from qiatan.kit.text import storable

SCOPE = "openid email profile"
CLOCK_LEEWAY = timedelta(seconds=90)
# Signatures only: a key that both sides know (HS256) would be the client secret, and `none` is no signature at all.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_REQUIRED_CLAIMS = ["iss", "sub", "aud", "exp", "iat"]
_MAX_SUBJECT = 255
AT_ONCE = 24
"""Calls under way at one provider in each process: some serve thousands of enterprises, all of which sign in at nine."""


class ProviderUnreachable(Exception):
    """The provider does not answer, or answers with what is no OpenID Connect. The text tells an administrator which call and why."""


class ProviderNotAsked(ProviderUnreachable):
    """Too many of us ask this provider: nothing was sent to it, and nothing is known of it."""


class ProviderRefused(Exception):
    """The provider answered, and its answer must not be believed or is a refusal. The text tells why, for the log."""


class KeyUnknown(ProviderRefused):
    """None of the provider's keys, as far as they are known here, has signed this token."""


@dataclass(frozen=True, slots=True)
class Provider:
    """What discovery told of a provider."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    secret_in_body: bool
    names_itself: bool


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are to the provider."""

    id: str
    secret: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the browser came back with; `iss` where the provider names itself (RFC 9207)."""

    code: str
    iss: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider vouches for. `email` is None unless the provider says that it has confirmed it."""

    issuer: str
    subject: str
    email: str | None
    unconfirmed_email: bool


async def discover(http: HttpOut, issuer: str) -> Provider:
    """Read a provider's own description.

    Raises:
        ProviderUnreachable: it cannot be read, is of another issuer, or lacks what the code flow needs.
    """
    address = issuer.rstrip("/") + "/.well-known/openid-configuration"
    told = await _get(http, address)
    if told.get("issuer") != issuer:
        raise ProviderUnreachable(f"{address} describes the issuer {told.get('issuer')!r}, not {issuer!r}; use exactly the one it names")
    endpoints = {name: _endpoint(told, name, issuer) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    methods = told.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        raise ProviderUnreachable(f"{address} does not offer PKCE with S256")
    ways = told.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    if not isinstance(ways, list) or not {"client_secret_basic", "client_secret_post"}.intersection(map(str, ways)):
        raise ProviderUnreachable(f"{address} offers neither client_secret_basic nor client_secret_post")
    names_itself = told.get("authorization_response_iss_parameter_supported") is True
    return Provider(issuer, **endpoints, secret_in_body="client_secret_basic" not in ways, names_itself=names_itself)


def authorization_url(provider: Provider, client: Client, *, state: str, nonce: str, verifier: str) -> str:
    """Where to send the browser."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": client.id,
        "redirect_uri": client.redirect_uri,
        "scope": SCOPE,
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    parts = urlsplit(provider.authorization_endpoint)
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query, keep_blank_values=True), *asked.items()]), fragment=""))


async def exchange(http: HttpOut, provider: Provider, client: Client, *, answer: Answer, verifier: str) -> str:
    """Exchange a code for an ID token, which nobody has checked yet.

    Raises:
        ProviderUnreachable: the token endpoint does not answer.
        ProviderRefused: the answer came from another provider, or the code is not taken.
    """
    if answer.iss != provider.issuer and (answer.iss is not None or provider.names_itself):
        raise ProviderRefused(f"the browser came back from the issuer {answer.iss!r}")
    form = {"grant_type": "authorization_code", "code": answer.code, "redirect_uri": client.redirect_uri, "code_verifier": verifier}
    headers = {"accept": "application/json"}
    if provider.secret_in_body:
        form |= {"client_id": client.id, "client_secret": client.secret}
    else:
        # RFC 6749 2.3.1: both are form-encoded before they are put together.
        pair = f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    told = await _post(http, provider.token_endpoint, form, headers)
    token = told.get("id_token")
    if not isinstance(token, str) or not token.isascii():
        raise ProviderRefused("the token endpoint sent no ID token")
    return token


async def read_keys(http: HttpOut, provider: Provider) -> Mapping[str, Any]:
    """The provider's keys, as it publishes them.

    Raises:
        ProviderUnreachable: they cannot be read.
    """
    return await _get(http, provider.jwks_uri)


def read_token(token: str, keys: Mapping[str, Any], provider: Provider, client: Client, *, nonce: str) -> Identity:
    """Whom an ID token vouches for.

    Raises:
        KeyUnknown: none of these keys has signed it.
        ProviderRefused: it is not for us, not for this sign-in, or too old.
    """
    return _identity(_claims(token, keys, provider, client), nonce)


def _claims(token: str, keys: Mapping[str, Any], provider: Provider, client: Client) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
        key = _key(jwt.PyJWKSet.from_dict(dict(keys)), header)
        claims = jwt.decode(
            token,
            key,
            algorithms=list(ALGORITHMS),
            audience=client.id,
            issuer=provider.issuer,
            leeway=CLOCK_LEEWAY,
            options={"require": _REQUIRED_CLAIMS, "strict_aud": False},
        )
    except (jwt.InvalidKeyError, jwt.PyJWKSetError, jwt.InvalidSignatureError) as error:
        raise KeyUnknown(f"the ID token does not hold: {error}") from error
    except jwt.PyJWTError as error:
        raise ProviderRefused(f"the ID token does not hold: {error}") from error
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if claims.get("azp", client.id) != client.id or (len(audiences) > 1 and "azp" not in claims):
        raise ProviderRefused("the ID token was made for another client")
    return claims


def _key(keys: jwt.PyJWKSet, header: Mapping[str, Any]) -> jwt.PyJWK:
    usable = [key for key in keys.keys if key.public_key_use in (None, "sig") and key.key_type in ("RSA", "EC", "OKP")]
    if "kid" in header:
        usable = [key for key in usable if key.key_id == header["kid"]]
    if len(usable) != 1:
        raise jwt.InvalidKeyError("the provider's keys do not tell which one signed")
    return usable[0]


def _identity(claims: Mapping[str, Any], nonce: str) -> Identity:
    if claims.get("nonce") != nonce:
        raise ProviderRefused("the ID token belongs to another sign-in")
    subject, email = claims["sub"], claims.get("email")
    if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT or not storable(subject):
        raise ProviderRefused("the ID token names no usable subject")
    if isinstance(email, str) and not storable(email):
        raise ProviderRefused("the ID token's e-mail address is no text")
    # Some providers send the text "true"; anything but a clear yes is no.
    told = claims.get("email_verified")
    confirmed = (told is True or told == "true") and isinstance(email, str)
    return Identity(claims["iss"], subject, email if confirmed else None, unconfirmed_email=isinstance(email, str) and not confirmed)


def _endpoint(told: Mapping[str, Any], name: str, issuer: str) -> str:
    address = told.get(name)
    if not isinstance(address, str) or urlsplit(address).scheme not in ({"https", urlsplit(issuer).scheme}):
        raise ProviderUnreachable(f"the provider's description lacks a usable {name}")
    return address


async def _get(http: HttpOut, address: str) -> dict[str, Any]:
    try:
        return _object(address, await http.get_json(address, at_once=AT_ONCE))
    except OutboundError as error:
        raise _unreachable(error) from error


async def _post(http: HttpOut, address: str, form: dict[str, str], headers: dict[str, str]) -> dict[str, Any]:
    try:
        # Credentials go to the address that was checked and nowhere else: redirects are not followed.
        answer = await http.request("POST", address, headers=headers, data=form, max_redirects=0, at_once=AT_ONCE)
        if answer.status in (400, 401, 403):
            raise ProviderRefused(f"{address} answered with status {answer.status}: {answer.body[:300]!r}")
        if answer.status != 200:
            raise ProviderUnreachable(f"{address} answered with status {answer.status}")
        return _object(address, answer.json())
    except OutboundError as error:
        raise _unreachable(error) from error


def _unreachable(error: OutboundError) -> ProviderUnreachable:
    return (ProviderNotAsked if isinstance(error, OutboundBusy) else ProviderUnreachable)(str(error))


def _object(address: str, found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ProviderUnreachable(f"{address} did not answer with a JSON object")
    return found
