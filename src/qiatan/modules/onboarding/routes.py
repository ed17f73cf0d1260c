"""HTTP doors of the first steps."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from qiatan.infra.http.guards import Requires
from qiatan.infra.http.repeats import Repeatable
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.infra.throttle import Rate
from qiatan.kit.access import AgentActor
from qiatan.modules.accounts.permissions import EDIT_ENTERPRISE
from qiatan.modules.onboarding import service
from qiatan.modules.onboarding.contracts import CheckSite, Onboarding, SiteCheck, SkipSteps

router = APIRouter(prefix="/api/v1", tags=["onboarding"], route_class=Repeatable)

Editor = Annotated[AgentActor, Depends(Requires(EDIT_ENTERPRISE))]
# Each makes this server call another one.
CHECKS = Rate(burst=10, per_minute=10)


@router.get("/onboarding")
async def get_onboarding(actor: Editor, tx: TenantTx, shared: Shared) -> Onboarding:
    """The five first steps of a new enterprise, with what is done and what was left out."""
    return await service.see(tx, actor, public_url=shared.settings.public_url)


@router.post("/onboarding/skip")
async def skip_onboarding(actor: Editor, tx: TenantTx, shared: Shared, body: SkipSteps) -> Onboarding:
    """Leave steps out, for everybody and for good."""
    return await service.skip(tx, actor, body, public_url=shared.settings.public_url)


@router.post("/onboarding/check-site")
async def check_site(actor: Editor, shared: Shared, body: CheckSite) -> SiteCheck:
    """Look at a page of one's site for the snippet. The page is asked as any visitor would; addresses of private networks are not asked."""
    shared.throttle.check(f"onboarding.site:{actor.enterprise_id}", CHECKS)
    return await service.check_site(shared.database, actor, body, http=shared.http)
