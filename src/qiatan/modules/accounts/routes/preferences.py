"""What the own account prefers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from qiatan.infra.http.guards import SignedIn
from qiatan.infra.http.transactions import TenantTx
from qiatan.kit.access import AgentActor
from qiatan.modules.accounts import service
from qiatan.modules.accounts.contracts.preferences import PreferencesShown, SavePreferences

router = APIRouter()

Own = Annotated[AgentActor, Depends(SignedIn())]


@router.get("/me/preferences")
async def get_preferences(actor: Own, tx: TenantTx) -> PreferencesShown:
    return await service.see_preferences(tx, actor)


@router.put("/me/preferences")
async def save_preferences(actor: Own, tx: TenantTx, command: SavePreferences) -> PreferencesShown:
    return await service.save_preferences(tx, actor, command)
