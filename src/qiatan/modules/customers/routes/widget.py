"""What a site says of its visitor."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from qiatan.infra.http.guards import Visitor
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.infra.throttle import Rate
from qiatan.kit.access import VisitorActor
from qiatan.modules.customers import service
from qiatan.modules.customers.contracts import SetMetadata

router = APIRouter()

METADATA = Rate(burst=60, per_minute=60)


@router.put("/widget/metadata", status_code=204)
async def set_visitor_metadata(
    actor: Annotated[VisitorActor, Depends(Visitor())], tx: TenantTx, shared: Shared, given: SetMetadata
) -> None:
    shared.throttle.check(f"customers.metadata:{actor.customer_id}", METADATA)
    await service.set_metadata(tx, actor, given)
