"""Permission points and the roles made of them."""

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
from qiatan.modules.accounts.contracts import ChangeRole, NewRole, PointCatalogue, Role, RoleTemplates
from qiatan.modules.accounts.routes.agents import Viewer
from qiatan.modules.accounts.routes.common import After, Catalogue, Limit

router = APIRouter(route_class=Repeatable)

Editor = Annotated[AgentActor, Depends(Requires(permissions.EDIT_ROLES))]


@router.get("/permissions")
async def list_permissions(actor: Viewer, catalogue: Catalogue) -> PointCatalogue:
    return service.point_catalogue(actor, catalogue=catalogue)


@router.get("/roles")
async def list_roles(actor: Viewer, tx: TenantTx, catalogue: Catalogue, after: After = None, limit: Limit = 50) -> Page[Role]:
    return await service.roles_page(tx, actor, after=after, limit=limit, catalogue=catalogue)


@router.get("/roles/templates")
async def list_role_templates(actor: Viewer, catalogue: Catalogue) -> RoleTemplates:
    return service.role_templates(actor, catalogue=catalogue)


@router.get("/roles/{role_id}")
async def get_role(actor: Viewer, tx: TenantTx, catalogue: Catalogue, role_id: UUID) -> Role:
    return await service.see_role(tx, actor, role_id=role_id, catalogue=catalogue)


@router.post("/roles", status_code=201)
async def create_role(actor: Editor, tx: TenantTx, catalogue: Catalogue, command: NewRole) -> Role:
    return await service.create_role(tx, actor, command, catalogue=catalogue)


@router.patch("/roles/{role_id}")
async def change_role(actor: Editor, tx: TenantTx, catalogue: Catalogue, role_id: UUID, change: ChangeRole) -> Role:
    return await service.change_role(tx, actor, role_id=role_id, change=change, catalogue=catalogue)


@router.delete("/roles/{role_id}", status_code=204)
async def delete_role(actor: Editor, tx: TenantTx, role_id: UUID, catalogue: Catalogue) -> None:
    await service.delete_role(tx, actor, role_id=role_id, catalogue=catalogue)
