"""The audit log."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime

from qiatan.infra.http.admission import Lane
from qiatan.infra.http.csv import csv_answer
from qiatan.infra.http.guards import Requires
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.kit.access import AgentActor
from qiatan.kit.cursors import Page
from qiatan.modules.accounts import permissions, service
from qiatan.modules.accounts.contracts import AuditEntry
from qiatan.modules.accounts.routes.common import After, Limit, throttle_export
from qiatan.modules.accounts.service import AuditFilters

router = APIRouter()


def _filters(
    actor_id: UUID | None = None,
    action: Annotated[str | None, Query(pattern=r"^[a-z_.]{1,60}$")] = None,
    subject_kind: Annotated[str | None, Query(pattern=r"^[a-z_]{1,30}$")] = None,
    subject_id: UUID | None = None,
    since: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to")] = None,
) -> AuditFilters:
    return AuditFilters(actor_id, action, subject_kind, subject_id, since, until)


Filters = Annotated[AuditFilters, Depends(_filters)]


@router.get("/audit")
async def list_audit(
    actor: Annotated[AgentActor, Depends(Requires(permissions.VIEW_AUDIT))],
    tx: TenantTx,
    filters: Filters,
    after: After = None,
    limit: Limit = 50,
) -> Page[AuditEntry]:
    return await service.audit_page(tx, actor, filters=filters, after=after, limit=limit)


@router.get("/audit/export", response_class=Response, dependencies=[Depends(Lane("sheets"), scope="function")])
async def export_audit(
    actor: Annotated[AgentActor, Depends(Requires(permissions.EXPORT_AUDIT))], tx: TenantTx, shared: Shared, filters: Filters
) -> Response:
    throttle_export(shared, actor)
    newest = await service.start_audit_export(tx, actor, filters=filters)
    rows = service.exported_rows(shared.database, actor.enterprise_id, filters=filters, newest=newest)
    return csv_answer(f"audit-{tx.now:%Y-%m-%d}.csv", service.EXPORT_HEADER, rows)
