"""Handing out what strangers have sent, so that it can do nothing where it is opened."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import quote

from fastapi import Response

from qiatan.infra.pictures import CONTENT_TYPES

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
