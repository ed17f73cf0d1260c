"""Accounts of the enterprise."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from qiatan.infra.http.guards import Requires
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.kit.access import AgentActor
from qiatan.kit.cursors import Page
from qiatan.modules.accounts import permissions, service
from qiatan.modules.accounts.contracts import Agent, ChangeAgent, Sight
from qiatan.modules.accounts.routes.common import After, Catalogue, Limit

router = APIRouter()

Viewer = Annotated[AgentActor, Depends(Requires(permissions.VIEW_AGENTS))]
Inviter = Annotated[AgentActor, Depends(Requires(permissions.CREATE_AGENTS))]
Editor = Annotated[AgentActor, Depends(Requires(permissions.EDIT_AGENTS))]


@router.get("/agents")
async def list_agents(actor: Viewer, tx: TenantTx, role_id: UUID | None = None, after: After = None, limit: Limit = 50) -> Page[Agent]:
    return await service.agents_page(tx, actor, after=after, limit=limit, role_id=role_id)


@router.get("/agents/{agent_id}")
async def get_agent(actor: Viewer, tx: TenantTx, agent_id: UUID) -> Agent:
    return await service.see_agent(tx, actor, agent_id=agent_id)


@router.get("/agents/{agent_id}/sight")
async def get_sight(actor: Viewer, tx: TenantTx, catalogue: Catalogue, agent_id: UUID) -> Sight:
    return await service.see_sight(tx, actor, agent_id=agent_id, catalogue=catalogue)


@router.patch("/agents/{agent_id}")
async def change_agent(actor: Editor, tx: TenantTx, shared: Shared, catalogue: Catalogue, agent_id: UUID, change: ChangeAgent) -> Agent:
    return await service.change_agent(tx, actor, agent_id=agent_id, change=change, catalogue=catalogue, geo=shared.geo)


@router.delete("/agents/{agent_id}/two-factor")
async def reset_second_factor(actor: Editor, tx: TenantTx, catalogue: Catalogue, agent_id: UUID) -> Agent:
    return await service.reset_second_factor(tx, actor, agent_id=agent_id, catalogue=catalogue)
