"""An authenticator with its browser (WebAuthn level 2), as software: makes passkeys and answers challenges."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

_PRESENT, _VERIFIED, _BACKUP_ELIGIBLE, _BACKED_UP, _ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Passkey:
    """One credential: its key, whom it is for, how often it signed."""

    id: bytes
    rp_id: str
    user_handle: bytes
    key: ec.EllipticCurvePrivateKey
    count: int


@dataclass
class Authenticator:
    """`counts`: whether it keeps a signature counter; `verifies`: whether it makes sure who its user is; `synced`: keys are backed up."""

    origin: str = "http://qiatan.test"
    counts: bool = True
    verifies: bool = True
    synced: bool = False
    passkeys: list[Passkey] = field(default_factory=list)

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.create` gives, as JSON."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = Passkey(secrets.token_bytes(32), options["rp"]["id"], unb64(options["user"]["id"]), key, 0)
        self.passkeys.append(made)
        point = key.public_key().public_numbers()
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})
        attested = bytes(16) + len(made.id).to_bytes(2, "big") + made.id + cose
        data = self._authenticator_data(made, _ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": b64(self._client_data("webauthn.create", options["challenge"])),
            "attestationObject": b64(attestation),
            "transports": ["internal", "hybrid"],
        }
        return self._credential(made, response)

    def get(self, options: dict[str, Any], *, passkey: Passkey | None = None) -> dict[str, Any]:
        """What `navigator.credentials.get` gives, as JSON: the first passkey of the host that is allowed."""
        allowed = {unb64(one["id"]) for one in options.get("allowCredentials", [])}
        fitting = [one for one in self.passkeys if one.rp_id == options["rpId"] and (not allowed or one.id in allowed)]
        used = passkey or fitting[0]
        used.count += self.counts
        data = self._authenticator_data(used, 0)
        client_data = self._client_data("webauthn.get", options["challenge"])
        signature = used.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": b64(client_data),
            "authenticatorData": b64(data),
            "signature": b64(signature),
            "userHandle": b64(used.user_handle),
        }
        return self._credential(used, response)

    def _authenticator_data(self, passkey: Passkey, flags: int) -> bytes:
        flags |= _PRESENT | (_VERIFIED if self.verifies else 0) | (_BACKUP_ELIGIBLE | _BACKED_UP if self.synced else 0)
        return hashlib.sha256(passkey.rp_id.encode()).digest() + bytes([flags]) + passkey.count.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    @staticmethod
    def _credential(passkey: Passkey, response: dict[str, Any]) -> dict[str, Any]:
        shown = {"id": b64(passkey.id), "rawId": b64(passkey.id), "type": "public-key", "response": response}
        return shown | {"authenticatorAttachment": "platform", "clientExtensionResults": {}}
