"""Accounts of the enterprise."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from qiatan.infra.http.guards import Requires
from qiatan.infra.http.transactions import TenantTx
from qiatan.kit.access import AgentActor
from qiatan.kit.cursors import Page
from qiatan.modules.accounts import permissions, service
from qiatan.modules.accounts.contracts import Agent, ChangeAgent
from qiatan.modules.accounts.routes.common import After, Catalogue, Limit

router = APIRouter()

Viewer = Annotated[AgentActor, Depends(Requires(permissions.VIEW_AGENTS))]
Inviter = Annotated[AgentActor, Depends(Requires(permissions.CREATE_AGENTS))]
Editor = Annotated[AgentActor, Depends(Requires(permissions.EDIT_AGENTS))]


@router.get("/agents")
async def list_agents(actor: Viewer, tx: TenantTx, after: After = None, limit: Limit = 50) -> Page[Agent]:
    return await service.agents_page(tx, actor, after=after, limit=limit)


@router.get("/agents/{agent_id}")
async def get_agent(actor: Viewer, tx: TenantTx, agent_id: UUID) -> Agent:
    return await service.see_agent(tx, actor, agent_id=agent_id)


@router.patch("/agents/{agent_id}")
async def change_agent(actor: Editor, tx: TenantTx, catalogue: Catalogue, agent_id: UUID, change: ChangeAgent) -> Agent:
    return await service.change_agent(tx, actor, agent_id=agent_id, change=change, catalogue=catalogue)
