"""How a Chinese title is typed on a Latin keyboard."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_WORDS = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Pinyin:
    """`syllables` of a text with blanks between them, and their first letters. What is not Chinese stands there in small letters."""

    syllables: str
    initials: str


def pinyin_of(text: str) -> Pinyin:
    """Without tones; of characters with several readings, the one that fits the word they stand in (重庆: chong qing).

    The first call loads a dictionary of some 60 MB: call it where that may take a while.
    """
    from pypinyin import lazy_pinyin  # noqa: PLC0415 -- loaded with the first entry that is saved, to keep an idle server small

    plain = unicodedata.normalize("NFKC", text).lower()
    syllables = [word for part in lazy_pinyin(plain) for word in _WORDS.findall(part)]
    return Pinyin(" ".join(syllables), "".join(syllable[0] for syllable in syllables))
