"""HTTP doors of the health page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from qiatan.entrypoints.system import counters
from qiatan.entrypoints.system.contracts import CounterComparison, CountersMended, SystemHealth
from qiatan.entrypoints.system.health import see_health
from qiatan.entrypoints.system.numbers import NumbersKeeper
from qiatan.entrypoints.system.permissions import REPAIR_SYSTEM, VIEW_SYSTEM
from qiatan.infra.http.guards import Requires
from qiatan.infra.http.repeats import Repeatable
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.infra.throttle import Rate
from qiatan.kit.access import AgentActor

router = APIRouter(prefix="/api/v1", tags=["system"], route_class=Repeatable)

Reader = Annotated[AgentActor, Depends(Requires(VIEW_SYSTEM))]
Mender = Annotated[AgentActor, Depends(Requires(REPAIR_SYSTEM))]
# Each reads all messages of the enterprise's open conversations.
COMPARISONS = Rate(burst=10, per_minute=10)


def numbers_of(request: Request) -> NumbersKeeper:
    numbers: NumbersKeeper = request.app.state.numbers
    return numbers


@router.get("/system/health")
async def get_system_health(actor: Reader, shared: Shared, numbers: Annotated[NumbersKeeper, Depends(numbers_of)]) -> SystemHealth:
    """Whether the system is well, part by part; figures and processes only for the enterprise that runs the installation."""
    return await see_health(shared, numbers, actor)


@router.get("/system/counters")
async def compare_counters(actor: Reader, shared: Shared) -> CounterComparison:
    """Compare the enterprise's stored counters with what they count, now."""
    shared.throttle.check(f"system.counters:{actor.enterprise_id}", COMPARISONS)
    return await counters.compare_own(shared, actor)


@router.post("/system/counters/mend")
async def mend_counters(actor: Mender, tx: TenantTx) -> CountersMended:
    """Set the enterprise's counters right where they differ; written into the audit log."""
    return await counters.mend(tx, actor)
