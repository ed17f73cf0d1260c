"""The identity provider: its settings, and signing in by it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from qiatan.infra.http.guards import Public, Requires
from qiatan.infra.http.transactions import Shared, SystemTx, TenantTx
from qiatan.infra.resources import Resources
from qiatan.infra.tries import too_many
from qiatan.kit.access import AgentActor
from qiatan.modules.accounts import permissions, rules, service
from qiatan.modules.accounts.contracts import ChangeOidc, FinishOidc, OidcSettings, OidcShown, OidcStarted, SignInAnswer, StartOidc
from qiatan.modules.accounts.routes import common
from qiatan.modules.accounts.routes.common import Catalogue, Entrance, EntranceOf
from qiatan.modules.accounts.service import OidcDoor

router = APIRouter()

Viewer = Annotated[AgentActor, Depends(Requires(permissions.VIEW_SECURITY))]
Editor = Annotated[AgentActor, Depends(Requires(permissions.EDIT_SECURITY))]

FLOW_COOKIE = "qiatan_oidc"
FLOW_PATH = "/api/v1/session/oidc"


def _door(shared: Resources) -> OidcDoor:
    return OidcDoor(shared.providers, shared.sealer, shared.settings.public_url)


@router.get("/security/oidc")
async def get_oidc(actor: Viewer, tx: TenantTx, shared: Shared) -> OidcSettings:
    return await service.see_oidc(tx, actor, public_url=shared.settings.public_url)


@router.put("/security/oidc")
async def change_oidc(actor: Editor, tx: TenantTx, shared: Shared, catalogue: Catalogue, change: ChangeOidc) -> OidcSettings:
    return await service.change_oidc(
        tx, actor, change, http=shared.http, sealer=shared.sealer, public_url=shared.settings.public_url, catalogue=catalogue
    )


@router.delete("/security/oidc", status_code=204)
async def delete_oidc(actor: Editor, tx: TenantTx, catalogue: Catalogue) -> None:
    await service.delete_oidc(tx, actor, catalogue=catalogue)


@router.post("/security/oidc/test", status_code=204)
async def try_oidc(actor: Editor, shared: Shared, change: ChangeOidc) -> None:
    common.throttle(shared, "oidc-test", common.OIDC_TEST, str(actor.enterprise_id))
    async with shared.providers.gate.passing(actor.enterprise_id):
        await service.try_oidc(actor, change, providers=shared.providers)


@router.get("/session/oidc/{enterprise_id}", dependencies=[Depends(Public("what the sign-in page shows of an identity provider"))])
async def get_oidc_sign_in(tx: SystemTx, enterprise_id: UUID) -> OidcShown:
    return await service.shown_oidc(tx, enterprise_id)


@router.post("/session/oidc", dependencies=[Depends(Public("signing in by an identity provider"))])
async def start_oidc(entrance: EntranceOf, response: Response, shared: Shared, command: StartOidc) -> OidcStarted:
    entrance.throttle("oidc", common.OIDC)
    await _count_start(entrance, shared, command.enterprise_id)
    async with shared.providers.gate.passing(command.enterprise_id):
        started = await service.start_oidc(shared.database, _door(shared), enterprise_id=command.enterprise_id)
    response.set_cookie(
        FLOW_COOKIE,
        started.browser_token,
        max_age=int(rules.CHALLENGE_LIVES / timedelta(seconds=1)),
        path=FLOW_PATH,
        secure=shared.settings.public_url.startswith("https:"),
        httponly=True,
        samesite="lax",
    )
    return OidcStarted(url=started.url)


async def _count_start(entrance: Entrance, shared: Resources, enterprise_id: UUID) -> None:
    """Take one of the beginnings that a stranger has with this enterprise, and one of those that the enterprise has.

    Raises:
        TooMany: there is none left, and nobody of the enterprise came in from this address before.
    """
    seconds = entrance.wait("oidc-stranger", common.OIDC_OF_STRANGER, entrance.address, str(enterprise_id))
    if seconds == 0:
        seconds = entrance.wait("oidc-enterprise", common.OIDC_OF_ENTERPRISE, str(enterprise_id))
    known = seconds > 0 and await service.enterprise_came_before(
        shared.database, enterprise_id=enterprise_id, address=entrance.caller.address
    )
    if seconds > 0 and not known:
        raise too_many(seconds)


@router.post("/session/oidc/finish", dependencies=[Depends(Public("coming back from an identity provider"))])
async def finish_oidc(
    entrance: EntranceOf, request: Request, response: Response, shared: Shared, catalogue: Catalogue, command: FinishOidc
) -> SignInAnswer:
    entrance.throttle("oidc", common.OIDC)
    async with shared.providers.gate.passing(command.enterprise_id):
        outcome = await service.finish_oidc(
            shared.database,
            _door(shared),
            command,
            browser_token=request.cookies.get(FLOW_COOKIE, ""),
            caller=await entrance.named(),
            catalogue=catalogue,
        )
    response.delete_cookie(
        FLOW_COOKIE, path=FLOW_PATH, secure=shared.settings.public_url.startswith("https:"), httponly=True, samesite="lax"
    )
    return entrance.answer(outcome)
