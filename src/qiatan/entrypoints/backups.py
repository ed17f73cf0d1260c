"""`qiatan backup`: what belongs into a backup of this program, by hand and by the schedule."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

import psycopg
import structlog

from qiatan.infra.backup import records
from qiatan.infra.backup.archive import clear_leftovers
from qiatan.infra.backup.format import BackupError, archive_name, moment_of
from qiatan.infra.backup.making import BlobColumn, Made, Wanted, make
from qiatan.infra.clock import SystemClock
from qiatan.infra.db import Database
from qiatan.infra.postgres import CLUSTER_DIR, MOVED_FILE, open_database
from qiatan.infra.resources import Resources
from qiatan.infra.secret_key import KEY_FILE
from qiatan.infra.settings import Settings
from qiatan.infra.setup_error import SetupError
from qiatan.infra.storage import LocalStorage, S3Storage, Storage
from qiatan.kit.errors import Fault

log = structlog.get_logger(__name__)

BLOBS = (
    BlobColumn("files", "blob", size="size", gone=("deleted_at", "emptied_at")),
    BlobColumn("files", "thumb_blob", gone=("deleted_at", "emptied_at")),
    BlobColumn("uploads", "parts", array=True, gone=("cancelled_at",)),
    BlobColumn("rich_pictures", "blob", size="size"),
    BlobColumn("agents", "avatar"),
)
"""Every column that names contents in the file storage (a test holds that none is missing)."""

Tell = Callable[[str, int, int], None]
"""Progress: what is done, how much, of how much (0 when nobody knows)."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the operator chose. `with_bucket`: whether files in a bucket are copied too. `accept_missing`: count it as a good one although
    files are missing, and later ones that lack no more."""

    with_key: bool = True
    with_bucket: bool = False
    accept_missing: bool = False


def directory_of(settings: Settings) -> Path:
    """Where backups go that nobody named a place for."""
    return settings.backup_dir or settings.data_dir / "backups"


def storage_of(settings: Settings) -> Storage:
    """Where this installation's files lie."""
    return S3Storage(settings.s3) if settings.s3 else LocalStorage(settings.data_dir / "files")


async def back_up(settings: Settings, target: Path | None, choice: Choice, tell: Tell) -> Made:
    """Make a backup, beside a running server or without one, that was read again to compare every sum.

    `target`: a file, or a directory that is there; None for the usual place. The database is not migrated for it, so that an upgrade can
    be prepared by it. One that lacks files is left there and says so (`Made.lack`). Raises `SetupError`.
    """
    if settings.database_url is None and not any((settings.data_dir / name).exists() for name in (CLUSTER_DIR, MOVED_FILE)):
        raise BackupError(f"there is nothing to back up in {settings.data_dir}: name the right directory with --data or DATA")
    path = _path(settings, target, SystemClock().now())
    async with open_database(settings) as url:
        database = Database(url, pool_size=1)
        try:
            noted = await _note_begin(database, path)
            try:
                made = await _make(settings, url, path, choice, tell)
                if noted is not None and not choice.accept_missing:
                    made = await _judged(settings, database, made)
            except BaseException as error:
                # Whatever ends it, Ctrl-C too: nothing else would ever end the row.
                await _note_end(database, noted, error=_reason(error))
                raise
            await _note_end(database, noted, made=made)
        finally:
            await database.dispose()
    return made


async def scheduled(resources: Resources) -> None:
    """Make the backup of the latest turn, once for all processes; a failure is noted, told, and tried again later.

    One that lacks files is a failure too, and waits for the next turn.
    """
    settings, at = resources.settings, resources.settings.backup_at
    if at is None:
        return
    turn = at.last_turn(resources.clock.now())
    async with resources.database.system() as tx:
        if await records.is_settled(tx, turn):
            return
    directory = directory_of(settings)
    path = directory / archive_name(resources.clock.now(), scheduled=True)
    async with records.turn_of_schedule(resources.database.url) as ours:
        if not ours:
            return
        async with resources.database.system() as tx:
            if await records.is_settled(tx, turn):
                return
            noted = await records.begin(tx, machine=socket.gethostname(), path=str(path), turn=turn)
        try:
            _make_directory(directory)
            for left in await asyncio.to_thread(clear_leftovers, directory):
                log.info("backup.leftover_removed", path=str(left))
            made = await _judged(settings, resources.database, await _make(settings, resources.database.url, path, Choice(), _silent))
        except (SetupError, Fault, OSError, psycopg.Error) as error:
            log.error("backup.failed", path=str(path), error=_reason(error))  # noqa: TRY400 -- the reason is a sentence for operators
            await _note_end(resources.database, noted, error=_reason(error))
            return
        await _note_end(resources.database, noted, made=made)
        async with resources.database.system() as tx:
            lacking = {Path(one) for one in await records.lacking(tx)}
    await asyncio.to_thread(_remove, lacking - {path}, path.parent)
    if made.lack is not None:
        # Nothing older is removed: what this one lacks is in one of those.
        log.error("backup.failed", path=str(path), error=made.lack)
        return
    log.info("backup.made", path=str(path), size=made.size, files=made.manifest.files, missing=made.manifest.missing)
    await asyncio.to_thread(_retain, settings, path)


