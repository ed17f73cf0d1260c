"""The own account."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Path, Request, Response

from qiatan.infra.db import Tx
from qiatan.infra.http.guards import SESSION_COOKIE, VIEW_HEADER, Public, SignedIn, csrf_token, resources_of
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.infra.http.uploads import PICTURE_FORM, receive_picture
from qiatan.infra.pictures import sanitize
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor
from qiatan.modules.accounts import service
from qiatan.modules.accounts.contracts import ChangeMe, ChangePassword, Me
from qiatan.modules.accounts.routes import common
from qiatan.modules.accounts.routes.common import throttle

router = APIRouter()

Own = Annotated[AgentActor, Depends(SignedIn())]
# Who must add a second factor first sees themselves, and may change their language.
Enrolling = Annotated[AgentActor, Depends(SignedIn(enrolling=True))]

MAX_AVATAR_BYTES = 5 * 1024 * 1024
AVATAR_SIDE = 256
_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp"}
_TYPES = {suffix: content_type for content_type, suffix in _SUFFIXES.items()}


async def _me(request: Request, tx: Tx, actor: AgentActor) -> Me:
    agent, enterprise = await service.me(tx, actor)
    token = csrf_token(request.cookies.get(SESSION_COOKIE, ""))
    viewer = None
    if actor.via == "view":
        viewer = await service.see_viewer(tx, actor, request.headers.get(VIEW_HEADER, ""), sealer=resources_of(request).sealer)
    return Me(
        agent=agent,
        enterprise=enterprise,
        points=sorted(actor.points),
        csrf_token=token,
        must_enrol=actor.must_enrol,
        viewer=viewer,
    )


@router.get("/me")
async def get_me(request: Request, actor: Enrolling, tx: TenantTx) -> Me:
    return await _me(request, tx, actor)


@router.patch("/me")
async def change_me(request: Request, actor: Enrolling, tx: TenantTx, change: ChangeMe) -> Me:
    await service.change_me(tx, actor, change)
    return await _me(request, tx, actor)


@router.put("/me/password", status_code=204)
async def change_password(actor: Own, shared: Shared, change: ChangePassword) -> None:
    await common.count(shared, "password", common.PASSWORD, str(actor.agent_id))
    await service.change_password(
        shared.database, actor, current=change.current_password.get_secret_value(), new=change.new_password.get_secret_value()
    )


@router.put("/me/avatar", openapi_extra=PICTURE_FORM)
async def set_avatar(request: Request, actor: Own, shared: Shared) -> Me:
    throttle(shared, "avatar", common.AVATAR, str(actor.agent_id))
    _, content = await receive_picture(request, MAX_AVATAR_BYTES)
    picture = await sanitize(content, max_side=AVATAR_SIDE, whose=(actor.enterprise_id, "agent"))
    blob = uuid4().hex + _SUFFIXES[picture.content_type]
    await shared.storage.put(blob, picture.content)
    noted = False
    try:
        # Its own transaction instead of the request's: no connection is held while a picture arrives and is encoded.
        async with shared.database.tenant(actor.enterprise_id) as tx:
            await service.set_avatar(tx, actor, blob=blob)
            me = await _me(request, tx, actor)
            noted = True
    except BaseException:
        if not (noted and await _is_shown(shared, actor, blob)):
            await shared.storage.delete(blob)
        raise
    return me


async def _is_shown(shared: Resources, actor: AgentActor, blob: str) -> bool:
    """Whether a transaction that only failed at its commit was stored all the same: a line that breaks then does not tell.

    Raises:
        DatabaseUnavailable: nobody can say so; the picture stays.
    """
    async with shared.database.tenant(actor.enterprise_id) as tx:
        return await service.has_avatar(tx, actor, blob)


@router.delete("/me/avatar")
async def remove_avatar(request: Request, actor: Own, tx: TenantTx) -> Me:
    await service.remove_avatar(tx, actor)
    return await _me(request, tx, actor)


@router.get("/avatars/{name}", response_class=Response, dependencies=[Depends(Public("visitors see agents' faces; the name is random"))])
async def get_avatar(shared: Shared, name: Annotated[str, Path(max_length=41)]) -> Response:
    # Its own transaction instead of the request's: no connection is held while the content is read.
    async with shared.database.system() as tx:
        await service.require_shown(tx, name)
    content = await shared.storage.get(name)
    return Response(
        content,
        media_type=_TYPES["." + name.partition(".")[2]],
        headers={
            "Cache-Control": "public, max-age=31536000, immutable",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            # Widgets show it on pages of other sites.
            "Cross-Origin-Resource-Policy": "cross-origin",
        },
    )
