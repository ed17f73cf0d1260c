"""Looking at the product as a colleague."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from qiatan.infra.http.guards import Requires
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.kit.access import AgentActor
from qiatan.modules.accounts import permissions, service
from qiatan.modules.accounts.contracts import ViewGrant
from qiatan.modules.accounts.routes.common import Catalogue

router = APIRouter()


@router.post("/agents/{agent_id}/view-as")
async def view_as_agent(
    actor: Annotated[AgentActor, Depends(Requires(permissions.VIEW_AS))],
    tx: TenantTx,
    shared: Shared,
    catalogue: Catalogue,
    agent_id: UUID,
) -> ViewGrant:
    return await service.view_as(tx, actor, agent_id=agent_id, sealer=shared.sealer, catalogue=catalogue)