async def _judged(settings: Settings, database: Database, made: Made) -> Made:
    """A good one lacks no more than the last good one did. A file that is new among the missing was there before, and may come back."""
    async with database.system() as tx:
        accepted = await records.accepted_missing(tx)
    missing, referred = made.manifest.missing, made.manifest.files + made.manifest.missing
    if missing <= accepted:
        return made
    where = f"the bucket {settings.s3.bucket}" if settings.s3 is not None else settings.data_dir / "files"
    if missing == referred:
        return replace(
            made, lack=f"none of the {missing} files that the database refers to are in {where}: see that it is the right one, and mounted"
        )
    names = ", ".join(made.manifest.missing_names[:3])
    return replace(
        made,
        lack=f"{missing} of the {referred} files that the database refers to are not in {where} ({names}{' …' if missing > 3 else ''}): "
        "bring them back from an older backup; if they are lost for good, run qiatan backup --accept-missing once",
    )


async def _make(settings: Settings, url: str, path: Path, choice: Choice, tell: Tell) -> Made:
    key, told = _key(settings, choice)
    in_bucket = settings.s3 is not None
    wanted = Wanted(
        url=url,
        path=path,
        blobs=BLOBS,
        storage=storage_of(settings) if choice.with_bucket or not in_bucket else None,
        bucket=settings.s3.bucket if settings.s3 is not None else None,
        key=key,
        key_told=told,
    )
    return await make(wanted, tell=tell, now=SystemClock().now)


def _path(settings: Settings, target: Path | None, moment: datetime) -> Path:
    name = archive_name(moment)
    if target is None:
        directory = directory_of(settings)
        _make_directory(directory)
        return directory / name
    target = target.expanduser().absolute()
    return target / name if target.is_dir() else target


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BackupError(f"cannot make {directory} ({error.strerror}): set BACKUP_DIR to a directory that you may write to") from error


def _key(settings: Settings, choice: Choice) -> tuple[bytes | None, str]:
    if settings.given_key is not None or settings.key_file is not None:
        return None, "elsewhere"
    path = settings.data_dir / KEY_FILE
    if not path.exists():
        return None, "none"
    if not choice.with_key:
        return None, "left_out"
    settings.secret_key()  # a key that others could read, or that is broken, is told now and not when it is needed
    return path.read_bytes(), "included"


def _retain(settings: Settings, newest: Path) -> None:
    """Remove the scheduled backups whose time is over: only after a good one, which stays whatever else is there."""
    if settings.backup_at is None:
        return
    found = {path: moment for path in newest.parent.iterdir() if (moment := moment_of(path.name)) is not None}
    kept = settings.backup_keep.kept(found.values(), settings.backup_at)
    _remove({path for path, moment in found.items() if path != newest and moment not in kept}, newest.parent)


def _remove(paths: Iterable[Path], directory: Path) -> None:
    """Those of them that lie in this directory: others are another machine's."""
    for path in paths:
        with suppress(FileNotFoundError):
            if path.parent == directory:
                path.unlink()
                log.info("backup.removed", path=str(path))


async def _note_begin(database: Database, path: Path) -> UUID | None:
    """One that was asked for is noted too, where the database knows the table already."""
    async with database.system() as tx:
        if not await records.are_noted(tx):
            return None
        return await records.begin(tx, machine=socket.gethostname(), path=str(path))


async def _note_end(database: Database, noted: UUID | None, *, made: Made | None = None, error: str | None = None) -> None:
    if noted is None:
        return
    try:
        async with database.system() as tx:
            if made is None:
                await records.end(tx, noted, error=error)
            else:
                missing = None if made.manifest.files_from == "none" else made.manifest.missing
                await records.end(tx, noted, size=made.size, missing=missing, error=made.lack)
    except Fault as fault:
        log.warning("backup.not_noted", error=fault.message)


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError):
        return "it was stopped before its end"
    told = error.message if isinstance(error, Fault) else str(error)
    return told.strip() or type(error).__name__


def _silent(stage: str, done: int, size: int) -> None:
    """Nobody looks."""


def with_url(settings: Settings, url: str) -> Settings:
    """The settings for work on this very database."""
    return replace(settings, database_url=url)


def free_bytes(directory: Path) -> int:
    """What this user may still write there."""
    space = os.statvfs(directory)
    return space.f_bavail * space.f_frsize
