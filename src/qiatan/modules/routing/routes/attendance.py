"""When agents were online."""

from __future__ import annotations

import datetime as dt
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from qiatan.infra.http.guards import Requires
from qiatan.infra.http.transactions import TenantTx
from qiatan.kit.access import AgentActor
from qiatan.modules.routing import permissions, service
from qiatan.modules.routing.contracts import Attendance

router = APIRouter()


@router.get("/attendance")
async def list_attendance(
    actor: Annotated[AgentActor, Depends(Requires(permissions.ATTENDANCE))],
    tx: TenantTx,
    since: Annotated[dt.date | None, Query(alias="from")] = None,
    until: Annotated[dt.date | None, Query(alias="to")] = None,
    agent_id: UUID | None = None,
) -> Attendance:
    return await service.attendance(tx, actor, since=since, until=until, agent_id=agent_id)
