"""The HTTP door of push: the own browser's subscription."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from qiatan.infra.http.guards import SignedIn
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.infra.throttle import Rate
from qiatan.kit.access import AgentActor
from qiatan.modules.push import service
from qiatan.modules.push.contracts import PushState, SavePush

router = APIRouter(prefix="/api/v1", tags=["push"])

Own = Annotated[AgentActor, Depends(SignedIn(private=True))]
CHANGES = Rate(burst=20, per_minute=10)


@router.get("/me/push")
async def get_push(actor: Own, tx: TenantTx, shared: Shared) -> PushState:
    return await service.state(tx, actor, service.pusher(shared))


@router.put("/me/push")
async def save_push(body: SavePush, actor: Own, shared: Shared) -> PushState:
    shared.throttle.check(f"push:{actor.agent_id}", CHANGES)
    await service.check_endpoint(body.endpoint, shared.http)
    async with shared.database.tenant(actor.enterprise_id) as tx:
        return await service.subscribe(tx, actor, body, service.pusher(shared))


@router.delete("/me/push", status_code=204)
async def delete_push(actor: Own, tx: TenantTx) -> None:
    await service.unsubscribe(tx, actor)
