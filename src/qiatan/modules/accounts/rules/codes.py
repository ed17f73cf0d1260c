"""How codes are written and read: what people type in need not look as it was shown."""

from __future__ import annotations

import base64

RECOVERY_CODES = 10
# 80 bits: too many to guess, so a plain hash keeps them (unlike passwords).
RECOVERY_CODE_BYTES = 10

_GROUP = 4
# Crockford's base 32: no letter that is taken for a digit.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ENCODE = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _ALPHABET)
_LOOKS_LIKE = str.maketrans("OIL", "011")


def recovery_code(random: bytes) -> str:
    """Ten random bytes as four groups of four characters."""
    letters = base64.b32encode(random).decode().translate(_ENCODE)
    return "-".join(letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP))


def read_recovery_code(typed: str) -> str:
    """The code that was meant: without blanks and dashes, in capitals, O I L read as the digits they look like."""
    return "".join(char for char in typed.upper() if char.isalnum()).translate(_LOOKS_LIKE)


def read_totp(typed: str) -> str:
    """The digits of an authenticator app's code, without the blanks that apps show between them."""
    return "".join(char for char in typed if not char.isspace() and char != "-")
