"""Every query on files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, delete, or_, select, update

from qiatan.infra.db import Tx
from qiatan.modules.files.models import FileRow

Blobs = Sequence[Row[str, str | None]]


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
        uploader_kind: str,
        uploader_id: UUID,
        conversation_id: UUID,
        client_message_id: UUID,
        now: datetime,
    ) -> FileRow | None:
        """None unless the file is this uploader's and free, or in the same message already."""
        query = (
            update(FileRow)
            .where(
                FileRow.enterprise_id == self._enterprise_id,
                FileRow.id == file_id,
                FileRow.uploader_kind == uploader_kind,
                FileRow.uploader_id == uploader_id,
                FileRow.deleted_at.is_(None),
                or_(FileRow.attached_at.is_(None), FileRow.client_message_id == client_message_id),
            )
            .values(conversation_id=conversation_id, client_message_id=client_message_id, attached_at=now)
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
        """Delete this uploader's free files but the newest `keep`."""
        free = and_(
            FileRow.enterprise_id == self._enterprise_id,
            FileRow.uploader_kind == uploader_kind,
            FileRow.uploader_id == uploader_id,
            FileRow.attached_at.is_(None),
        )
        old = select(FileRow.id).where(free).order_by(FileRow.created_at.desc(), FileRow.id.desc()).offset(keep)
        # `free` again: a file that is attached at this very moment must stay.
        query = delete(FileRow).where(free, FileRow.id.in_(old)).returning(FileRow.blob, FileRow.thumb_blob)
        return (await self._session.execute(query)).all()


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
