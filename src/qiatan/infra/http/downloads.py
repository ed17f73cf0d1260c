"""Handing out what strangers have sent, so that it can do nothing where it is opened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, Protocol
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import StreamingResponse

from qiatan.infra.pictures import CONTENT_TYPES
from qiatan.infra.storage import Storage
from qiatan.kit.errors import NotFound
from qiatan.kit.ranges import asked_range

CACHE_SECONDS = 3600


class Download(Protocol):
    """A stored thing with the type it was found to have."""

    @property
    def content(self) -> bytes: ...

    @property
    def content_type(self) -> str: ...

    @property
    def name(self) -> str: ...


def picture_response(download: Download) -> Response:
    """An answer that browsers show as a picture, or save: never run, never guess, never keep for the next person.

    Only the types we encode ourselves are shown in place; anything else is sent for saving.
    """
    shown = download.content_type in CONTENT_TYPES
    disposition = "inline" if shown else "attachment"
    return Response(
        download.content,
        media_type=download.content_type if shown else "application/octet-stream",
        headers={
            "Content-Disposition": f"{disposition}; filename*=UTF-8''{quote(download.name, safe='')}",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cross-Origin-Resource-Policy": "same-origin",
            # Private to this person: who signs in next on the same browser asks again.
            "Cache-Control": f"private, max-age={CACHE_SECONDS}",
            "Vary": "Authorization, Cookie",
        },
    )


class Kept(Protocol):
    """A stored file with the type it was found to have."""

    @property
    def blob(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...


async def file_response(
    kept: Kept, storage: Storage, asked: str | None, *, shown_as: str | None, corp: Literal["same-origin", "cross-origin"]
) -> Response:
    """An answer with a stranger's file, or with the part of it that a `Range` header asked for.

    It is for saving, as bytes without a meaning, unless `shown_as` names the type by which a player of ours may show it. Nothing is read
    before the first piece is there: what is gone answers 404.

    Raises:
        NotFound: its content was given up.
        StorageUnavailable: the storage does not answer.
    """
    part = asked_range(asked, kept.size)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f"{'inline' if shown_as else 'attachment'}; filename*=UTF-8''{quote(kept.name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cross-Origin-Resource-Policy": corp,
        "Cache-Control": "private, no-store",
        "ETag": f'"{kept.blob}"',
        "Vary": "Authorization, Cookie",
    }
    if part is not None and part[1] == 0:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{kept.size}"})
    start, length = part or (0, kept.size)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{kept.size}"
    headers["Content-Length"] = str(length)
    pieces = storage.stream(kept.blob, start, length)
    first = await anext(pieces, None)
    if first is None:
        raise NotFound

    async def content() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return StreamingResponse(content(), 200 if part is None else 206, headers, media_type=shown_as or "application/octet-stream")
