"""Reading an upload by hand, after the guard: FastAPI would take a stranger's upload to the disk before it asks who sends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from qiatan.kit.errors import BadRequest, InvalidInput, TooLarge

# What multipart adds around the file itself.
OVERHEAD = 16 * 1024
RECEIVE_SECONDS = 180

PICTURE_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
                }
            }
        },
    }
}
"""How the API description shows a route that reads its upload with `receive_picture`."""


async def receive_picture(request: Request, limit: int) -> tuple[str, bytes]:
    """A picture: as `receive_file`."""
    return await receive_file(request, limit, what="picture")


async def receive_file(request: Request, limit: int, *, what: str = "file") -> tuple[str, bytes]:
    """The field `file` of a multipart body: its name as sent, and its content of at most `limit` bytes. `what` it is, for refusals.

    Raises:
        TooLarge: by its own word, or when it turns out to be.
        BadRequest: not multipart, broken, cut off, or too slow.
        InvalidInput: there is no file in it.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit + OVERHEAD:
        raise _too_large(limit)
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise BadRequest(f"Send the {what} as multipart/form-data, in a field named file.")
    try:
        async with asyncio.timeout(RECEIVE_SECONDS):
            form = await MultiPartParser(request.headers, _limited(request, limit), max_files=1, max_fields=1).parse()
            try:
                upload = form.get("file")
                if not isinstance(upload, UploadFile):
                    raise InvalidInput.of("file", "missing", f"Add the {what} in a field named file.")
                content = await upload.read()
                if len(content) > limit:
                    raise _too_large(limit)
                return upload.filename or "", content
            finally:
                await form.close()
    except TimeoutError:
        raise BadRequest(f"The {what} took longer than three minutes to arrive. Try again on a better connection.") from None
    except (MultiPartException, ClientDisconnect) as error:
        raise BadRequest(f"The {what} did not arrive whole. Send it again.") from error


CHUNK_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}},
    }
}
"""How the API description shows a route that reads its body with `receive_chunk`."""


async def receive_chunk(request: Request, limit: int) -> bytes:
    """A body of plain bytes, at most `limit` of them: no more are read.

    Raises:
        TooLarge: by its own word, or when it turns out to be.
        BadRequest: of another type, empty, cut off, or too slow.
    """
    if request.headers.get("content-type", "").lower() != "application/octet-stream":
        raise BadRequest("Send the part as application/octet-stream.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise _too_long(limit)
    content = bytearray()
    try:
        async with asyncio.timeout(RECEIVE_SECONDS):
            async for piece in request.stream():
                if len(content) + len(piece) > limit:
                    raise _too_long(limit)
                content += piece
    except TimeoutError:
        raise BadRequest("The part took longer than three minutes to arrive. Send smaller ones.") from None
    except ClientDisconnect as error:
        raise BadRequest("The part did not arrive whole. Send it again.") from error
    if not content:
        raise BadRequest("The part is empty. Send what comes next of the file.")
    return bytes(content)


def _too_long(limit: int) -> TooLarge:
    return TooLarge(f"No more than {limit} bytes are expected here. Send what is left of the file, in parts as large as the upload says.")


async def _limited(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit + OVERHEAD:
            raise _too_large(limit)
        yield chunk


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"This is larger than {limit // 1024 // 1024} MiB. Send something smaller.")
