"""Files of the built pages, sent compressed to whoever takes that: a third of the bytes, on the first visit of everybody."""

from __future__ import annotations

import gzip
import re
from functools import lru_cache
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

_COMPRESSED = {".js", ".css", ".svg", ".html", ".json"}
_SMALLEST = 1_000
"""Bytes below which compressing saves nothing worth its header."""
_GZIP = re.compile(r"(?:^|,)\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))|,|$)", re.IGNORECASE)

# Public files without a secret in them: what a stranger puts into an address is in none, so that their length tells nothing.


def takes_gzip(headers: Headers) -> bool:
    """Whether the asker takes gzip (RFC 9110, 12.5.3)."""
    return _GZIP.search(headers.get("accept-encoding", "")) is not None


async def compressed(path: Path, headers: Headers) -> tuple[bytes, dict[str, str]]:
    """A built file's content and the headers that say how it is sent."""
    if path.suffix not in _COMPRESSED or path.stat().st_size < _SMALLEST:
        return await run_in_threadpool(path.read_bytes), {}
    if not takes_gzip(headers):
        return await run_in_threadpool(path.read_bytes), {"Vary": "Accept-Encoding"}
    content = await run_in_threadpool(_squeezed, path, path.stat().st_mtime_ns)
    return content, {"Vary": "Accept-Encoding", "Content-Encoding": "gzip"}


@lru_cache(maxsize=512)
def _squeezed(path: Path, _changed: int) -> bytes:
    return gzip.compress(path.read_bytes(), 9, mtime=0)


class Assets(StaticFiles):
    """Built files carry a hash in their names, so they may be kept for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        headers = Headers(scope=scope)
        if isinstance(response, FileResponse) and scope["method"] == "GET" and "range" not in headers:
            content, how = await compressed(Path(response.path), headers)
            if how:
                response = Response(content, media_type=response.media_type, headers=how)
        return response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_cached(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                headers = MutableHeaders(scope=message)
                headers["Cache-Control"] = "public, max-age=31536000, immutable"
                # a page in a sandbox has no origin, so even our own files are another's to it; they are public
                headers["Access-Control-Allow-Origin"] = "*"
                headers["Cross-Origin-Resource-Policy"] = "cross-origin"
            await send(message)

        await super().__call__(scope, receive, send_cached)  # type: ignore[arg-type]  # messages are plain dicts here
