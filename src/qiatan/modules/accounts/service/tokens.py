"""Random tokens. The database keeps their hashes only, so whoever reads it cannot use them."""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """256 random bits, safe in cookies and links."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is stored and looked up. A token has too many bits to be guessed, so one plain SHA-256 is enough."""
    return hashlib.sha256(token.encode()).digest()
