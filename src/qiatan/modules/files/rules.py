"""Pure decisions about files."""

from __future__ import annotations

import unicodedata

from qiatan.kit.errors import InvalidInput
from qiatan.kit.text import clean_name

NAME_LENGTH = 120
FALLBACK_NAME = "picture"
EXTENSIONS = {"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp"}

_MEANT = (".jpg", ".jpeg", ".jfif", ".pjpeg", ".png", ".apng", ".gif", ".webp")
# Not allowed in names on one system or another, or with a meaning in a path, a header or a shell.
_REPLACED = str.maketrans(dict.fromkeys('<>:"|?*;%`$', "_"))


def file_name(given: str, content_type: str) -> str:
    """A harmless name for a picture: one line, no path, nothing invisible, and the ending of what it really is."""
    last = given.replace("\\", "/").rpartition("/")[2]
    text = "".join(character for character in last if unicodedata.category(character) != "Cs").replace("\x00", "")
    try:
        name = clean_name(unicodedata.normalize("NFC", text), field="file", limit=max(1, len(text) * 3))
    except InvalidInput:
        name = FALLBACK_NAME
    name = name.translate(_REPLACED)
    ending = EXTENSIONS[content_type]
    stem = _without_ending(name).strip(" .") or FALLBACK_NAME
    return stem[: NAME_LENGTH - len(ending)].rstrip(" .") + ending


def _without_ending(name: str) -> str:
    for ending in _MEANT:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name
