"""The HTTP door of quick replies."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from qiatan.infra.http.admission import Lane
from qiatan.infra.http.guards import Requires
from qiatan.infra.http.repeats import Repeatable
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.infra.http.uploads import PICTURE_FORM, receive_file, receive_picture
from qiatan.infra.spreadsheets import read_first_sheet
from qiatan.infra.throttle import Rate
from qiatan.kit.access import AgentActor
from qiatan.modules.pictures import service as pictures
from qiatan.modules.replies import permissions, service
from qiatan.modules.replies.contracts import (
    ImportReport,
    NewReply,
    NewReplyGroup,
    Reply,
    ReplyChange,
    ReplyGroup,
    ReplyGroupChange,
    ReplyGroupOrder,
    ReplyIndex,
    ReplyOrder,
    ReplyOwner,
    ReplyPicture,
)
from qiatan.modules.replies.service import Locale

router = APIRouter(prefix="/api/v1", tags=["replies"], route_class=Repeatable)

# What is everybody's and what is one's own go through the same calls; which point a change needs depends on whose it is.
User = Annotated[AgentActor, Depends(Requires(permissions.USE))]
Mover = Annotated[AgentActor, Depends(Requires(permissions.TRANSFER))]

MAX_IMPORT_BYTES = 2 * 1024 * 1024
PICTURES = Rate(burst=60, per_minute=60)
SHEETS = Rate(burst=20, per_minute=6)
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/replies", response_model=ReplyIndex)
async def list_replies(
    actor: User, tx: TenantTx, since_version: Annotated[str | None, Query(max_length=60)] = None, *, changes: bool = False
) -> Response:
    index = await service.index(tx, actor, since_version=since_version, changes=changes)
    return Response(index, media_type="application/json", headers={"Cache-Control": "no-store"})


@router.get("/replies/template.xlsx", response_class=Response)
async def get_reply_template(actor: Mover, shared: Shared, locale: Locale = "zh-CN") -> Response:
    shared.throttle.check(f"replies.sheets:{actor.agent_id}", SHEETS)
    return _sheet(await service.template(actor, locale=locale), "template.xlsx")


@router.get("/replies/export.xlsx", response_class=Response, dependencies=[Depends(Lane("sheets"), scope="function")])
async def export_replies(actor: Mover, shared: Shared, owner: ReplyOwner = ReplyOwner.ENTERPRISE, locale: Locale = "zh-CN") -> Response:
    shared.throttle.check(f"replies.sheets:{actor.agent_id}", SHEETS)
    written = await service.export(shared.database, actor, owner=owner, locale=locale)
    return _sheet(written.content, f"quick-replies-{written.at:%Y-%m-%d}.xlsx", left_out=written.left_out)


@router.post("/replies/import", openapi_extra=PICTURE_FORM, dependencies=[Depends(Lane("sheets"), scope="function")])
async def import_replies(
    actor: Mover, shared: Shared, request: Request, owner: ReplyOwner = ReplyOwner.ENTERPRISE, *, dry_run: bool
) -> ImportReport:
    shared.throttle.check(f"replies.sheets:{actor.agent_id}", SHEETS)
    _, content = await receive_file(request, MAX_IMPORT_BYTES, what="spreadsheet")
    rows = await read_first_sheet(content)
    # Its own transaction instead of the request's: no connection is held while a file arrives and is read.
    async with shared.database.tenant(actor.enterprise_id) as tx:
        return await service.import_rows(tx, actor, rows, owner=owner, dry_run=dry_run)


@router.put("/replies/order", status_code=204)
async def order_replies(actor: User, tx: TenantTx, order: ReplyOrder) -> None:
    await service.order_replies(tx, actor, order)


@router.post("/replies", status_code=201)
async def create_reply(actor: User, tx: TenantTx, new: NewReply) -> Reply:
    return await service.create(tx, actor, new)


@router.get("/replies/{reply_id}")
async def get_reply(actor: User, tx: TenantTx, reply_id: UUID) -> Reply:
    return await service.get(tx, actor, reply_id)


@router.patch("/replies/{reply_id}")
async def change_reply(actor: User, tx: TenantTx, reply_id: UUID, change: ReplyChange) -> Reply:
    return await service.change(tx, actor, reply_id, change)


@router.delete("/replies/{reply_id}", status_code=204)
async def delete_reply(actor: User, tx: TenantTx, reply_id: UUID) -> None:
    await service.delete(tx, actor, reply_id)


@router.post("/replies/{reply_id}/used", status_code=204)
async def note_reply_use(actor: User, tx: TenantTx, reply_id: UUID) -> None:
    await service.note_use(tx, actor, reply_id)


@router.put("/reply-groups/order", status_code=204)
async def order_reply_groups(actor: User, tx: TenantTx, order: ReplyGroupOrder) -> None:
    await service.order_groups(tx, actor, order)


@router.post("/reply-groups", status_code=201)
async def create_reply_group(actor: User, tx: TenantTx, new: NewReplyGroup) -> ReplyGroup:
    return await service.create_group(tx, actor, new)


@router.patch("/reply-groups/{reply_group_id}")
async def change_reply_group(actor: User, tx: TenantTx, reply_group_id: UUID, change: ReplyGroupChange) -> ReplyGroup:
    return await service.change_group(tx, actor, reply_group_id, change)


@router.delete("/reply-groups/{reply_group_id}", status_code=204)
async def delete_reply_group(actor: User, tx: TenantTx, reply_group_id: UUID) -> None:
    await service.delete_group(tx, actor, reply_group_id)


@router.post("/reply-pictures", status_code=201, openapi_extra=PICTURE_FORM)
async def upload_reply_picture(actor: User, shared: Shared, request: Request) -> ReplyPicture:
    service.require_some_edit(actor)
    shared.throttle.check(f"replies.pictures:{actor.agent_id}", PICTURES)
    _, content = await receive_picture(request, pictures.MAX_BYTES)
    prepared = await pictures.prepare(content, enterprise_id=actor.enterprise_id)
    try:
        await pictures.store(shared.storage, prepared)
        async with shared.database.tenant(actor.enterprise_id) as tx:
            return await service.add_picture(tx, actor, prepared=prepared)
    except BaseException:
        await pictures.discard(shared.storage, prepared)
        raise


def _sheet(content: bytes, name: str, *, left_out: int | None = None) -> Response:
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    if left_out is not None:
        headers["X-Qiatan-Left-Out"] = str(left_out)
    return Response(content, media_type=_XLSX, headers=headers)
