"""The HTTP door of channels."""

from __future__ import annotations

import hashlib
from typing import Annotated
from uuid import UUID

import segno
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from qiatan.infra.http.guards import Public, Requires, address_of
from qiatan.infra.http.repeats import Repeatable
from qiatan.infra.http.transactions import Shared, SystemTx, TenantTx
from qiatan.kit.access import AgentActor
from qiatan.kit.addresses import address_group
from qiatan.kit.cursors import MAX_PAGE, Page
from qiatan.modules.channels import permissions, service
from qiatan.modules.channels.contracts import Channel, ChannelChange, ChannelView, NewChannel, WidgetConfig
from qiatan.modules.customers import service as customers
from qiatan.modules.customers.errors import Blocked

router = APIRouter(prefix="/api/v1", tags=["channels"], route_class=Repeatable)

Viewer = Annotated[AgentActor, Depends(Requires(permissions.VIEW))]
Editor = Annotated[AgentActor, Depends(Requires(permissions.EDIT))]


@router.get("/channels")
async def list_channels(
    actor: Viewer,
    tx: TenantTx,
    shared: Shared,
    after: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> Page[ChannelView]:
    page = await service.list_page(tx, actor, after=after, limit=limit)
    return Page(items=[_view(channel, shared.settings.public_url) for channel in page.items], next=page.next)


@router.get("/channels/{channel_id}")
async def get_channel(actor: Viewer, tx: TenantTx, shared: Shared, channel_id: UUID) -> ChannelView:
    return _view(await service.see(tx, actor, channel_id=channel_id), shared.settings.public_url)


@router.post("/channels", status_code=201)
async def create_channel(actor: Editor, tx: TenantTx, shared: Shared, new: NewChannel) -> ChannelView:
    return _view(await service.create(tx, actor, new), shared.settings.public_url)


@router.patch("/channels/{channel_id}")
async def change_channel(actor: Editor, tx: TenantTx, shared: Shared, channel_id: UUID, change: ChannelChange) -> ChannelView:
    return _view(await service.change(tx, actor, channel_id=channel_id, change=change), shared.settings.public_url)


@router.get(
    "/widget/{key}/config",
    response_model=WidgetConfig,
    responses={304: {"description": "The looks are those of the ETag the caller has."}},
    dependencies=[Depends(Public("the widget's looks, for any page that shows it"))],
)
async def get_widget_config(
    request: Request,
    tx: SystemTx,
    key: Annotated[str, Path(max_length=64)],
    if_none_match: Annotated[str | None, Header(max_length=1000)] = None,
) -> Response:
    channel = await service.find_by_key(tx, key)
    place = (channel.enterprise_id, address_group(address_of(request)))
    if await customers.closed_addresses(tx, {place}):
        raise Blocked
    body = service.widget_config(channel).model_dump_json().encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    # Any page may read it, but never with cookies: there is nothing personal in it. Asked for anew each time, so that a saved look
    # is seen at once; the answer is empty where nothing changed.
    headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, no-cache", "ETag": etag}
    if if_none_match is not None and etag in (part.strip().removeprefix("W/") for part in if_none_match.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _view(channel: Channel, public_url: str) -> ChannelView:
    values = channel.model_dump(exclude={"enterprise_id"})
    link = service.chat_link(channel, public_url)
    code = segno.make(link, error="m", micro=False).svg_data_uri(scale=4, border=2)
    return ChannelView(**values, snippet=service.snippet(channel, public_url), chat_link=link, chat_code=code)
