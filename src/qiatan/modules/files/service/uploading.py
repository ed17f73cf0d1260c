"""Files on their way up: in parts, each kept whole, so that what arrived stays when the line breaks."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.infra.storage import Storage
from qiatan.kit.access import AgentActor, VisitorActor, require
from qiatan.kit.errors import BadRequest, NotFound
from qiatan.modules.files import permissions, rules
from qiatan.modules.files.contracts import FileKind, NewUpload, SentFile, Upload
from qiatan.modules.files.errors import ContentDiffers, UploadIncomplete, UploadMoved
from qiatan.modules.files.jobs import defer_removal
from qiatan.modules.files.models import FileRow, UploadRow
from qiatan.modules.files.repository import FileRepository, UploadRepository
from qiatan.modules.files.service.amounts import Origin, check_ceiling, count_sent
from qiatan.modules.files.service.uploaders import uploader_of

Uploader = AgentActor | VisitorActor

_GONE = "There is no such upload any more. Send the file again."


@dataclass(frozen=True, slots=True)
class Arrived:
    """All parts of a file, in order, and its name."""

    parts: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True)
class Assembled:
    """A whole file in its place, and what was found in it."""

    blob: str
    found: rules.Found


async def start_upload(tx: Tx, actor: Uploader, body: NewUpload, *, enterprise_bytes: int) -> Upload:
    """Begin to send a file up. Whether a visitor may is the caller's to check (F14: by the device).

    `enterprise_bytes`: how much all visitors of the enterprise, and as much all its agents, may send up within a day. What was only
    begun takes none of it: each part is counted as it comes (`add_part`).

    Raises:
        NotAllowed: an agent whose role lacks `files.send`.
        TooLarge, InvalidInput: above 50 MiB, or empty.
        QuotaReached: too many unfinished ones, or too much in a day.
    """
    _may(actor)
    rules.check_size(body.size)
    kind, uploader_id = uploader_of(actor)
    repository = UploadRepository(tx, tx.enterprise_id)
    await repository.claim_quota(kind, uploader_id)
    begun = await repository.begun_since(kind, uploader_id, tx.now - rules.UNFINISHED_FOR)
    rules.check_quota(
        rules.OF_AGENT if kind == "agent" else rules.OF_VISITOR,
        sum(unfinished for _, _, unfinished in begun),
        [(at, size) for at, size, _ in begun],
        body.size,
        tx.now,
    )
    await check_ceiling(tx, actor, enterprise_bytes, body.size)
    row = await repository.add(
        id=new_id(),
        uploader_kind=kind,
        uploader_id=uploader_id,
        name=rules.document_name(body.name),
        size=body.size,
        received=0,
        parts=[],
        created_at=tx.now,
        expires_at=tx.now + rules.UNFINISHED_FOR,
    )
    return _contract(row)


async def get_upload(tx: Tx, actor: Uploader, upload_id: UUID) -> Upload:
    """How far it is.

    Raises:
        NotFound: no such upload, somebody else's, cancelled or lapsed.
    """
    _may(actor)
    return _contract(await _own(tx, actor, upload_id))


async def add_part(tx: Tx, actor: Uploader, origin: Origin, upload_id: UUID, *, offset: int, part: str, size: int) -> Upload:
    """Note that a part is kept as `part`. When this raises, the caller gives the part up (`give_up`).

    Raises:
        NotFound: as `get_upload`.
        UploadMoved: the next part does not begin there.
        BadRequest: it came in 500 parts, and there are more.
        QuotaReached: their address or their enterprise would have sent too much today. The upload stays as it is.
    """
    _may(actor)
    row = await _own(tx, actor, upload_id, lock=True)
    if row.received != offset or row.received + size > row.size or row.file_id is not None:
        raise UploadMoved
    if len(row.parts) >= rules.MAX_PARTS:
        raise BadRequest("This file comes in too many small parts. Cancel it, and send it again in larger ones.")
    await count_sent(tx, actor, origin, size)
    row.received += size
    row.parts = [*row.parts, part]
    await tx.session.flush()
    return _contract(row)


async def cancel_upload(tx: Tx, actor: Uploader, upload_id: UUID) -> None:
    """Give an upload up, with what has arrived of it.

    Raises:
        NotFound: as `get_upload`.
    """
    _may(actor)
    await _cancel(tx, await _own(tx, actor, upload_id, lock=True))


async def cancel_differing(tx: Tx, actor: Uploader, upload_id: UUID) -> None:
    """Give up an upload that is not what was sent, unless it has become a file meanwhile, or is gone.

    Its parts never change, so it would be read for nothing each time somebody asks.
    """
    kind, uploader_id = uploader_of(actor)
    row = await UploadRepository(tx, tx.enterprise_id).living(upload_id, kind, uploader_id, tx.now, lock=True)
    if row is not None and row.file_id is None:
        await _cancel(tx, row)


async def _cancel(tx: Tx, row: UploadRow) -> None:
    await defer_removal(tx, row.parts)
    row.parts, row.cancelled_at = [], tx.now
    await tx.session.flush()


async def keep_part(storage: Storage, content: bytes) -> str:
    """Store a part under a random name, which is returned.

    Raises:
        StorageFull, StorageUnavailable: nothing is kept.
    """
    part = secrets.token_hex(16)
    await storage.put(part, content)
    return part


async def arrived(tx: Tx, actor: Uploader, upload_id: UUID) -> Arrived | SentFile:
    """What an upload that is here whole consists of, or the file it has become already.

    Raises:
        NotFound: as `get_upload`.
        UploadIncomplete: something is missing.
    """
    _may(actor)
    row = await _own(tx, actor, upload_id)
    if row.file_id is not None:
        return await _file(tx, row.file_id)
    if row.received != row.size:
        raise UploadIncomplete
    return Arrived(tuple(row.parts), row.name)


async def put_together(storage: Storage, whole: Arrived, *, sha256: str | None) -> Assembled:
    """Store the whole file and look at what it is. Slow, so it is done between transactions.

    Raises:
        ContentDiffers: `sha256` is another one than the content's; nothing was written, and the caller cancels the upload.
        NotFound, StorageFull, StorageUnavailable: nothing is kept.
    """
    if sha256 is not None:
        await _compare(storage, whole.parts, sha256)
    blob = secrets.token_hex(16)
    await storage.join(whole.parts, blob)
    try:
        head = b"".join([piece async for piece in storage.stream(blob, 0, rules.SNIFFED)])
    except BaseException:
        await storage.delete(blob)
        raise
    return Assembled(blob, rules.sniff(head, whole.name))


async def _compare(storage: Storage, parts: Sequence[str], sha256: str) -> None:
    digest = hashlib.sha256()
    for part in parts:
        async for piece in storage.stream(part):
            digest.update(piece)
    if not hmac.compare_digest(digest.hexdigest(), sha256):
        raise ContentDiffers.of("sha256", "mismatch", "What has arrived is not what was sent. Send the file again.")


async def finish_upload(tx: Tx, actor: Uploader, upload_id: UUID, assembled: Assembled) -> tuple[SentFile, bool]:
    """Make the file of an upload, and whether it is this one (else another call was faster, and the caller gives `assembled` up).

    Raises:
        NotFound: as `get_upload`.
    """
    _may(actor)
    row = await _own(tx, actor, upload_id, lock=True)
    if row.file_id is not None:
        return await _file(tx, row.file_id), False
    file = await FileRepository(tx, tx.enterprise_id).add(
        id=new_id(),
        kind=FileKind.FILE,
        uploader_kind=row.uploader_kind,
        uploader_id=row.uploader_id,
        blob=assembled.blob,
        name=row.name,
        content_type=assembled.found.content_type,
        size=row.size,
        risky=assembled.found.risky,
        created_at=tx.now,
    )
    await defer_removal(tx, row.parts)
    row.file_id, row.parts = file.id, []
    await tx.session.flush()
    return _sent(file), True


async def is_kept(tx: Tx, upload_id: UUID, blob: str) -> bool:
    """Whether an upload, or the file made of it, holds this content. Waits for whoever changes the upload at this moment.

    True also where the upload has lapsed and gone: what became of it is known by nobody.
    """
    row = await UploadRepository(tx, tx.enterprise_id).locked(upload_id)
    if row is None or blob in row.parts:
        return True
    file = None if row.file_id is None else await UploadRepository(tx, tx.enterprise_id).file_of(row.file_id)
    return file is not None and file.blob == blob


async def give_up(storage: Storage, blob: str) -> None:
    """Remove a content whose transaction failed."""
    await storage.delete(blob)


def _may(actor: Uploader) -> None:
    if isinstance(actor, AgentActor):
        require(actor, permissions.SEND)


async def _own(tx: Tx, actor: Uploader, upload_id: UUID, *, lock: bool = False) -> UploadRow:
    kind, uploader_id = uploader_of(actor)
    row = await UploadRepository(tx, tx.enterprise_id).living(upload_id, kind, uploader_id, tx.now, lock=lock)
    if row is None:
        raise NotFound(_GONE)
    return row


async def _file(tx: Tx, file_id: UUID) -> SentFile:
    row = await UploadRepository(tx, tx.enterprise_id).file_of(file_id)
    if row is None:
        raise NotFound(_GONE)
    return _sent(row)


def _sent(row: FileRow) -> SentFile:
    return SentFile(id=row.id, name=row.name, content_type=row.content_type, size=row.size, risky=row.risky)


def _contract(row: UploadRow) -> Upload:
    return Upload(id=row.id, name=row.name, size=row.size, offset=row.received, chunk_bytes=rules.CHUNK_BYTES, expires_at=row.expires_at)
