"""The regions of the world, to choose from."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from qiatan.infra.http.guards import SignedIn
from qiatan.infra.http.transactions import Shared
from qiatan.kit.access import AgentActor
from qiatan.modules.accounts import service
from qiatan.modules.accounts.contracts import RegionList

router = APIRouter()


@router.get("/regions")
async def list_regions(
    actor: Annotated[AgentActor, Depends(SignedIn())], shared: Shared, parent: Annotated[str | None, Query(max_length=120)] = None
) -> RegionList:
    return await service.regions(shared.geo, parent=parent)
