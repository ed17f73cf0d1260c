"""Every query on files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, case, delete, func, or_, select, text, update

from qiatan.infra.db import Tx
from qiatan.modules.files.models import FileRow, UploadRow

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

    async def claim_quota(self) -> None:
        """Wait until nobody else of the enterprise counts what was sent, until the end of the transaction."""
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:who, 0))")
        await self._session.execute(lock, {"who": f"uploads:{self._enterprise_id}"})

    async def of_everybody_since(self, since: datetime) -> tuple[int, datetime | None]:
        """How many bytes the whole enterprise began to send up since then, and when the oldest of that was begun."""
        counted = case((UploadRow.cancelled_at.is_not(None), UploadRow.received), else_=UploadRow.size)
        query = select(func.coalesce(func.sum(counted), 0), func.min(UploadRow.created_at)).where(
            UploadRow.enterprise_id == self._enterprise_id, UploadRow.created_at > since
        )
        total, oldest = (await self._session.execute(query)).one()
        return int(total), oldest

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
