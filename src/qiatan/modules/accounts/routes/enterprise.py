"""The own enterprise."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from qiatan.infra.http.guards import Requires
from qiatan.infra.http.transactions import TenantTx
from qiatan.kit.access import AgentActor
from qiatan.modules.accounts import permissions, service
from qiatan.modules.accounts.contracts import ChangeEnterprise, Enterprise

router = APIRouter()


@router.get("/enterprise")
async def get_enterprise(actor: Annotated[AgentActor, Depends(Requires(permissions.VIEW_ENTERPRISE))], tx: TenantTx) -> Enterprise:
    return await service.see_enterprise(tx, actor)


@router.patch("/enterprise")
async def change_enterprise(
    actor: Annotated[AgentActor, Depends(Requires(permissions.EDIT_ENTERPRISE))], tx: TenantTx, change: ChangeEnterprise
) -> Enterprise:
    return await service.change_enterprise(tx, actor, change)
