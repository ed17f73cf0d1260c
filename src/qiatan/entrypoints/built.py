"""Files of the built pages, sent compressed to whoever takes that: a third of the bytes, on the first visit of everybody."""

from __future__ import annotations

import gzip
import mimetypes
import re
from functools import lru_cache
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from qiatan.infra.page_files import squeezed_file
from qiatan.infra.resources import Resources

_COMPRESSED = {".js", ".mjs", ".css", ".svg", ".html", ".json"}
_SMALLEST = 1_000
"""Bytes below which compressing saves nothing worth its header."""
_GZIP = re.compile(r"(?:^|,)\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))|,|$)", re.IGNORECASE)

_HASHED = re.compile(r"[\w./-]+-[\w-]{8}\.(?:js|mjs|css)")
"""Names that a build makes by what is in the file."""
_OTHERS_KEPT = 64

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


async def _of_squeezed(path: str, squeezed: bytes, headers: Headers) -> Response:
    media_type, how = mimetypes.guess_type(path)[0], {"Vary": "Accept-Encoding"}
    if takes_gzip(headers):
        return Response(squeezed, media_type=media_type, headers={**how, "Content-Encoding": "gzip"})
    return Response(await run_in_threadpool(gzip.decompress, squeezed), media_type=media_type, headers=how)


@lru_cache(maxsize=512)
def _squeezed(path: Path, _changed: int) -> bytes:
    return gzip.compress(path.read_bytes(), 9, mtime=0)


def hashed_files(folder: Path) -> dict[str, Path]:
    """The files of a built folder whose names carry a hash of their content, by their names below the folder beside it."""
    found = ((path.relative_to(folder.parent).as_posix(), path) for path in folder.rglob("*") if path.is_file())
    return {name: path for name, path in found if _HASHED.fullmatch(name)}


class Assets(StaticFiles):
    """Built files carry a hash in their names, so they may be kept for ever.

    What this build does not have may be another release's, whose pages are still open or are sent by another machine just now.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder)
        self._folder = folder.name
        self._others: dict[str, bytes] = {}

    async def get_response(self, path: str, scope: Scope) -> Response:
        headers = Headers(scope=scope)
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            other = await self._other(f"{self._folder}/{path}", scope) if error.status_code == 404 else None
            if other is None:
                raise
            return await _of_squeezed(path, other, headers)
        if isinstance(response, FileResponse) and scope["method"] == "GET" and "range" not in headers:
            content, how = await compressed(Path(response.path), headers)
            if how:
                response = Response(content, media_type=response.media_type, headers=how)
        return response

    async def _other(self, name: str, scope: Scope) -> bytes | None:
        if not _HASHED.fullmatch(name):
            return None
        found = self._others.get(name)
        if found is None:
            resources: Resources = scope["app"].state.resources
            found = await squeezed_file(resources.database, name)
            if found is not None:
                while len(self._others) >= _OTHERS_KEPT:
                    self._others.pop(next(iter(self._others)))
                self._others[name] = found
        return found

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
