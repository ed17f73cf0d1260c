"""Use cases on pictures of rich texts. Who may bring one is checked by the caller, which owns what it is for."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.infra.pictures import Picture, sanitize
from qiatan.infra.storage import Storage
from qiatan.kit.errors import FieldProblem, InvalidInput, NotFound, TooLarge
from qiatan.kit.rich_text import RichDocument, RichPicture, picture_ids
from qiatan.modules.pictures.contracts import KeptPicture, PictureContent, StoredPicture
from qiatan.modules.pictures.jobs import defer_deletion
from qiatan.modules.pictures.repository import PictureDirectory, PictureRepository

MAX_BYTES = 5 * 1024 * 1024
MAX_SIDE = 1600
MAX_FREE = 100
"""How many pictures an agent may have brought that are in nothing yet."""

_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture made harmless, with its random id and the name its content will lie under."""

    id: UUID
    picture: Picture
    blob: str


async def prepare(content: bytes, *, enterprise_id: UUID) -> Prepared:
    """Check, turn, scale and encode a picture, when it is the enterprise's turn. Slow, so it is done before a transaction is opened.

    Raises:
        TooLarge: more than 5 MiB or 50 million pixels.
        NotAPicture: another kind of file, or a broken one.
        Busy: too many of the enterprise wait already.
    """
    if len(content) > MAX_BYTES:
        raise TooLarge(f"This is larger than {MAX_BYTES // 1024 // 1024} MiB. Send something smaller.")
    picture = await sanitize(content, max_side=MAX_SIDE, whose=(enterprise_id, "agent"))
    # The id alone opens it, so all of it is random: 122 bits, where ids that sort by time would have 74.
    picture_id = UUID(bytes=secrets.token_bytes(16), version=4)
    return Prepared(picture_id, picture, picture_id.hex + _SUFFIXES[picture.content_type])


async def store(storage: Storage, prepared: Prepared) -> None:
    """Store the content. A storage may take its time, so it is done before a transaction is opened.

    When the transaction fails, the caller gives the content up with `discard`.

    Raises:
        StorageFull, StorageUnavailable: nothing is kept.
    """
    await storage.put(prepared.blob, prepared.picture.content)


async def keep(tx: Tx, *, uploader_id: UUID, prepared: Prepared) -> KeptPicture:
    """Keep a picture that is stored already (`store`) and in nothing yet. Of more than 100 such ones by the same agent the oldest go."""
    picture = prepared.picture
    pictures = PictureRepository(tx, tx.enterprise_id)
    await pictures.add(
        id=prepared.id,
        uploader_id=uploader_id,
        blob=prepared.blob,
        content_type=picture.content_type,
        size=len(picture.content),
        width=picture.width,
        height=picture.height,
        created_at=tx.now,
        freed_at=tx.now,
    )
    await defer_deletion(tx, await pictures.drop_oldest_free(uploader_id, MAX_FREE))
    return KeptPicture(id=prepared.id, width=picture.width, height=picture.height)


async def discard(storage: Storage, prepared: Prepared) -> None:
    """Remove a content whose transaction failed."""
    await storage.delete(prepared.blob)


async def settled(tx: Tx, document: RichDocument, *, field: str = "document") -> RichDocument:
    """The document with the true measures of its pictures, none of which can go before the end of this transaction.

    Raises:
        InvalidInput: `unknown_picture`, naming each that is not there.
    """
    ids = picture_ids(document)
    if not ids:
        return document
    found = {row.id: row for row in await PictureRepository(tx, tx.enterprise_id).pinned(ids)}
    problems = [
        FieldProblem(f"{field}.blocks.{at}.id", "unknown_picture", "This picture is not there any more. Take it out, or add it anew.")
        for at, block in enumerate(document.blocks)
        if isinstance(block, RichPicture) and block.id not in found
    ]
    if problems:
        raise InvalidInput(fields=tuple(problems))
    blocks = [
        block.model_copy(update={"width": found[block.id].width, "height": found[block.id].height})
        if isinstance(block, RichPicture)
        else block
        for block in document.blocks
    ]
    return RichDocument(blocks=blocks)


async def hold(tx: Tx, *, holder_id: UUID, document: RichDocument | None) -> None:
    """From now on this holds the pictures of the document (of which `settled` has made sure), and no others."""
    pictures = PictureRepository(tx, tx.enterprise_id)
    wanted = set(picture_ids(document)) if document is not None else set()
    held = await pictures.held_by(holder_id)
    if wanted - held:
        await pictures.hold(holder_id, wanted - held)
    if held - wanted:
        await pictures.release(holder_id, held - wanted, tx.now)


async def forget(tx: Tx, *, holder_id: UUID) -> None:
    """This holds nothing any more, and what nothing else holds can be read by nobody from now on.

    What is being put into something at this very moment stays, and so does what was sent before messages held their pictures.
    """
    pictures = PictureRepository(tx, tx.enterprise_id)
    held = await pictures.held_by(holder_id)
    if held:
        await pictures.release(holder_id, held, tx.now)
        await defer_deletion(tx, await pictures.drop_unheld(held))


async def find(tx: Tx, picture_id: UUID) -> StoredPicture:
    """Where a picture lies, by its random id. Needs a system transaction.

    Raises:
        NotFound: there is none (any more).
    """
    row = await PictureDirectory(tx).find(picture_id)
    if row is None:
        raise NotFound
    return StoredPicture(blob=row.blob, content_type=row.content_type)


async def read(stored: StoredPicture, *, storage: Storage) -> PictureContent:
    """What a picture shows; outside of transactions, which would wait for the storage too.

    Raises:
        NotFound: it was given up meanwhile.
        StorageUnavailable: the storage does not answer.
    """
    return PictureContent(content=await storage.get(stored.blob), content_type=stored.content_type)
