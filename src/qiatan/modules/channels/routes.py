"""The HTTP door of channels."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response

from qiatan.infra.http.guards import Public, Requires
from qiatan.infra.http.transactions import Shared, SystemTx, TenantTx
from qiatan.kit.access import AgentActor
from qiatan.kit.cursors import MAX_PAGE, Page
from qiatan.modules.channels import permissions, service
from qiatan.modules.channels.contracts import Channel, ChannelChange, ChannelView, NewChannel, WidgetConfig

router = APIRouter(prefix="/api/v1", tags=["channels"])

Viewer = Annotated[AgentActor, Depends(Requires(permissions.VIEW))]
Editor = Annotated[AgentActor, Depends(Requires(permissions.EDIT))]
CONFIG_SECONDS = 60


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


@router.get("/widget/{key}/config", dependencies=[Depends(Public("the widget's looks, for any page that shows it"))])
async def get_widget_config(tx: SystemTx, response: Response, key: Annotated[str, Path(max_length=64)]) -> WidgetConfig:
    channel = await service.find_by_key(tx, key)
    # Any page may read it, but never with cookies: there is nothing personal in it.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = f"public, max-age={CONFIG_SECONDS}"
    return service.widget_config(channel)


def _view(channel: Channel, public_url: str) -> ChannelView:
    values = channel.model_dump(exclude={"enterprise_id"})
    return ChannelView(**values, snippet=service.snippet(channel, public_url))
