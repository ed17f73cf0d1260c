"""How pictures and files of conversations are handed out, to either side."""

from __future__ import annotations

from fastapi import Request, Response

from qiatan.infra.http.downloads import file_response, picture_response
from qiatan.infra.resources import Resources
from qiatan.modules.files import service as files
from qiatan.modules.files.contracts import FileKind, Stored


async def handed_out(request: Request, shared: Resources, stored: Stored, *, thumb: bool) -> Response:
    """A picture to be shown in the conversation; of a file what was asked for, to be saved."""
    if stored.kind is FileKind.PICTURE:
        return picture_response(await files.read_picture(stored, storage=shared.storage, thumb=thumb))
    return await file_response(stored, shared.storage, request.headers.get("range"), shown_as=None, corp="same-origin")
