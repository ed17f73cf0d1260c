"""Secrets of others that must be read again (authenticator apps', identity providers'), encrypted with the installation's key.

AES-256-GCM (NIST SP 800-38D) with a random nonce. Each purpose has a key of its own (HKDF, RFC 5869), so what was sealed for one thing
cannot be passed off as another: a purpose names the kind of secret and whose it is.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from qiatan.kit.errors import Fault

_FORM = b"\x01"
_NONCE = 12
_KEY_ID = 4


class SecretKeyChanged(Fault):
    """This was encrypted with another secret key than the installation has now. Put the former secret.key back, or set it up anew."""

    code, status = "secret_key_changed", 500


class Sealer:
    """Encrypts, and signs, with the installation's key."""

    def __init__(self, key: bytes | Callable[[], bytes]) -> None:
        """`key`: the secret, or where to get it when it is needed first (so that the file is made and read by those who need it)."""
        self._given = key

    @cached_property
    def _key(self) -> bytes:
        return self._given() if callable(self._given) else self._given

    def seal(self, plain: bytes, *, purpose: str) -> bytes:
        """Encrypt for a purpose. The same text is sealed differently each time."""
        nonce = os.urandom(_NONCE)
        return _FORM + self._key_id + nonce + AESGCM(self._derived("seal", purpose)).encrypt(nonce, plain, None)

    def open(self, sealed: bytes, *, purpose: str) -> bytes:
        """The text that was sealed.

        Raises:
            SecretKeyChanged: it was sealed with another key or for another purpose, or was changed since.
        """
        head = len(_FORM) + _KEY_ID
        if not sealed.startswith(_FORM + self._key_id):
            raise SecretKeyChanged
        try:
            return AESGCM(self._derived("seal", purpose)).decrypt(sealed[head : head + _NONCE], sealed[head + _NONCE :], None)
        except (InvalidTag, ValueError):
            raise SecretKeyChanged from None

    def sign(self, message: bytes, *, purpose: str) -> bytes:
        """A mark of 32 bytes that only this installation can make."""
        return hmac.digest(self._derived("sign", purpose), message, hashlib.sha256)

    def signed(self, message: bytes, mark: bytes, *, purpose: str) -> bool:
        """Whether the mark was made here for this message and purpose; takes the same time either way."""
        return hmac.compare_digest(mark, self.sign(message, purpose=purpose))

    @property
    def _key_id(self) -> bytes:
        return self._derived("id", "")[:_KEY_ID]

    def _derived(self, use: str, purpose: str) -> bytes:
        return HKDF(SHA256(), 32, None, f"qiatan|{use}|{purpose}".encode()).derive(self._key)
