"""Pictures: made harmless, kept, put into messages."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.infra.pictures import MAX_PIXELS, THUMB_TYPE, Picture, sanitize
from qiatan.infra.storage import Storage
from qiatan.kit.access import AgentActor, VisitorActor, require
from qiatan.kit.errors import TooLarge
from qiatan.modules.files import permissions, rules
from qiatan.modules.files.contracts import File, FileKind
from qiatan.modules.files.errors import FileNotFound
from qiatan.modules.files.jobs import defer_deletion
from qiatan.modules.files.models import FileRow
from qiatan.modules.files.repository import FileRepository
from qiatan.modules.files.service.amounts import Origin, count_sent
from qiatan.modules.files.service.uploaders import uploader_of

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS_OF_VISITOR = 25_000_000
"""A long screenshot, or three large screens. Anybody can be a visitor, and a picture of two kilobytes can have any number of pixels."""
MAX_SIDE = 2560
THUMB_SIDE = 480
MAX_UNATTACHED = 20


@dataclass(frozen=True, slots=True)
class PreparedPicture:
    """A picture made harmless, with the random names its contents will lie under."""

    name: str
    picture: Picture
    blob: str
    thumb_blob: str


async def prepare_picture(actor: AgentActor | VisitorActor, name: str, content: bytes) -> PreparedPicture:
    """Check, turn, scale and encode a picture. Slow, so it is done before a transaction is opened.

    Raises:
        TooLarge: more than 10 MiB or 50 million pixels; of a visitor, 25 million, but for photographs.
        NotAPicture: another kind of file, or a broken one.
        Busy: too many of the enterprise's agents, or of its visitors, wait already.
    """
    if len(content) > MAX_BYTES:
        raise TooLarge(f"This is larger than {MAX_BYTES // 1024 // 1024} MiB. Send something smaller.")
    kind, _ = uploader_of(actor)
    most = MAX_PIXELS if kind == "agent" else MAX_PIXELS_OF_VISITOR
    picture = await sanitize(content, max_side=MAX_SIDE, thumb_side=THUMB_SIDE, max_pixels=most, whose=(actor.enterprise_id, kind))
    return PreparedPicture(
        name=rules.file_name(name, picture.content_type),
        picture=picture,
        blob=secrets.token_hex(16) + rules.EXTENSIONS[picture.content_type],
        thumb_blob=secrets.token_hex(16) + rules.EXTENSIONS[THUMB_TYPE],
    )


async def store_picture(storage: Storage, prepared: PreparedPicture) -> None:
    """Store the contents. A storage may take its time, so it is done before a transaction is opened.

    When this or the transaction fails, the caller gives the contents up with `discard`.

    Raises:
        StorageFull, StorageUnavailable: not all of it is kept.
    """
    await storage.put(prepared.blob, prepared.picture.content)
    if prepared.picture.thumb is not None:
        await storage.put(prepared.thumb_blob, prepared.picture.thumb)


async def upload_picture(tx: Tx, actor: AgentActor | VisitorActor, origin: Origin, *, prepared: PreparedPicture) -> File:
    """Keep a picture that is stored already (`store_picture`) for its uploader, until it is put into a conversation.

    Of more than 20 such ones the oldest go.

    Raises:
        NotAllowed: an agent whose role lacks `files.send`.
        QuotaReached: they, their address or their enterprise would have sent too much today.
    """
    if isinstance(actor, AgentActor):
        require(actor, permissions.SEND)
    kind, uploader_id = uploader_of(actor)
    picture = prepared.picture
    await count_sent(tx, actor, origin, len(picture.content) + len(picture.thumb or b""), pictures=True)
    repository = FileRepository(tx, tx.enterprise_id)
    row = await repository.add(
        id=new_id(),
        kind=FileKind.PICTURE,
        uploader_kind=kind,
        uploader_id=uploader_id,
        blob=prepared.blob,
        thumb_blob=prepared.thumb_blob if picture.thumb is not None else None,
        name=prepared.name,
        content_type=picture.content_type,
        size=len(picture.content),
        width=picture.width,
        height=picture.height,
        created_at=tx.now,
    )
    await defer_deletion(tx, await repository.drop_oldest_unattached(kind, uploader_id, MAX_UNATTACHED))
    return _contract(row)


async def discard(storage: Storage, prepared: PreparedPicture) -> None:
    """Remove contents that were not stored whole, or whose transaction failed."""
    await storage.delete(prepared.blob)
    await storage.delete(prepared.thumb_blob)


async def attach(tx: Tx, actor: AgentActor | VisitorActor, *, file_id: UUID, conversation_id: UUID, client_message_id: UUID) -> File:
    """Put the actor's own picture into a conversation, as part of one message.

    Safe to repeat with the same message; if that message has to go into another conversation after all (the first one ended), the
    picture goes along.

    Raises:
        FileNotFound: no such picture, somebody else's, withdrawn, or in another message already.
    """
    kind, uploader_id = uploader_of(actor)
    row = await FileRepository(tx, tx.enterprise_id).attach(
        file_id,
        kind=FileKind.PICTURE,
        uploader_kind=kind,
        uploader_id=uploader_id,
        conversation_id=conversation_id,
        client_message_id=client_message_id,
        now=tx.now,
        expires_at=None,
    )
    if row is None:
        raise FileNotFound
    return _contract(row)


def _contract(row: FileRow) -> File:
    if row.width is None or row.height is None:
        raise FileNotFound
    return File(id=row.id, name=row.name, content_type=row.content_type, size=row.size, width=row.width, height=row.height)
