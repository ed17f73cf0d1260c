"""Reading an upload with its limit enforced on the way, before anything is kept."""

from __future__ import annotations

from fastapi import UploadFile

from qiatan.kit.errors import TooLarge

_CHUNK = 256 * 1024


async def read_limited(upload: UploadFile, limit: int) -> bytes:
    """The upload's content.

    Raises:
        TooLarge: it has more than `limit` bytes; the message names the limit in MiB.
    """
    parts: list[bytes] = []
    size = 0
    while chunk := await upload.read(_CHUNK):
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"This is larger than {limit // 1024 // 1024} MiB. Send something smaller.")
        parts.append(chunk)
    return b"".join(parts)
