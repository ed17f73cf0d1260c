"""Groups of the enterprise."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from qiatan.infra.http.guards import Requires
from qiatan.infra.http.repeats import Repeatable
from qiatan.infra.http.transactions import TenantTx
from qiatan.kit.access import AgentActor
from qiatan.kit.cursors import Page
from qiatan.modules.accounts import permissions, service
from qiatan.modules.accounts.contracts import ChangeGroup, Group, NewGroup
from qiatan.modules.accounts.routes.agents import Viewer
from qiatan.modules.accounts.routes.common import After, Catalogue, Limit

router = APIRouter(route_class=Repeatable)

Editor = Annotated[AgentActor, Depends(Requires(permissions.EDIT_GROUPS))]


@router.get("/groups")
async def list_groups(actor: Viewer, tx: TenantTx, after: After = None, limit: Limit = 50) -> Page[Group]:
    return await service.groups_page(tx, actor, after=after, limit=limit)


@router.post("/groups", status_code=201)
async def create_group(actor: Editor, tx: TenantTx, catalogue: Catalogue, command: NewGroup) -> Group:
    return await service.create_group(tx, actor, command, catalogue=catalogue)


@router.patch("/groups/{group_id}")
async def change_group(actor: Editor, tx: TenantTx, catalogue: Catalogue, group_id: UUID, change: ChangeGroup) -> Group:
    return await service.change_group(tx, actor, group_id=group_id, change=change, catalogue=catalogue)


@router.delete("/groups/{group_id}", status_code=204)
async def delete_group(actor: Editor, tx: TenantTx, catalogue: Catalogue, group_id: UUID) -> None:
    await service.delete_group(tx, actor, group_id=group_id, catalogue=catalogue)
