"""Login restriction and login log."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime

from qiatan.infra.http.admission import Lane
from qiatan.infra.http.csv import csv_answer
from qiatan.infra.http.guards import Requires
from qiatan.infra.http.repeats import Repeatable
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.kit.access import AgentActor
from qiatan.kit.cursors import Page
from qiatan.modules.accounts import permissions, service
from qiatan.modules.accounts.contracts import (
    ChangeLoginPolicy,
    LoginEntry,
    LoginPolicy,
    LoginVerdict,
    PolicyDraft,
    PolicyPreview,
    TryAddress,
)
from qiatan.modules.accounts.routes.common import After, Catalogue, Limit, throttle_export

router = APIRouter(prefix="/security", route_class=Repeatable)

Viewer = Annotated[AgentActor, Depends(Requires(permissions.VIEW_SECURITY))]
Editor = Annotated[AgentActor, Depends(Requires(permissions.EDIT_SECURITY))]
LogReader = Annotated[AgentActor, Depends(Requires(permissions.VIEW_LOGINS))]


def _asked(
    *,
    agent_id: UUID | None = None,
    allowed: bool | None = None,
    since: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to")] = None,
) -> service.LoginFilter:
    return service.LoginFilter(agent_id, allowed, since, until)


Asked = Annotated[service.LoginFilter, Depends(_asked)]


@router.get("/login-policy")
async def get_login_policy(actor: Viewer, tx: TenantTx) -> LoginPolicy:
    return await service.see_login_policy(tx, actor)


@router.put("/login-policy")
async def change_login_policy(actor: Editor, tx: TenantTx, shared: Shared, catalogue: Catalogue, change: ChangeLoginPolicy) -> LoginPolicy:
    return await service.change_login_policy(tx, actor, change, geo=shared.geo, catalogue=catalogue)


@router.post("/login-policy/preview")
async def preview_login_policy(actor: Viewer, tx: TenantTx, shared: Shared, draft: PolicyDraft) -> PolicyPreview:
    return await service.preview_login_policy(tx, actor, draft, geo=shared.geo)


@router.post("/login-policy/trial")
async def try_address(actor: Viewer, tx: TenantTx, shared: Shared, asked: TryAddress) -> LoginVerdict:
    return await service.try_address(tx, actor, asked, geo=shared.geo)


@router.get("/login-log")
async def list_logins(actor: LogReader, tx: TenantTx, asked: Asked, after: After = None, limit: Limit = 50) -> Page[LoginEntry]:
    return await service.login_log_page(tx, actor, asked, after=after, limit=limit)


@router.get("/login-log/export", response_class=Response, dependencies=[Depends(Lane("sheets"), scope="function")])
async def export_logins(actor: LogReader, tx: TenantTx, shared: Shared, asked: Asked) -> Response:
    throttle_export(shared, actor)
    export = await service.start_login_log_export(tx, actor, asked)
    rows = service.login_log_rows(shared.database, actor, asked, export)
    return csv_answer(f"login-log-{tx.now:%Y%m%d}.csv", export.header, rows)
