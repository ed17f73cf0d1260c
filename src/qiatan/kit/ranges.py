"""Parts of something that are asked for by HTTP (RFC 9110, section 14)."""

from __future__ import annotations

import re

_ONE_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)


def asked_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The first byte and the number of bytes that a `Range` header asks for; None: everything.

    What is not one plain range is ignored, as the RFC allows. A range that begins beyond the end gives a length of 0: it cannot be met.
    """
    match = _ONE_RANGE.fullmatch(header.strip()) if header else None
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        length = min(int(last), size)
        return size - length, length
    start = int(first)
    if last and int(last) < start:
        return None
    end = min(int(last), size - 1) if last else size - 1
    return (start, end - start + 1) if start < size else (start, 0)
