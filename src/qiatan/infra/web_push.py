"""Web push: texts for pages that are not open, encrypted for one browser and carried by its maker's push service (RFC 8030, 8291, 8292).

The service learns when something is pushed and to which browser, never what. The key that proves who pushes comes from the
installation's key, so that nothing more has to be kept: with another secret.key the browsers have to subscribe anew.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from urllib.parse import urlsplit

import http_ece
import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from qiatan.infra.http_out import HttpOut, OutboundFailed, OutboundRefused
from qiatan.infra.sealing import Sealer

log = structlog.get_logger(__name__)

PROOF_LASTS = timedelta(hours=12)
MAX_ANSWER = 64 * 1024
_CURVE = ec.SECP256R1()
# The order of P-256's base point (FIPS 186-4, D.1.2.3): private keys lie below it.
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_GONE = frozenset({404, 410})
"""Only these say something about the subscription (RFC 8030, 7.3 and 5.1); 401 and 403 may as well say that our clock or key is wrong."""


class Outcome(StrEnum):
    """`GONE`: this subscription takes nothing any more. `LATER`: try again, later each time."""

    TAKEN = "taken"
    GONE = "gone"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where a browser lets itself be called, and the keys that only it can read with."""

    endpoint: str
    p256dh: str
    auth: str


class WebPush:
    """Pushes to browsers, by the one client for other servers.

    `contact` is where a push service's people find whoever runs this installation: its public address, or a mail address.
    """

    def __init__(self, http: HttpOut, sealer: Sealer, contact: str) -> None:
        self._http = http
        self._sealer = sealer
        self._contact = contact

    @cached_property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        secret = int.from_bytes(self._sealer.sign(b"p256", purpose="push.vapid"))
        return ec.derive_private_key(secret % (_ORDER - 1) + 1, _CURVE)

    @property
    def public_key(self) -> str:
        """What browsers subscribe with (`applicationServerKey`), in base64url."""
        return _encode(self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

    async def send(self, to: Subscription, payload: bytes, *, topic: str, ttl: timedelta, now: datetime) -> Outcome:
        """Push to one browser. While it is not reached, a later one of the same topic (≤ 32 characters) takes this one's place.

        What is refused for a reason that may lie with us is told in the log: it is mended by whoever runs this installation.
        """
        secret = ec.generate_private_key(_CURVE)
        body = http_ece.encrypt(payload, private_key=secret, dh=decoded(to.p256dh), auth_secret=decoded(to.auth), version="aes128gcm")
        headers = {
            "Authorization": f"vapid t={self._proof(to.endpoint, now)}, k={self.public_key}",
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(int(ttl.total_seconds())),
            "Topic": topic,
            "Urgency": "high",
        }
        try:
            answer = await self._http.request(
                "POST", to.endpoint, headers=headers, content=body, max_bytes=MAX_ANSWER, max_redirects=0, patient=False
            )
        except OutboundRefused as error:
            log.warning("push.not_allowed", service=urlsplit(to.endpoint).hostname, error=str(error))
            return Outcome.LATER
        except OutboundFailed:
            return Outcome.LATER
        if 200 <= answer.status < 300:
            return Outcome.TAKEN
        if answer.status in _GONE:
            return Outcome.GONE
        if 400 <= answer.status < 500:
            log.warning("push.refused", service=urlsplit(to.endpoint).hostname, status=answer.status)
        return Outcome.LATER

    def _proof(self, endpoint: str, now: datetime) -> str:
        parts = urlsplit(endpoint)
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int((now + PROOF_LASTS).timestamp()), "sub": self._contact}
        return jwt.encode(claims, self._key, algorithm="ES256")


def are_keys(p256dh: str, auth: str) -> bool:
    """Whether these are a browser's keys: a point of the curve and sixteen secret bytes."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, decoded(p256dh))
        return len(decoded(auth)) == 16
    except ValueError:
        return False


def decoded(text: str) -> bytes:
    """Base64url without padding, as browsers write it. Raises `ValueError`."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
