"""Every query on files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, case, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from qiatan.infra.db import Tx
from qiatan.modules.files.models import FileRow, SentRow, UploadRow

Blobs = Sequence[Row[str, str | None]]
MAX_COUNTED = 5_000
"""Uploads of one person and day that are looked at, the newest. Programs may begin more: then the limits hold for these."""


class FileRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def add(self, **values: Any) -> FileRow:
        row = FileRow(enterprise_id=self._enterprise_id, **values)
        self._session.add(row)
        await self._session.flush()
        return row

    async def attach(
        self,
        file_id: UUID,
        *,
        kind: str,
        uploader_kind: str,
        uploader_id: UUID,
        conversation_id: UUID,
        client_message_id: UUID,
        now: datetime,
        expires_at: datetime | None,
    ) -> FileRow | None:
        """None unless the file is this uploader's and free, or in the same message already."""
        query = (
            update(FileRow)
            .where(
                FileRow.enterprise_id == self._enterprise_id,
                FileRow.id == file_id,
                FileRow.kind == kind,
                FileRow.uploader_kind == uploader_kind,
                FileRow.uploader_id == uploader_id,
                FileRow.deleted_at.is_(None),
                or_(FileRow.attached_at.is_(None), FileRow.client_message_id == client_message_id),
            )
            .values(
                conversation_id=conversation_id,
                client_message_id=client_message_id,
                attached_at=now,
                expires_at=func.coalesce(FileRow.expires_at, expires_at),
            )
            .returning(FileRow)
            .execution_options(populate_existing=True)
        )
        return (await self._session.execute(query)).scalar_one_or_none()

    async def attached(self, file_id: UUID) -> FileRow | None:
        query = select(FileRow).where(
            FileRow.enterprise_id == self._enterprise_id,
            FileRow.id == file_id,
            FileRow.attached_at.is_not(None),
            FileRow.deleted_at.is_(None),
        )
        return (await self._session.execute(query)).scalar_one_or_none()

    async def mark_deleted(self, file_id: UUID, conversation_id: UUID, now: datetime) -> Blobs:
        query = (
            update(FileRow)
            .where(
                FileRow.enterprise_id == self._enterprise_id,
                FileRow.id == file_id,
                FileRow.conversation_id == conversation_id,
                FileRow.deleted_at.is_(None),
            )
            .values(deleted_at=now)
            .returning(FileRow.blob, FileRow.thumb_blob)
        )
        return (await self._session.execute(query)).all()

    async def drop_oldest_unattached(self, uploader_kind: str, uploader_id: UUID, keep: int) -> Blobs:
        """Delete this uploader's free pictures but the newest `keep`."""
        free = and_(
            FileRow.enterprise_id == self._enterprise_id,
            FileRow.uploader_kind == uploader_kind,
            FileRow.uploader_id == uploader_id,
            FileRow.kind == "picture",
            FileRow.attached_at.is_(None),
        )
        old = select(FileRow.id).where(free).order_by(FileRow.created_at.desc(), FileRow.id.desc()).offset(keep)
        # `free` again: a file that is attached at this very moment must stay.
        query = delete(FileRow).where(free, FileRow.id.in_(old)).returning(FileRow.blob, FileRow.thumb_blob)
        return (await self._session.execute(query)).all()


class UploadRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def add(self, **values: Any) -> UploadRow:
        row = UploadRow(enterprise_id=self._enterprise_id, **values)
        self._session.add(row)
        await self._session.flush()
        return row

    async def claim_quota(self, uploader_kind: str, uploader_id: UUID) -> None:
        """Wait until this person begins no other upload, until the end of the transaction."""
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:who, 0))")
        await self._session.execute(lock, {"who": f"uploads:{self._enterprise_id}:{uploader_kind}:{uploader_id}"})

    async def begun_since(self, uploader_kind: str, uploader_id: UUID, since: datetime) -> Sequence[Row[datetime, int, bool]]:
        """What this person began since then, oldest first: when, how much counts, whether it is unfinished."""
        cancelled = UploadRow.cancelled_at.is_not(None)
        query = (
            select(
                UploadRow.created_at,
                case((cancelled, UploadRow.received), else_=UploadRow.size),
                and_(UploadRow.cancelled_at.is_(None), UploadRow.file_id.is_(None)),
            )
            .where(
                UploadRow.enterprise_id == self._enterprise_id,
                UploadRow.uploader_kind == uploader_kind,
                UploadRow.uploader_id == uploader_id,
                UploadRow.created_at > since,
            )
            .order_by(UploadRow.created_at.desc())
            .limit(MAX_COUNTED)
        )
        return (await self._session.execute(query)).all()[::-1]

    async def living(
        self, upload_id: UUID, uploader_kind: str, uploader_id: UUID, now: datetime, *, lock: bool = False
    ) -> UploadRow | None:
        """This person's upload that is neither cancelled nor lapsed."""
        query = select(UploadRow).where(
            UploadRow.enterprise_id == self._enterprise_id,
            UploadRow.id == upload_id,
            UploadRow.uploader_kind == uploader_kind,
            UploadRow.uploader_id == uploader_id,
            UploadRow.cancelled_at.is_(None),
            UploadRow.expires_at > now,
        )
        if lock:
            query = query.with_for_update().execution_options(populate_existing=True)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def locked(self, upload_id: UUID) -> UploadRow | None:
        """Whoever's it is, and however it ended."""
        query = select(UploadRow).where(UploadRow.enterprise_id == self._enterprise_id, UploadRow.id == upload_id)
        return (await self._session.execute(query.with_for_update())).scalar_one_or_none()

    async def file_of(self, file_id: UUID) -> FileRow | None:
        query = select(FileRow).where(FileRow.enterprise_id == self._enterprise_id, FileRow.id == file_id)
        return (await self._session.execute(query)).scalar_one_or_none()


