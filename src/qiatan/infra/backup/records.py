"""What the database knows of backups: who tried, when, and how it ended. All in transactions of the system role."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
from sqlalchemy import delete, func, insert, select, text, update

from qiatan.infra.backup.models import BackupRow
from qiatan.infra.backup_schedule import RETRY_PAUSES
from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx

KEPT_FOR = timedelta(days=400)
LONGEST_ERROR = 500
_ONE_AT_A_TIME = 742827
"""An advisory lock: whoever makes a scheduled backup holds it until the end, or until its process dies."""
_ENDED_WITHOUT_A_WORD = "the process ended before the backup did"

# Asked of databases of before 0029 too, where whoever upgrades makes a backup first: they lack the column, and a row as JSON a key at most.
_ACCEPTED = text(
    """
    SELECT CAST(to_jsonb(b) ->> 'missing' AS integer)
      FROM backups b WHERE b.ok AND to_jsonb(b) ->> 'missing' IS NOT NULL ORDER BY b.started_at DESC, b.id DESC LIMIT 1
    """
)
_COUNTS_MISSING = text(
    "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('public.backups') AND attname = 'missing' AND NOT attisdropped)"
)


@dataclass(frozen=True, slots=True)
class Backup:
    """One attempt. `due_at`: the turn of the schedule, None when somebody asked for it. `ok` is None while it runs. `size` in bytes."""

    id: UUID
    due_at: datetime | None
    started_at: datetime
    ended_at: datetime | None
    ok: bool | None
    machine: str
    path: str
    size: int | None
    error: str | None


async def last_backups(tx: Tx, *, limit: int = 10) -> list[Backup]:
    """The latest attempts, newest first: of the schedule and by hand, good and failed. One that runs may also be one whose process died."""
    query = select(BackupRow).order_by(BackupRow.started_at.desc(), BackupRow.id.desc()).limit(limit)
    return [_told(row) for row in (await tx.session.execute(query)).scalars()]


async def last_good_backup(tx: Tx) -> Backup | None:
    """The newest that ended well; None when there was never one, or not for 400 days."""
    query = select(BackupRow).where(BackupRow.ok.is_(True)).order_by(BackupRow.started_at.desc(), BackupRow.id.desc()).limit(1)
    row = (await tx.session.execute(query)).scalar_one_or_none()
    return None if row is None else _told(row)


async def is_settled(tx: Tx, turn: datetime) -> bool:
    """Whether nothing is to be done for a turn now: it went well, its backup lacks files, or it failed and its next try is not due."""
    tries = (await tx.session.execute(select(BackupRow).where(BackupRow.due_at == turn))).scalars().all()
    # One that lacks files is as good as it gets that night: another try would take a whole dump and lack the same.
    if any(row.ok or row.missing for row in tries):
        return True
    ended = [row.ended_at for row in tries if row.ended_at is not None]
    if not ended:
        return False
    return len(ended) > len(RETRY_PAUSES) or max(ended) + RETRY_PAUSES[len(ended) - 1] > tx.now


async def begin(tx: Tx, *, machine: str, path: str, turn: datetime | None = None) -> UUID:
    """Note that an attempt begins. Of a turn of the schedule: whoever calls holds `turn_of_schedule`, so what still runs there is dead."""
    if turn is not None:
        dead = update(BackupRow).where(BackupRow.due_at.is_not(None), BackupRow.ok.is_(None))
        await tx.session.execute(dead.values(ok=False, ended_at=tx.now, error=_ENDED_WITHOUT_A_WORD))
    await tx.session.execute(delete(BackupRow).where(BackupRow.started_at < tx.now - KEPT_FOR))
    backup_id = new_id()
    # Names its columns, and no newer one: see `_ACCEPTED`.
    await tx.session.execute(insert(BackupRow).values(id=backup_id, due_at=turn, started_at=tx.now, machine=machine, path=path))
    return backup_id


async def end(tx: Tx, backup_id: UUID, *, size: int | None = None, missing: int | None = None, error: str | None = None) -> None:
    """Note how it ended: well, with so many bytes, or not, and why. `missing`: files that are not in it, of those that belong into it."""
    query = update(BackupRow).where(BackupRow.id == backup_id, BackupRow.ok.is_(None))
    if missing is not None and (await tx.session.execute(_COUNTS_MISSING)).scalar_one():
        query = query.values(missing=missing)
    await tx.session.execute(query.values(ok=error is None, ended_at=tx.now, size=size, error=error[:LONGEST_ERROR] if error else None))


async def accepted_missing(tx: Tx) -> int:
    """How many files a backup may lack and be good: as many as the last good one with files did. Only a person accepts more."""
    return (await tx.session.execute(_ACCEPTED)).scalar_one_or_none() or 0


async def lacking(tx: Tx) -> list[str]:
    """Paths of scheduled backups that are there and no good ones, as files are missing in them."""
    query = select(BackupRow.path).where(BackupRow.due_at.is_not(None), BackupRow.ok.is_(False), BackupRow.missing > 0)
    return list((await tx.session.execute(query)).scalars())


async def are_noted(tx: Tx) -> bool:
    """Whether this database has the table; one of an older version does not."""
    return (await tx.session.execute(select(func.to_regclass("public.backups").is_not(None)))).scalar_one()


@asynccontextmanager
async def turn_of_schedule(url: str) -> AsyncIterator[bool]:
    """Whether the block may make the scheduled backup: one at a time does, however many processes and machines there are."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=10) as connection:
        row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", (_ONE_AT_A_TIME,))).fetchone()
        yield row == (True,)


def _told(row: BackupRow) -> Backup:
    return Backup(row.id, row.due_at, row.started_at, row.ended_at, row.ok, row.machine, row.path, row.size, row.error)
