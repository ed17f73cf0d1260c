"""What visitors know and decide of their routing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from qiatan.infra.http.guards import Visitor
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.infra.throttle import Rate
from qiatan.kit.access import VisitorActor
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts.decisions import Wish
from qiatan.modules.routing.contracts.queue import QueuePlace

router = APIRouter()

WISHES = Rate(burst=30, per_minute=30)


@router.put("/widget/wish", status_code=204)
async def put_wish(actor: Annotated[VisitorActor, Depends(Visitor())], tx: TenantTx, shared: Shared, body: Wish) -> None:
    shared.throttle.check(f"routing.wish:{actor.customer_id}", WISHES)
    await service.set_wish(tx, actor, body)


@router.get("/widget/queue")
async def get_queue_place(actor: Annotated[VisitorActor, Depends(Visitor())], tx: TenantTx) -> QueuePlace:
    return await service.queue_place(tx, actor)


@router.post("/widget/queue/leave")
async def leave_queue(actor: Annotated[VisitorActor, Depends(Visitor())], tx: TenantTx) -> QueuePlace:
    return await service.leave_queue(tx, actor)