class SentRepository:
    """Bytes that came, by source and hour: as many rows are read as there are hours, however much was sent."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def add(self, sources: Collection[str], hour: datetime, size: int) -> None:
        """Count so many more from each. Who counts from one of them waits for the end of the transaction."""
        # In one order everywhere, so that no two wait for each other.
        rows = [{"enterprise_id": self._enterprise_id, "source": source, "hour": hour, "bytes": size} for source in sorted(sources)]
        new = insert(SentRow).values(rows)
        counted = new.on_conflict_do_update(
            index_elements=[SentRow.enterprise_id, SentRow.source, SentRow.hour], set_={"bytes": SentRow.bytes + new.excluded.bytes}
        )
        await self._session.execute(counted)

    async def since(self, sources: Collection[str], since: datetime) -> dict[str, list[tuple[datetime, int]]]:
        """By source, what came in the hours that began after that time: which hour and how many bytes, oldest first."""
        query = (
            select(SentRow.source, SentRow.hour, SentRow.bytes)
            .where(SentRow.enterprise_id == self._enterprise_id, SentRow.source.in_(sources), SentRow.hour > since)
            .order_by(SentRow.hour)
        )
        found: dict[str, list[tuple[datetime, int]]] = {source: [] for source in sources}
        for source, hour, size in (await self._session.execute(query)).all():
            found[source].append((hour, size))
        return found


class FileSweep:
    """Finds what nobody used: only in a transaction across enterprises."""

    def __init__(self, tx: Tx) -> None:
        if not tx.is_system:
            raise RuntimeError("sweeps go across enterprises, in a system transaction")
        self._session = tx.session

    async def drop_unattached(self, before: datetime, limit: int) -> Blobs:
        old = (
            select(FileRow.enterprise_id, FileRow.id)
            .where(FileRow.attached_at.is_(None), FileRow.created_at < before)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("old")
        )
        query = (
            delete(FileRow)
            .where(FileRow.enterprise_id == old.c.enterprise_id, FileRow.id == old.c.id)
            .returning(FileRow.blob, FileRow.thumb_blob)
        )
        return (await self._session.execute(query)).all()

    async def empty_expired(self, now: datetime, limit: int) -> Blobs:
        """Give up the contents of files that have expired; that they were there stays known."""
        old = (
            select(FileRow.enterprise_id, FileRow.id)
            .where(FileRow.expires_at <= now, FileRow.emptied_at.is_(None))
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("old")
        )
        query = (
            update(FileRow)
            .where(FileRow.enterprise_id == old.c.enterprise_id, FileRow.id == old.c.id)
            .values(emptied_at=now)
            .returning(FileRow.blob, FileRow.thumb_blob)
        )
        return (await self._session.execute(query)).all()

    async def drop_lapsed_uploads(self, now: datetime, limit: int) -> Sequence[Sequence[str]]:
        """Remove uploads whose time is over; what is left of each are the names of its parts."""
        old = (
            select(UploadRow.enterprise_id, UploadRow.id)
            .where(UploadRow.expires_at <= now)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("old")
        )
        query = delete(UploadRow).where(UploadRow.enterprise_id == old.c.enterprise_id, UploadRow.id == old.c.id).returning(UploadRow.parts)
        return (await self._session.execute(query)).scalars().all()

    async def drop_old_counts(self, before: datetime, limit: int) -> int:
        """Remove what was counted in hours that began before that time, and how many of those there were."""
        old = (
            select(SentRow.enterprise_id, SentRow.source, SentRow.hour)
            .where(SentRow.hour <= before)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("old")
        )
        query = (
            delete(SentRow)
            .where(SentRow.enterprise_id == old.c.enterprise_id, SentRow.source == old.c.source, SentRow.hour == old.c.hour)
            .returning(SentRow.source)
        )
        return len((await self._session.execute(query)).all())
