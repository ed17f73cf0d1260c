"""Signed addresses of files: for what a browser fetches by itself (a player, a download), from an origin that has no session."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.infra.sealing import Sealer
from qiatan.modules.files import rules
from qiatan.modules.files.contracts import FileLink
from qiatan.modules.files.errors import FileNotFound
from qiatan.modules.files.service.reading import find_attached

_PURPOSE = "file-link"


async def make_link(tx: Tx, *, sealer: Sealer, origin: str, conversation_id: UUID, file_id: UUID, download: bool) -> FileLink:
    """An address that anybody can read the file by for 15 minutes; `download`: it is saved, and never shown.

    `origin` is where files are served from. Whether the conversation may be seen is the caller's to check.

    Raises:
        FileNotFound, FileExpired: as `find_attached`.
    """
    stored = await find_attached(tx, conversation_id=conversation_id, file_id=file_id)
    expires_at = int((tx.now + rules.LINK_FOR).timestamp())
    message = rules.packed(rules.FileAddress(tx.enterprise_id, conversation_id, file_id, expires_at, download))
    token = base64.urlsafe_b64encode(message + sealer.sign(message, purpose=_PURPOSE)).rstrip(b"=").decode()
    preview = None if download else rules.preview_of(stored.content_type)
    url = f"{origin}/files/{token}"
    return FileLink(
        url=url,
        view_url=f"{url}/view" if preview else None,
        preview=preview,
        expires_at=datetime.fromtimestamp(expires_at, UTC),
    )


def open_link(token: str, *, sealer: Sealer, now: datetime) -> rules.FileAddress:
    """What a signed address speaks of. Whether the file is still there is asked after, with `find_attached`.

    Raises:
        FileNotFound: it was not made here, was changed, or has lapsed.
    """
    parts = rules.split(token)
    if parts is None or not sealer.signed(*parts, purpose=_PURPOSE):
        raise FileNotFound("This address of a file is not right. Open the conversation and the file again.")
    address = rules.unpacked(parts[0])
    if address is None or address.expires_at <= now.timestamp():
        raise FileNotFound("This address of a file has lapsed. Open the conversation and the file again.")
    return address
