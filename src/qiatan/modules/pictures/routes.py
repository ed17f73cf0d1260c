"""The HTTP door of pictures: they come in by the door of what they are for, and are looked at by their random id."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends, Response

from qiatan.infra.http.guards import Public
from qiatan.infra.http.transactions import Shared
from qiatan.modules.pictures import service

router = APIRouter(prefix="/api/v1", tags=["pictures"])


@router.get(
    "/reply-pictures/{picture_id}",
    response_class=Response,
    dependencies=[Depends(Public("visitors see the pictures of rich messages; the id is random"))],
)
async def get_reply_picture(shared: Shared, picture_id: UUID) -> Response:
    # Its own transaction instead of the request's: no connection is held while the content is read.
    async with shared.database.system() as tx:
        stored = await service.find(tx, picture_id)
    picture = await service.read(stored, storage=shared.storage)
    return Response(
        picture.content,
        media_type=picture.content_type,
        headers={
            "Cache-Control": "public, max-age=31536000, immutable",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            # Widgets show it on pages of other sites.
            "Cross-Origin-Resource-Policy": "cross-origin",
        },
    )
