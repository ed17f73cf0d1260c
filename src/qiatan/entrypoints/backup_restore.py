"""`qiatan restore` and `qiatan backup verify`: a backup brought up again, in earnest or on trial. Nothing is changed until all is well."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from qiatan.entrypoints import chains
from qiatan.entrypoints.backup_trial import start_and_ask
from qiatan.entrypoints.backups import BLOBS, Tell, free_bytes, storage_of, with_url
from qiatan.infra.backup.archive import check
from qiatan.infra.backup.format import BackupError, Manifest
from qiatan.infra.backup.restoring import absent_files, files_of, load, unpack
from qiatan.infra.clock import SystemClock
from qiatan.infra.db.migrate import UnfitDatabase, head, upgrade
from qiatan.infra.postgres import CLUSTER_DIR, MOVED_FILE, ClusterInUse, EmbeddedPostgres, holder_of, make_scratch_dir, require_supported
from qiatan.infra.postgres.lock import DirectoryLock
from qiatan.infra.postgres.server import ensure_data_dir
from qiatan.infra.secret_key import KEY_FILE
from qiatan.infra.settings import Settings

_DATABASE = (CLUSTER_DIR, MOVED_FILE)
_SPARE_BYTES = 64 * 1024 * 1024
_STAGE = ".restoring"


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it, for the operator.

    kept: where the former data lie. revision: what the database is at now. broken_chains: enterprises whose audit log is not whole.
    absent: contents that the database refers to and the backup does not hold.
    """

    manifest: Manifest
    revision: str
    kept: Path | None = None
    broken_chains: tuple[str, ...] = ()
    absent: int = 0


async def restore(settings: Settings, path: Path, *, replace: bool, tell: Tell) -> Report:
    """Bring a backup back into `DATA`, and into the embedded PostgreSQL or the empty database of DATABASE_URL.

    All is made ready in a directory beside what is there, started and asked; then it takes its place. `replace` moves what is there away,
    below DATA under a name that tells the time; an external database must be an empty one in any case.

    Raises:
        BackupError: the backup is broken, of a newer version, or too large for the disk; or there is something already.
        SetupError: the directory is in use, or cannot be written to.
    """
    data = settings.data_dir
    embedded = settings.database_url is None
    _require_idle(data)
    _require_free_place(settings, replace=replace)
    _require_movable(data, embedded=embedded)
    manifest = await asyncio.to_thread(_examine, path, tell)
    ensure_data_dir(data)
    lock = DirectoryLock(data)
    lock.acquire(wait_seconds=0)
    stage = data / _STAGE
    try:
        _clear(stage)
        ensure_data_dir(stage)
        _require_space(data, manifest, embedded=embedded)
        await asyncio.to_thread(unpack, path, stage, tell=lambda done, size: tell("files", done, size))
        await _restore_database(settings, stage, path, manifest, tell)
        await _prove(settings, stage, path, manifest, tell)
        kept = _take_place(data, stage, SystemClock().now(), embedded=embedded)
    finally:
        _clear(stage)
        lock.release()
    return Report(manifest, head(), kept)


async def verify(settings: Settings, path: Path, *, trial: bool, tell: Tell) -> Report:
    """Compare every sum of a backup; on `trial` also bring it up in a cluster of its own, which is removed again, and start it there."""
    manifest = await asyncio.to_thread(_examine, path, tell)
    if not trial:
        return Report(manifest, manifest.revision, absent=manifest.missing)
    scratch = make_scratch_dir()
    try:
        _require_space(scratch, manifest, embedded=True)
        postgres = EmbeddedPostgres(scratch, durable=False)
        url = await postgres.start()
        try:
            await asyncio.to_thread(load, path, manifest, url, tell=lambda done, size: tell("database", done, size))
            absent = await asyncio.to_thread(absent_files, path, url, BLOBS) if manifest.files_from != "none" else 0
            await asyncio.to_thread(_migrate, url)
            found = await chains.verify(with_url(settings, url))
        finally:
            await postgres.stop()
        tell("start", 0, 0)
        await asyncio.to_thread(start_and_ask, scratch, None)
    finally:
        _clear(scratch)
    broken = tuple(f"{chain.name}: {chain.said}" for chain in found if not chain.whole)
    return Report(manifest, head(), broken_chains=broken, absent=absent)


def _examine(path: Path, tell: Tell) -> Manifest:
    manifest = check(path, tell=lambda done, size: tell("sums", done, size))
    if manifest.revision > head():
        raise BackupError(
            f"{path} is of Qiatan {manifest.program} (schema {manifest.revision}), and this older one knows {head()}: "
            f"bring it back with {manifest.program} or newer"
        )
    return manifest


def _migrate(url: str) -> None:
    try:
        # What was brought back is nobody's yet: rows of processes in it tell of another place and time.
        upgrade(url, finish=True)
    except UnfitDatabase as error:
        raise BackupError(str(error)) from error


async def _restore_database(settings: Settings, stage: Path, path: Path, manifest: Manifest, tell: Tell) -> None:
    told: Callable[[int, int], None] = lambda done, size: tell("database", done, size)  # noqa: E731 -- one line of it
    if settings.database_url is not None:
        await require_supported(settings.database_url)
        await asyncio.to_thread(load, path, manifest, settings.database_url, tell=told)
        return
    postgres = EmbeddedPostgres(stage)
    url = await postgres.start()
    try:
        await asyncio.to_thread(load, path, manifest, url, tell=told)
        await asyncio.to_thread(_migrate, url)
    finally:
        await postgres.stop()


