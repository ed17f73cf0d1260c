"""The HTTP door of files: pictures up. They come down through the conversation they belong to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from qiatan.infra.http.guards import Requires, Visitor
from qiatan.infra.http.transactions import Shared
from qiatan.infra.resources import Resources
from qiatan.infra.throttle import Rate
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.kit.errors import BadRequest, InvalidInput, TooLarge
from qiatan.modules.files import permissions, service
from qiatan.modules.files.contracts import File

router = APIRouter(prefix="/api/v1", tags=["files"])

OF_VISITOR = Rate(burst=30, per_minute=30 / 60)
OF_AGENT = Rate(burst=300, per_minute=300 / 60)
# What multipart adds around the file itself.
OVERHEAD = 16 * 1024
RECEIVE_SECONDS = 180

# The form is read by hand, after the guard: FastAPI would take a stranger's upload to the disk before it asks who sends it.
_FORM: dict[str, Any] = {
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


@router.post("/files", status_code=201, openapi_extra=_FORM)
async def upload_file(actor: Annotated[AgentActor, Depends(Requires(permissions.SEND))], shared: Shared, request: Request) -> File:
    shared.throttle.check(f"files.agent:{actor.agent_id}", OF_AGENT)
    return await _upload(shared, actor, request)


@router.post("/widget/files", status_code=201, openapi_extra=_FORM)
async def upload_widget_file(actor: Annotated[VisitorActor, Depends(Visitor())], shared: Shared, request: Request) -> File:
    shared.throttle.check(f"files.visitor:{actor.customer_id}", OF_VISITOR)
    return await _upload(shared, actor, request)


async def _upload(shared: Resources, actor: AgentActor | VisitorActor, request: Request) -> File:
    name, content = await _received(request)
    prepared = await service.prepare_picture(name, content)
    try:
        # Its own transaction instead of the request's: no connection is held while a picture arrives and is encoded.
        async with shared.database.tenant(actor.enterprise_id) as tx:
            return await service.upload_picture(tx, actor, storage=shared.storage, prepared=prepared)
    except BaseException:
        await service.discard(shared.storage, prepared)
        raise


async def _received(request: Request) -> tuple[str, bytes]:
    """The field `file` of a multipart body: its name as sent, and its content.

    Raises:
        TooLarge: by its own word, or when it turns out to be.
        BadRequest: not multipart, broken, cut off, or too slow.
        InvalidInput: there is no file in it.
    """
    limit = service.MAX_BYTES + OVERHEAD
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise _too_large()
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise BadRequest("Send the picture as multipart/form-data, in a field named file.")
    try:
        async with asyncio.timeout(RECEIVE_SECONDS):
            form = await MultiPartParser(request.headers, _limited(request, limit), max_files=1, max_fields=1).parse()
            try:
                upload = form.get("file")
                if not isinstance(upload, UploadFile):
                    raise InvalidInput.of("file", "missing", "Add the picture in a field named file.")
                return upload.filename or "", await upload.read()
            finally:
                await form.close()
    except TimeoutError:
        raise BadRequest("The picture took longer than three minutes to arrive. Try again on a better connection.") from None
    except (MultiPartException, ClientDisconnect) as error:
        raise BadRequest("The picture did not arrive whole. Send it again.") from error


async def _limited(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large()
        yield chunk


def _too_large() -> TooLarge:
    return TooLarge(f"This is larger than {service.MAX_BYTES // 1024 // 1024} MiB. Send something smaller.")
