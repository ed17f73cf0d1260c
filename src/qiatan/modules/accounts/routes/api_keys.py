"""Keys for programs."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from qiatan.infra.http.guards import Requires
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.kit.access import AgentActor
from qiatan.kit.cursors import Page
from qiatan.modules.accounts import permissions, service
from qiatan.modules.accounts.contracts import ApiKey, CreatedApiKey, NewApiKey
from qiatan.modules.accounts.routes.common import After, Catalogue, Limit, proven

router = APIRouter()

Manager = Annotated[AgentActor, Depends(Requires(permissions.MANAGE_KEYS))]


@router.get("/api-keys")
async def list_api_keys(actor: Manager, tx: TenantTx, after: After = None, limit: Limit = 50) -> Page[ApiKey]:
    return await service.api_keys_page(tx, actor, after=after, limit=limit)


@router.post("/api-keys", status_code=201)
async def create_api_key(actor: Manager, shared: Shared, catalogue: Catalogue, new: NewApiKey) -> CreatedApiKey:
    # A key outlives the browser, so an open browser alone must not make one.
    async with proven(shared, actor, new.password) as (tx, proof):
        return await service.create_api_key(tx, actor, new, proof=proof, catalogue=catalogue)


@router.delete("/api-keys/{key_id}", status_code=204)
async def revoke_api_key(actor: Manager, tx: TenantTx, key_id: UUID) -> None:
    await service.revoke_api_key(tx, actor, key_id=key_id)