async def _prove(settings: Settings, stage: Path, path: Path, manifest: Manifest, tell: Tell) -> None:
    """Start the program on it. An external database is filled by now, which a failure must say."""
    try:
        if settings.database_url is not None:
            await asyncio.to_thread(_migrate, settings.database_url)
        tell("start", 0, 0)
        await asyncio.to_thread(start_and_ask, stage, settings.database_url)
        if settings.s3 is not None:
            await _into_bucket(settings, path, manifest, tell)
            shutil.rmtree(stage / "files", ignore_errors=True)
    except BackupError as error:
        if settings.database_url is None:
            raise
        raise BackupError(
            f"{error}. The database of DATABASE_URL holds what was brought back, DATA was not changed: look into it, or drop it"
        ) from error


async def _into_bucket(settings: Settings, path: Path, manifest: Manifest, tell: Tell) -> None:
    """Files of the backup go where this installation keeps its files; names are random, so nothing is in their way."""
    storage = storage_of(settings)
    for number, member in enumerate(files_of(path), start=1):
        await storage.put(member.name, b"".join(member.read()))
        tell("bucket", number, manifest.files)


def _parts(*, embedded: bool) -> tuple[str, ...]:
    """What of DATA a restore is about: an external database leaves what lies there of an embedded one alone."""
    return (*(_DATABASE if embedded else ()), "files", KEY_FILE)


def _require_idle(data: Path) -> None:
    holder = holder_of(data) if data.is_dir() else None
    if holder is not None:
        raise ClusterInUse(data, holder.pid)


def _occupying(data: Path, *, embedded: bool) -> list[str]:
    """What of an installation is there already."""
    return [name for name in _parts(embedded=embedded) if (data / name).exists() and not _is_empty(data / name)]


def _require_free_place(settings: Settings, *, replace: bool) -> None:
    found = _occupying(settings.data_dir, embedded=settings.database_url is None)
    if found and not replace:
        raise BackupError(
            f"{settings.data_dir} is not empty ({', '.join(found)}): name an empty directory with --into, "
            "or give --replace, which keeps what is there under another name"
        )


def _require_movable(data: Path, *, embedded: bool) -> None:
    """A restore renames what is there, and no system renames what is mounted."""
    mounted = [str(data / name) for name in _parts(embedded=embedded) if (data / name).is_mount()]
    if mounted:
        raise BackupError(
            f"{', '.join(mounted)} is a file system of its own, which cannot be moved away: unmount it, or name an empty directory with "
            "--into and copy what comes there afterwards. Nothing was changed"
        )


def _require_space(directory: Path, manifest: Manifest, *, embedded: bool) -> None:
    needed = manifest.files_bytes + (manifest.database_bytes if embedded else 0) + _SPARE_BYTES
    free = free_bytes(directory)
    if free < needed:
        raise BackupError(
            f"this backup needs about {needed // 2**20} MiB, and the disk of {directory} has {free // 2**20} MiB free: "
            "free some, or use a directory on another disk. Nothing was changed"
        )


def _take_place(data: Path, stage: Path, now: datetime, *, embedded: bool) -> Path | None:
    """Move the former data away and the new ones in: renames on one disk, which nothing interrupts for long.

    Raises:
        BackupError: a rename was refused. Those before it were undone, unless the error says otherwise.
    """
    names = _parts(embedded=embedded)
    fresh = [name for name in names if (stage / name).exists()]
    # A key is given up only for another one: a backup without it is often brought back where the key still is.
    former = [name for name in names if (data / name).exists() and (name != KEY_FILE or name in fresh)]
    kept = data / f"before-restore-{now:%Y%m%dT%H%M%SZ}" if former else None
    moves = [(data / name, kept / name) for name in former] if kept is not None else []
    moves += [(stage / name, data / name) for name in fresh]
    done: list[tuple[Path, Path]] = []
    try:
        if kept is not None:
            kept.mkdir(mode=0o711)
        for source, target in moves:
            source.rename(target)
            done.append((source, target))
    except OSError as error:
        left = _undo(done)
        if kept is not None and kept.exists() and not left:
            kept.rmdir()
        now_what = f"Move back by hand: {'; '.join(left)}" if left else f"{data} is as it was"
        raise BackupError(f"cannot move {error.filename} to {error.filename2 or data} ({error.strerror}). {now_what}") from error
    return kept


def _undo(done: list[tuple[Path, Path]]) -> list[str]:
    """Take renames back, the last one first; returns those that could not be."""
    left: list[str] = []
    for source, target in reversed(done):
        try:
            target.rename(source)
        except OSError as error:
            left.append(f"{target} to {source} ({error.strerror})")
    return left


def _clear(directory: Path) -> None:
    """Remove what was made for a try, also where PostgreSQL had to be kept elsewhere."""
    moved = directory / MOVED_FILE
    if moved.is_file():
        shutil.rmtree(Path(moved.read_text().strip()), ignore_errors=True)
    shutil.rmtree(directory, ignore_errors=True)


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())
