"""The settings of routing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from qiatan.infra.http.guards import Requires
from qiatan.infra.http.repeats import Repeatable
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.infra.http.uploads import PICTURE_FORM, receive_file
from qiatan.kit.access import AgentActor
from qiatan.modules.routing import permissions, service
from qiatan.modules.routing.contracts.hours import Calendar, Hours, SaveHours
from qiatan.modules.routing.contracts.settings import (
    Assignment,
    CheckAssignment,
    Problems,
    Queueing,
    SaveAssignment,
    SaveQueueing,
    SaveTransfers,
    Transfers,
)

router = APIRouter(prefix="/routing", route_class=Repeatable)

MAX_CALENDAR = 1024 * 1024

Viewer = Annotated[AgentActor, Depends(Requires(permissions.VIEW))]
Editor = Annotated[AgentActor, Depends(Requires(permissions.EDIT))]


@router.get("/assignment")
async def get_assignment(actor: Viewer, tx: TenantTx, shared: Shared) -> Assignment:
    return await service.see_assignment(tx, actor, geo=shared.geo)


@router.put("/assignment")
async def save_assignment(actor: Editor, tx: TenantTx, shared: Shared, body: SaveAssignment) -> Assignment:
    return await service.save_assignment(tx, actor, body, geo=shared.geo)


@router.post("/assignment/check")
async def check_assignment(actor: Viewer, tx: TenantTx, shared: Shared, body: CheckAssignment) -> Problems:
    return await service.check_assignment(tx, actor, body, geo=shared.geo)


@router.get("/queue")
async def get_queue_settings(actor: Viewer, tx: TenantTx) -> Queueing:
    return await service.see_queue_settings(tx, actor)


@router.put("/queue")
async def save_queue_settings(actor: Editor, tx: TenantTx, body: SaveQueueing) -> Queueing:
    return await service.save_queue_settings(tx, actor, body)


@router.get("/transfers")
async def get_transfer_settings(actor: Viewer, tx: TenantTx) -> Transfers:
    return await service.see_transfers(tx, actor)


@router.put("/transfers")
async def save_transfer_settings(actor: Editor, tx: TenantTx, body: SaveTransfers) -> Transfers:
    return await service.save_transfers(tx, actor, body)


@router.get("/hours")
async def get_hours(actor: Viewer, tx: TenantTx) -> Hours:
    return await service.see_hours(tx, actor)


@router.put("/hours")
async def save_hours(actor: Editor, tx: TenantTx, body: SaveHours) -> Hours:
    return await service.save_hours(tx, actor, body)


@router.post("/hours/calendar", openapi_extra=PICTURE_FORM)
async def read_calendar(actor: Editor, request: Request) -> Calendar:
    _, content = await receive_file(request, MAX_CALENDAR, what="calendar")
    return await service.read_calendar_file(actor, content)
