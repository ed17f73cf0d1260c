"""The queue, and how conversations stand, for agents."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from qiatan.infra.http.guards import Requires
from qiatan.infra.http.transactions import TenantTx
from qiatan.kit.access import AgentActor
from qiatan.modules.conversations.contracts import View
from qiatan.modules.conversations.permissions import SERVE, TAKE
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts.queue import Queue, Routing, Routings

router = APIRouter()

LiveView = Literal[View.MINE, View.QUEUE, View.COLLEAGUES]


@router.get("/queue")
async def get_queue(actor: Annotated[AgentActor, Depends(Requires(TAKE))], tx: TenantTx) -> Queue:
    return await service.queue(tx, actor)


@router.get("/routings")
async def list_routings(
    actor: Annotated[AgentActor, Depends(Requires(SERVE))], tx: TenantTx, view: Annotated[LiveView, Query()]
) -> Routings:
    return await service.routings(tx, actor, view)


@router.get("/conversations/{conversation_id}/routing")
async def get_routing(actor: Annotated[AgentActor, Depends(Requires(SERVE))], tx: TenantTx, conversation_id: UUID) -> Routing:
    return await service.routing(tx, actor, conversation_id)
