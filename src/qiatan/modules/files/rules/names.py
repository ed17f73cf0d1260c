"""Names of files, made harmless."""

from __future__ import annotations

import re
import unicodedata

from qiatan.kit.errors import InvalidInput
from qiatan.kit.text import clean_name

NAME_LENGTH = 120
FALLBACK_NAME = "picture"
FALLBACK_DOCUMENT = "file"
EXTENSIONS = {"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp"}

_MEANT = (".jpg", ".jpeg", ".jfif", ".pjpeg", ".png", ".apng", ".gif", ".webp")
# Not allowed in names on one system or another, or with a meaning in a path, a header or a shell.
_REPLACED = str.maketrans(dict.fromkeys('<>:"|?*;%`$', "_"))
_LONGEST_ENDING = 16
# Devices on Windows, with any ending (learn.microsoft.com: Naming Files, Paths, and Namespaces).
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)


def file_name(given: str, content_type: str) -> str:
    """A harmless name for a picture: one line, no path, nothing invisible, and the ending of what it really is."""
    name = _one_line(given, FALLBACK_NAME)
    ending = EXTENSIONS[content_type]
    stem = _without_ending(name).strip(" .") or FALLBACK_NAME
    return stem[: NAME_LENGTH - len(ending)].rstrip(" .") + ending


def document_name(given: str) -> str:
    """A harmless name for a file, with the ending it was given: one line, no path, nothing invisible, no dot-file, no device.

    The ending stays even where the content is something else: whoever opens it gets what the ending says, and what that can do is told
    by `risky_name`.
    """
    name = _one_line(given, FALLBACK_DOCUMENT).strip(" .") or FALLBACK_DOCUMENT
    if _DEVICE.fullmatch(name):
        name = f"_{name}"
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > _LONGEST_ENDING:
        return name[:NAME_LENGTH].rstrip(" .")
    return stem[: NAME_LENGTH - len(ending) - 1].rstrip(" .") + dot + ending


def _one_line(given: str, fallback: str) -> str:
    last = given.replace("\\", "/").rpartition("/")[2]
    text = "".join(character for character in last if unicodedata.category(character) != "Cs").replace("\x00", "")
    try:
        name = clean_name(unicodedata.normalize("NFC", text), field="file", limit=max(1, len(text) * 3))
    except InvalidInput:
        name = fallback
    return name.translate(_REPLACED)


def _without_ending(name: str) -> str:
    for ending in _MEANT:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name
