"""Why: decisions with their trace, dry runs, simulations."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from qiatan.infra.http.admission import Lane
from qiatan.infra.http.guards import Requires
from qiatan.infra.http.repeats import Repeatable
from qiatan.infra.http.transactions import TenantTx
from qiatan.kit.access import AgentActor
from qiatan.modules.routing import permissions, service
from qiatan.modules.routing.contracts.decisions import Decisions, Simulation, Simulations, StartSimulation, Trial, TryRules

router = APIRouter(route_class=Repeatable)

Viewer = Annotated[AgentActor, Depends(Requires(permissions.VIEW))]
Editor = Annotated[AgentActor, Depends(Requires(permissions.EDIT))]


@router.get("/conversations/{conversation_id}/decisions")
async def list_decisions(actor: Viewer, tx: TenantTx, conversation_id: UUID) -> Decisions:
    return await service.decisions(tx, actor, conversation_id)


@router.post("/routing/trial", dependencies=[Depends(Lane("rules"), scope="function")])
async def try_rules(actor: Viewer, tx: TenantTx, body: TryRules) -> Trial:
    return await service.try_rules(tx, actor, body)


@router.post("/routing/simulations", status_code=201, dependencies=[Depends(Lane("rules"), scope="function")])
async def start_simulation(actor: Editor, tx: TenantTx, body: StartSimulation) -> Simulation:
    return await service.start_simulation(tx, actor, body)


@router.get("/routing/simulations")
async def list_simulations(actor: Viewer, tx: TenantTx) -> Simulations:
    return await service.list_simulations(tx, actor)


@router.get("/routing/simulations/{simulation_id}")
async def get_simulation(actor: Viewer, tx: TenantTx, simulation_id: UUID) -> Simulation:
    return await service.see_simulation(tx, actor, simulation_id)
