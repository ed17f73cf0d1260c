"""The HTTP doors of files: up, in one piece or in parts. They come down through the conversation they belong to, or by a signed address."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from qiatan.infra.http.downloads import file_response
from qiatan.infra.http.guards import Public, Requires, Visitor, address_of
from qiatan.infra.http.repeats import Repeatable
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.infra.http.uploads import CHUNK_BODY, PICTURE_FORM, receive_chunk, receive_picture
from qiatan.infra.resources import Resources
from qiatan.infra.throttle import Rate
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.kit.addresses import address_group
from qiatan.kit.errors import Fault, NotFound
from qiatan.modules.files import permissions, rules, service
from qiatan.modules.files.contracts import File, FinishUpload, NewUpload, SentFile, Upload
from qiatan.modules.files.errors import ContentDiffers, UploadMoved

log = structlog.get_logger(__name__)

router = APIRouter(tags=["files"])
_api = APIRouter(prefix="/api/v1", route_class=Repeatable)

OF_VISITOR = Rate(burst=30, per_minute=30 / 60)
OF_ADDRESS = Rate(burst=120, per_minute=30)
"""Pictures of visitors: many of one office or mobile network, but not what keeps a processor at work."""
OF_AGENT = Rate(burst=300, per_minute=300 / 60)
PARTS = Rate(burst=600, per_minute=600)
FINISHES = Rate(burst=60, per_minute=60)
FINISHES_OF_ONE = Rate(burst=6, per_minute=6)
"""Of one upload: each that comes before the file is made may write all of it anew."""

Sender = Annotated[AgentActor, Depends(Requires(permissions.SEND))]
Myself = Annotated[VisitorActor, Depends(Visitor())]
Offset = Annotated[int, Query(ge=0, le=rules.MAX_FILE_BYTES)]


@_api.post("/files", status_code=201, openapi_extra=PICTURE_FORM)
async def upload_file(actor: Sender, shared: Shared, request: Request) -> File:
    """A picture, to be put into a conversation afterwards."""
    shared.throttle.check(f"files.agent:{actor.agent_id}", OF_AGENT)
    return await _upload(shared, actor, request)


@_api.post("/widget/files", status_code=201, openapi_extra=PICTURE_FORM)
async def upload_widget_file(actor: Myself, shared: Shared, request: Request) -> File:
    shared.throttle.check(f"files.visitor:{actor.customer_id}", OF_VISITOR)
    shared.throttle.check(f"files.address:{address_group(address_of(request))}", OF_ADDRESS)
    return await _upload(shared, actor, request)


async def _upload(shared: Resources, actor: AgentActor | VisitorActor, request: Request) -> File:
    origin = _origin(shared, request)
    # Asked before it is read: nothing is taken from who may send no more, and nothing is decoded for them.
    async with shared.database.tenant(actor.enterprise_id) as tx:
        await service.check_room(tx, actor, origin, pictures=True)
    name, content = await receive_picture(request, service.MAX_BYTES)
    prepared = await service.prepare_picture(actor, name, content)
    try:
        await service.store_picture(shared.storage, prepared)
        # Its own transaction instead of the request's: no connection is held while a picture arrives, is encoded and is stored.
        async with shared.database.tenant(actor.enterprise_id) as tx:
            return await service.upload_picture(tx, actor, origin, prepared=prepared)
    except BaseException:
        await service.discard(shared.storage, prepared)
        raise


def _origin(shared: Resources, request: Request) -> service.Origin:
    return service.Origin(address_of(request), shared.settings.enterprise_uploads)


# -- files in parts. Where visitors begin one is with the visits, which know the device (F14).


@_api.post("/uploads", status_code=201)
async def start_upload(actor: Sender, tx: TenantTx, shared: Shared, body: NewUpload) -> Upload:
    """Begin to send a file of any kind, in parts."""
    shared.throttle.check(f"files.agent:{actor.agent_id}", OF_AGENT)
    return await service.start_upload(tx, actor, body, enterprise_bytes=shared.settings.enterprise_uploads)


@_api.get("/uploads/{upload_id}")
async def get_upload(actor: Sender, tx: TenantTx, upload_id: UUID) -> Upload:
    return await service.get_upload(tx, actor, upload_id)


@_api.patch("/uploads/{upload_id}", openapi_extra=CHUNK_BODY)
async def add_upload_part(actor: Sender, shared: Shared, request: Request, upload_id: UUID, offset: Offset) -> Upload:
    """The next part of a file; what is answered tells where the one after it begins."""
    return await _add_part(shared, actor, request, upload_id, offset)


@_api.delete("/uploads/{upload_id}", status_code=204)
async def cancel_upload(actor: Sender, tx: TenantTx, upload_id: UUID) -> None:
    await service.cancel_upload(tx, actor, upload_id)


@_api.post("/uploads/{upload_id}/finish")
async def finish_upload(actor: Sender, shared: Shared, upload_id: UUID, body: FinishUpload) -> SentFile:
    """Make the file; a repeat is answered with the same one."""
    return await _finish(shared, actor, upload_id, body)


@_api.get("/widget/uploads/{upload_id}")
async def get_widget_upload(actor: Myself, tx: TenantTx, upload_id: UUID) -> Upload:
    return await service.get_upload(tx, actor, upload_id)


@_api.patch("/widget/uploads/{upload_id}", openapi_extra=CHUNK_BODY)
async def add_widget_upload_part(actor: Myself, shared: Shared, request: Request, upload_id: UUID, offset: Offset) -> Upload:
    return await _add_part(shared, actor, request, upload_id, offset)


@_api.delete("/widget/uploads/{upload_id}", status_code=204)
async def cancel_widget_upload(actor: Myself, tx: TenantTx, upload_id: UUID) -> None:
    await service.cancel_upload(tx, actor, upload_id)


@_api.post("/widget/uploads/{upload_id}/finish")
async def finish_widget_upload(actor: Myself, shared: Shared, upload_id: UUID, body: FinishUpload) -> SentFile:
    return await _finish(shared, actor, upload_id, body)


async def _add_part(shared: Resources, actor: AgentActor | VisitorActor, request: Request, upload_id: UUID, offset: int) -> Upload:
    who = actor.agent_id if isinstance(actor, AgentActor) else actor.customer_id
    shared.throttle.check(f"files.parts:{who}", PARTS)
    origin = _origin(shared, request)
    # Asked before the part is read: nothing is taken from who has no upload, and no connection is held while it arrives.
    async with shared.database.tenant(actor.enterprise_id) as tx:
        upload = await service.get_upload(tx, actor, upload_id)
        await service.check_room(tx, actor, origin)
    if upload.offset != offset or upload.offset == upload.size:
        raise UploadMoved
    content = await receive_chunk(request, min(upload.chunk_bytes, upload.size - upload.offset))
    part = await service.keep_part(shared.storage, content)
    noted = False
    try:
        async with shared.database.tenant(actor.enterprise_id) as tx:
            upload = await service.add_part(tx, actor, origin, upload_id, offset=offset, part=part, size=len(content))
            noted = True
    except BaseException:
        if not (noted and await _may_be_kept(shared, actor, upload_id, part)):
            await service.give_up(shared.storage, part)
        raise
    return upload


async def _finish(shared: Resources, actor: AgentActor | VisitorActor, upload_id: UUID, body: FinishUpload) -> SentFile:
    who = actor.agent_id if isinstance(actor, AgentActor) else actor.customer_id
    shared.throttle.check(f"files.finish:{who}", FINISHES)
    shared.throttle.check(f"files.finish_one:{upload_id}", FINISHES_OF_ONE)
    async with shared.database.tenant(actor.enterprise_id) as tx:
        arrived = await service.arrived(tx, actor, upload_id)
    if isinstance(arrived, SentFile):
        return arrived
    try:
        assembled = await service.put_together(shared.storage, arrived, sha256=body.sha256)
    except ContentDiffers:
        async with shared.database.tenant(actor.enterprise_id) as tx:
            await service.cancel_differing(tx, actor, upload_id)
        raise
    except NotFound:
        # The same call, made twice, may have been faster: then there is the file, and its parts are gone.
        async with shared.database.tenant(actor.enterprise_id) as tx:
            made = await service.arrived(tx, actor, upload_id)
        if isinstance(made, SentFile):
            return made
        raise
    noted = False
    try:
        async with shared.database.tenant(actor.enterprise_id) as tx:
            file, used = await service.finish_upload(tx, actor, upload_id, assembled)
            noted = used
    except BaseException:
        if not (noted and await _may_be_kept(shared, actor, upload_id, assembled.blob)):
            await service.give_up(shared.storage, assembled.blob)
        raise
    if not used:
        await service.give_up(shared.storage, assembled.blob)
    return file


async def _may_be_kept(shared: Resources, actor: AgentActor | VisitorActor, upload_id: UUID, blob: str) -> bool:
    """Whether a transaction that only failed at its commit may be stored all the same: a line that breaks then does not tell.

    Who cannot be asked says yes: a content that nobody names takes some room, a name without a content is a file that is lost.
    """
    try:
        async with shared.database.tenant(actor.enterprise_id) as tx:
            return await service.is_kept(tx, upload_id, blob)
    except Fault as fault:
        log.warning("files.content_left", upload_id=str(upload_id), blob=blob, code=fault.code)
        return True


# -- files by a signed address


@router.get(
    "/files/{token}",
    response_class=Response,
    include_in_schema=False,
    dependencies=[Depends(Public("a file, for who was given a signed address of it that lapses"))],
)
async def get_file_by_link(request: Request, shared: Shared, token: Annotated[str, Path(max_length=400)]) -> Response:
    address = service.open_link(token, sealer=shared.sealer, now=shared.clock.now())
    async with shared.database.tenant(address.enterprise_id) as tx:
        stored = await service.find_attached(tx, conversation_id=address.conversation_id, file_id=address.file_id)
    shown = not address.download and rules.preview_of(stored.content_type) is not None
    response = await file_response(
        stored,
        shared.storage,
        request.headers.get("range"),
        shown_as=stored.content_type if shown else None,
        corp="cross-origin",
    )
    if shown:
        # The page that shows it lives in a sandbox, so it is of no origin at all; who has the address may read it.
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = "Accept-Ranges, Content-Length, Content-Range"
    return response


router.include_router(_api)
