"""Cleaning and checking of text from outside."""

from __future__ import annotations

import re
import unicodedata

from qiatan.kit.errors import InvalidInput

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Bidirectional controls (UAX #9) and zero-width characters: harmless in a message, a disguise in a name.
_DISGUISES = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C, 0x200B, 0x2060, 0xFEFF])


def storable(text: str) -> bool:
    """Whether PostgreSQL and UTF-8 can hold the text: no NUL, no lone surrogate."""
    return _UNSTORABLE.search(text) is None


def check_text(text: str, *, field: str, limit: int) -> str:
    """The text itself, when it can be stored and is neither blank nor too long (in characters, not bytes).

    Raises:
        InvalidInput: `empty`, `too_long` or `invalid_text`, naming the field.
    """
    if not storable(text):
        raise InvalidInput.of(field, "invalid_text", "Remove the characters that are not text (NUL, broken pairs).")
    if len(text) > limit:
        raise InvalidInput.of(field, "too_long", f"Shorten it to {limit} characters; it has {len(text)}.")
    if not text.strip():
        raise InvalidInput.of(field, "empty", "Write something.")
    return text


def clean_name(text: str, *, field: str, limit: int = 60) -> str:
    """A name on one line, without controls, invisible or direction-changing characters.

    Raises:
        InvalidInput: as `check_text`.
    """
    if not storable(text):
        raise InvalidInput.of(field, "invalid_text", "Remove the characters that are not text (NUL, broken pairs).")
    visible = text.translate(_DISGUISES)
    visible = "".join(" " if unicodedata.category(character).startswith("C") else character for character in visible)
    return check_text(" ".join(visible.split()), field=field, limit=limit)


def shorten(text: str, limit: int) -> str:
    """The text on one line, cut with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
