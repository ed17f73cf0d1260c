"""The HTTP door of visitors."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from qiatan.infra import limits
from qiatan.infra.http.guards import Public, Visitor, address_of
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.infra.throttle import Rate
from qiatan.kit.access import VisitorActor
from qiatan.kit.addresses import address_group
from qiatan.modules.accounts import service as accounts
from qiatan.modules.channels import service as channels
from qiatan.modules.files.contracts import NewUpload, Upload
from qiatan.modules.visitors import service
from qiatan.modules.visitors.contracts import PageRequest, SessionRequest, WidgetSession

router = APIRouter(prefix="/api/v1", tags=["visitors"])

SESSIONS = Rate(burst=1_200, per_minute=600)
PAGES = Rate(burst=60, per_minute=60)
UPLOADS = Rate(burst=30, per_minute=1)
UPLOADS_OF_ADDRESS = Rate(burst=240, per_minute=120)

# No cookie speaks for a visitor, so a foreign page gains nothing here: its answer could not be read, and would be a stranger's.
_ANYBODY = Depends(Public("a visitor without an identity gets one here", any_origin=True))


@router.post("/widget/{key}/session", dependencies=[_ANYBODY])
async def open_widget_session(
    request: Request, response: Response, shared: Shared, key: Annotated[str, Path(max_length=64)], about: SessionRequest
) -> WidgetSession:
    address = address_of(request)
    shared.throttle.check(f"visitors.session:{address_group(address)}", SESSIONS)
    async with shared.database.system() as lookup:
        channel = await channels.find_by_key(lookup, key)
    # The key names the enterprise, so the rest happens inside it: a token of another one does not even exist here.
    async with shared.database.tenant(channel.enterprise_id) as tx:
        session = await service.open_session(
            tx,
            channel,
            about,
            token=_bearer(request),
            address=address,
            user_agent=request.headers.get("user-agent"),
            throttle=shared.throttle,
            may_come=partial(limits.visitor_comes, shared, channel.enterprise_id),
            region=shared.geo.region_of(address).code,
        )
        enterprise = await accounts.get_enterprise(tx)
        files = channel.settings.visitor_files and await service.on_computer(tx, session.customer_id)
    response.headers["Cache-Control"] = "no-store"
    return WidgetSession(
        token=session.token,
        expires_at=session.expires_at,
        customer_id=session.customer_id,
        config=channels.widget_config(channel),
        typing_preview=enterprise.typing_preview,
        files=files,
    )


@router.post("/widget/visit", status_code=204)
async def show_widget_page(
    request: Request, actor: Annotated[VisitorActor, Depends(Visitor())], tx: TenantTx, shared: Shared, page: PageRequest
) -> None:
    shared.throttle.check(f"visitors.page:{actor.customer_id}", PAGES)
    address = address_of(request)
    await service.show_page(tx, actor, page, address=address, region=shared.geo.region_of(address).code)


@router.post("/widget/uploads", status_code=201)
async def start_widget_upload(
    request: Request, actor: Annotated[VisitorActor, Depends(Visitor())], tx: TenantTx, shared: Shared, body: NewUpload
) -> Upload:
    """Begin to send a file of any kind, in parts. From computers only, and where the channel allows it (F14)."""
    shared.throttle.check(f"visitors.upload:{actor.customer_id}", UPLOADS)
    shared.throttle.check(f"visitors.upload_address:{address_group(address_of(request))}", UPLOADS_OF_ADDRESS)
    return await service.start_upload(tx, actor, body, enterprise_bytes=shared.settings.enterprise_uploads)


def _bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
