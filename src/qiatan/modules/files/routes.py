"""The HTTP door of files: pictures up. They come down through the conversation they belong to."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from qiatan.infra.http.guards import Requires, Visitor
from qiatan.infra.http.transactions import Shared
from qiatan.infra.http.uploads import PICTURE_FORM, receive_picture
from qiatan.infra.resources import Resources
from qiatan.infra.throttle import Rate
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.modules.files import permissions, service
from qiatan.modules.files.contracts import File

router = APIRouter(prefix="/api/v1", tags=["files"])

OF_VISITOR = Rate(burst=30, per_minute=30 / 60)
OF_AGENT = Rate(burst=300, per_minute=300 / 60)


@router.post("/files", status_code=201, openapi_extra=PICTURE_FORM)
async def upload_file(actor: Annotated[AgentActor, Depends(Requires(permissions.SEND))], shared: Shared, request: Request) -> File:
    shared.throttle.check(f"files.agent:{actor.agent_id}", OF_AGENT)
    return await _upload(shared, actor, request)


@router.post("/widget/files", status_code=201, openapi_extra=PICTURE_FORM)
async def upload_widget_file(actor: Annotated[VisitorActor, Depends(Visitor())], shared: Shared, request: Request) -> File:
    shared.throttle.check(f"files.visitor:{actor.customer_id}", OF_VISITOR)
    return await _upload(shared, actor, request)


async def _upload(shared: Resources, actor: AgentActor | VisitorActor, request: Request) -> File:
    name, content = await receive_picture(request, service.MAX_BYTES)
    prepared = await service.prepare_picture(name, content)
    try:
        # Its own transaction instead of the request's: no connection is held while a picture arrives and is encoded.
        async with shared.database.tenant(actor.enterprise_id) as tx:
            return await service.upload_picture(tx, actor, storage=shared.storage, prepared=prepared)
    except BaseException:
        await service.discard(shared.storage, prepared)
        raise
