"""Passkeys (WebAuthn level 2): adding them, and what a browser answers when one is used.

User verification is demanded everywhere, so a passkey is something one has and something one knows or is: both factors. Credentials
are discoverable, so signing in needs no name. The origin is compared exactly with the installation's address.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import structlog
import webauthn
from webauthn.helpers import bytes_to_base64url, options_to_json_dict, parse_registration_credential_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from qiatan.infra.sealing import Sealer
from qiatan.modules.accounts.errors import ChallengeExpired, PasskeyRefused
from qiatan.modules.accounts.models import AgentRow, PasskeyRow

log = structlog.get_logger(__name__)

MAX_PASSKEYS = 10
STATELESS_LIVES = timedelta(minutes=5)

_NAME = "Qiatan"
_PURPOSE = "passkey-sign-in"
_RANDOM = 24
_TIME = 8
_TIMEOUT_MS = 300_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Site:
    """Whom passkeys are for: the installation's host, at its one address."""

    host: str
    origin: str

    @classmethod
    def of(cls, public_url: str) -> Site:
        """As browsers write it: a port that the scheme has anyway is left out (RFC 6454, 6.2)."""
        parts = urlsplit(public_url)
        host = parts.hostname or ""
        shown = f"[{host}]" if ":" in host else host
        port = "" if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f":{parts.port}"
        return cls(host, f"{parts.scheme}://{shown}{port}")


@dataclass(frozen=True, slots=True)
class NewCredential:
    """A credential that a browser has made."""

    id: bytes
    public_key: bytes
    sign_count: int
    backed_up: bool
    transports: list[str]


@dataclass(frozen=True, slots=True)
class Assertion:
    """That a credential was used just now. `sign_count` is 0 for authenticators that do not count."""

    sign_count: int
    backed_up: bool


def new_challenge() -> bytes:
    return secrets.token_bytes(32)


def creation_options(site: Site, agent: AgentRow, challenge: bytes, existing: Sequence[PasskeyRow]) -> dict[str, Any]:
    """What `navigator.credentials.create` takes."""
    options = webauthn.generate_registration_options(
        rp_id=site.host,
        rp_name=_NAME,
        user_id=agent.id.bytes,
        user_name=agent.email,
        user_display_name=agent.name,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_descriptors(existing),
    )
    return options_to_json_dict(options)


def request_options(site: Site, challenge: bytes, allowed: Sequence[PasskeyRow] = ()) -> dict[str, Any]:
    """What `navigator.credentials.get` takes. With nothing allowed by name, the person chooses among the passkeys of this host."""
    options = webauthn.generate_authentication_options(
        rp_id=site.host,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        allow_credentials=_descriptors(allowed),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def read_credential(site: Site, challenge: bytes, credential: dict[str, Any]) -> NewCredential:
    """What a browser made of our creation options.

    Raises:
        PasskeyRefused: it is for another challenge, host or origin, nobody was verified, or it is no credential.
    """

    def read() -> NewCredential:
        verified = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
        transports = parse_registration_credential_json(credential).response.transports or []
        return NewCredential(
            verified.credential_id,
            verified.credential_public_key,
            verified.sign_count,
            verified.credential_backed_up,
            [transport.value for transport in transports],
        )

    return _or_refused(read)


def read_assertion(site: Site, challenge: bytes, passkey: PasskeyRow, credential: dict[str, Any]) -> Assertion:
    """That this passkey signed our challenge.

    Raises:
        PasskeyRefused: it did not, or for another host or origin, nobody was verified, or its counter went back (a copy of it).
    """

    def read() -> Assertion:
        verified = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
        if credential_id(credential) != passkey.credential_id or user_handle(credential) not in {None, passkey.agent_id.bytes}:
            raise PasskeyRefused
        return Assertion(verified.new_sign_count, verified.credential_backed_up)

    return _or_refused(read)


def credential_id(credential: dict[str, Any]) -> bytes:
    """Which credential an answer names.

    Raises:
        PasskeyRefused: none.
    """
    return _decoded(credential.get("rawId"))


def user_handle(credential: dict[str, Any]) -> bytes | None:
    """Whom the authenticator believes to sign in: the id we gave it when it was added."""
    response = credential.get("response")
    given = response.get("userHandle") if isinstance(response, dict) else None
    return None if given is None else _decoded(given)


def issue_challenge(sealer: Sealer, now: datetime) -> bytes:
    """A challenge for somebody who has not said who they are: kept nowhere, as it tells by itself that and when we made it."""
    body = secrets.token_bytes(_RANDOM) + ((now - _EPOCH) // timedelta(microseconds=1)).to_bytes(_TIME, "big")
    return body + sealer.sign(body, purpose=_PURPOSE)


def challenge_issued_at(sealer: Sealer, challenge: bytes, now: datetime) -> datetime:
    """When `issue_challenge` made this.

    Raises:
        ChallengeExpired: we did not, or too long ago.
    """
    body, mark = challenge[: _RANDOM + _TIME], challenge[_RANDOM + _TIME :]
    if not sealer.signed(body, mark, purpose=_PURPOSE):
        raise ChallengeExpired
    issued_at = _EPOCH + timedelta(microseconds=int.from_bytes(body[_RANDOM:], "big"))
    if not timedelta(0) <= now - issued_at < STATELESS_LIVES:
        raise ChallengeExpired
    return issued_at


def encode_challenge(challenge: bytes) -> str:
    return bytes_to_base64url(challenge)


def decode_challenge(text: str) -> bytes:
    """The bytes of a challenge.

    Raises:
        ChallengeExpired: it is not one of ours.
    """
    try:
        return _decoded(text)
    except PasskeyRefused:
        raise ChallengeExpired from None


def _decoded(text: object) -> bytes:
    try:
        if not isinstance(text, str):
            raise PasskeyRefused
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise PasskeyRefused from None


def _descriptors(passkeys: Sequence[PasskeyRow]) -> list[PublicKeyCredentialDescriptor]:
    known = {transport.value for transport in AuthenticatorTransport}
    return [
        PublicKeyCredentialDescriptor(
            id=passkey.credential_id,
            transports=[AuthenticatorTransport(transport) for transport in passkey.transports if transport in known],
        )
        for passkey in passkeys
    ]


def _or_refused(read: Callable[[], _T]) -> _T:
    try:
        return read()
    except PasskeyRefused:
        raise
    except Exception as error:  # what a stranger's bytes may raise in parsers of CBOR, COSE and ASN.1 is not a list anybody keeps
        log.info("passkey.refused", reason=str(error), kind=type(error).__name__)
        raise PasskeyRefused from error
