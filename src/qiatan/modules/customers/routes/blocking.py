"""The blacklist: who is on it, releasing, its rule. Putting somebody on it is a door of conversations."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from qiatan.infra.http.guards import Requires
from qiatan.infra.http.repeats import Repeatable
from qiatan.infra.http.transactions import TenantTx
from qiatan.kit.access import AgentActor
from qiatan.kit.cursors import MAX_PAGE, Page
from qiatan.modules.accounts.permissions import EDIT_ENTERPRISE
from qiatan.modules.customers import permissions, service
from qiatan.modules.customers.contracts import BlacklistRules, Block, ReleaseCustomers, Released, SaveBlacklistRules

router = APIRouter(route_class=Repeatable)

Blocker = Annotated[AgentActor, Depends(Requires(permissions.BLOCK))]


@router.get("/blocked-customers")
async def list_blocked_customers(
    actor: Blocker,
    tx: TenantTx,
    q: Annotated[str, Query(max_length=200)] = "",
    after: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> Page[Block]:
    """Entries made by agents in scope, newest first."""
    return await service.blocked_page(tx, actor, words=q, after=after, limit=limit)


@router.post("/blocked-customers/release")
async def release_customers(actor: Blocker, tx: TenantTx, body: ReleaseCustomers) -> Released:
    return await service.release(tx, actor, body)


@router.get("/blacklist-rules")
async def get_blacklist_rules(actor: Blocker, tx: TenantTx) -> BlacklistRules:
    return await service.blacklist_rules(tx, actor)


@router.put("/blacklist-rules")
async def save_blacklist_rules(
    actor: Annotated[AgentActor, Depends(Requires(EDIT_ENTERPRISE))], tx: TenantTx, body: SaveBlacklistRules
) -> BlacklistRules:
    return await service.save_blacklist_rules(tx, actor, body)
