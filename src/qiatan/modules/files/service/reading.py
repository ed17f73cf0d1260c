"""Files of conversations: found, read, withdrawn."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.infra.pictures import THUMB_TYPE
from qiatan.infra.storage import Storage
from qiatan.modules.files import rules
from qiatan.modules.files.contracts import Blob, FileKind, Stored
from qiatan.modules.files.errors import FileExpired, FileNotFound
from qiatan.modules.files.jobs import defer_deletion
from qiatan.modules.files.repository import FileRepository


async def conversation_of(tx: Tx, file_id: UUID) -> UUID:
    """The conversation a picture or file was put into; whether that may be seen is the caller's to check.

    Raises:
        FileNotFound: no such file in this enterprise, in no conversation yet, or withdrawn.
    """
    row = await FileRepository(tx, tx.enterprise_id).attached(file_id)
    if row is None or row.conversation_id is None:
        raise FileNotFound
    return row.conversation_id


async def find_attached(tx: Tx, *, conversation_id: UUID, file_id: UUID) -> Stored:
    """A picture or file of this conversation.

    Raises:
        FileNotFound: no such file in this conversation, or it was withdrawn.
        FileExpired: its seven days are over (F14).
    """
    row = await FileRepository(tx, tx.enterprise_id).attached(file_id)
    if row is None or row.conversation_id != conversation_id:
        raise FileNotFound
    if row.expires_at is not None and row.expires_at <= tx.now:
        raise FileExpired
    return Stored(
        id=row.id,
        kind=FileKind(row.kind),
        blob=row.blob,
        thumb_blob=row.thumb_blob,
        name=row.name,
        content_type=row.content_type,
        size=row.size,
        risky=row.risky,
    )


async def read_picture(stored: Stored, *, storage: Storage, thumb: bool) -> Blob:
    """The content of a picture (`thumb`: small, else as it was kept).

    Raises:
        NotFound: it was given up meanwhile.
    """
    if thumb and stored.thumb_blob is not None:
        return Blob(content=await storage.get(stored.thumb_blob), content_type=THUMB_TYPE, name=rules.file_name(stored.name, THUMB_TYPE))
    return Blob(content=await storage.get(stored.blob), content_type=stored.content_type, name=stored.name)


async def remove_attached(tx: Tx, *, conversation_id: UUID, file_id: UUID) -> None:
    """Withdraw a picture or file: nobody can read it from the commit on, its contents are deleted soon after. Repeating changes nothing."""
    dropped = await FileRepository(tx, tx.enterprise_id).mark_deleted(file_id, conversation_id, tx.now)
    await defer_deletion(tx, dropped)
