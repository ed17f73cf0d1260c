"""Presence."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from qiatan.infra.http.guards import Requires, SignedIn, Visitor
from qiatan.infra.http.transactions import TenantTx
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.modules.conversations.permissions import SERVE
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts import Availability, Presence, PresenceList, SetPresence

router = APIRouter()


@router.get("/presence")
async def list_presence(actor: Annotated[AgentActor, Depends(Requires(SERVE))], tx: TenantTx) -> PresenceList:
    return await service.list_presence(tx, actor)


@router.put("/presence/me")
async def set_my_presence(actor: Annotated[AgentActor, Depends(SignedIn())], tx: TenantTx, body: SetPresence) -> Presence:
    return await service.set_presence(tx, actor, body.status)


@router.get("/widget/availability")
async def get_availability(actor: Annotated[VisitorActor, Depends(Visitor())], tx: TenantTx) -> Availability:
    return await service.availability(tx, actor)
