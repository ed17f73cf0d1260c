"""Making a backup: one snapshot of the database, then the contents it refers to.

Contents have random names and never change, so copying them after the dump is consistent with it. One that is deleted meanwhile was given
up by somebody; one that nobody gave up and that is nowhere is told as missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql

import qiatan
from qiatan.infra.backup import format as form
from qiatan.infra.backup.archive import PIECE, ArchiveWriter, check, out_of_space, sums_line
from qiatan.infra.backup.format import BackupError, BrokenBackup, Manifest, Part
from qiatan.infra.backup.tools import Tools, complaint, surroundings, tools_for
from qiatan.infra.durable import sync_directory
from qiatan.infra.storage import Storage
from qiatan.kit.errors import NotFound

_SPARE_BYTES = 64 * 1024 * 1024
_UNKNOWN_SIZE = 64 * 1024
KNOWN_COLUMNS = "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = 'public'"
_LIMITS = ["statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout", "lock_timeout"]

Tell = Callable[[str, int, int], None]
"""Progress: what is done (`database`, `files`), how much, of how much (0 when nobody knows)."""


@dataclass(frozen=True, slots=True)
class BlobColumn:
    """A column that names stored contents. `size`: the column with their bytes; `gone`: columns of which one is set when they were
    given up; `array`: it holds several names."""

    table: str
    column: str
    size: str | None = None
    gone: tuple[str, ...] = ()
    array: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What goes into a backup.

    storage: where contents are read from, None to leave them where they are. key: the installation's own key file, as it stands in
    the archive; `key_told` says why there is none.
    """

    url: str
    path: Path
    blobs: Sequence[BlobColumn]
    storage: Storage | None
    bucket: str | None = None
    key: bytes | None = None
    key_told: str = "none"


@dataclass(frozen=True, slots=True)
class Made:
    """A finished backup. `lack`: why it does not count as a good one although it is there; None when it does."""

    path: Path
    size: int
    manifest: Manifest
    lack: str | None = None


@dataclass(slots=True)
class _Snapshot:
    """What was read in the transaction that the dump shares."""

    name: str
    made_at: datetime
    server: int
    revision: str
    database_bytes: int
    counts: dict[str, int] = field(default_factory=dict)
    roles: tuple[str, ...] = ()


async def make(wanted: Wanted, *, tell: Tell, now: Callable[[], datetime]) -> Made:
    """Make a backup and read it again to compare every sum. A server may work on the database meanwhile; a failure or a cancellation
    leaves nothing behind.

    Raises:
        BackupError: the database is not one of ours, the programs do not fit, there is no room, or a disk fails.
        StorageUnavailable: the bucket does not answer.
    """
    try:
        async with await psycopg.AsyncConnection.connect(wanted.url, connect_timeout=10, autocommit=True) as connection:
            tools = tools_for(connection.info.server_version // 10000, what="the database")
            writer = ArchiveWriter(wanted.path)
            try:
                return await _fill(wanted, connection, tools, writer, tell, now)
            except BaseException:
                writer.discard()
                raise
    except OSError as error:
        raise out_of_space(error, wanted.path.parent) or _failed(error, wanted) from error
    except psycopg.Error as error:
        raise BackupError(f"the database cannot be read ({_first_line(error)}): look whether it runs, and at its log") from error


async def _fill(
    wanted: Wanted,
    connection: psycopg.AsyncConnection[Any],
    tools: Tools,
    writer: ArchiveWriter,
    tell: Tell,
    now: Callable[[], datetime],
) -> Made:
    with tempfile.TemporaryFile("w+") as names, tempfile.TemporaryFile("w+b") as sums:
        # Whatever limits the operator set for the program's own statements: this one transaction lasts as long as the dump.
        await connection.execute("SELECT set_config(name, '0', false) FROM pg_settings WHERE name = ANY(%s)", (_LIMITS,))
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        await connection.set_read_only(True)
        async with connection.transaction():
            snapshot = await _look(connection)
            count, bytes_of_files = await _list_blobs(connection, wanted, names)
            _require_space(wanted.path.parent, snapshot, bytes_of_files)
            tell("database", 0, 0)
            parts = [await _dump(wanted.url, tools, snapshot.name, writer, lambda done: tell("database", done, 0))]
            snapshot.counts = await _count(connection)
        if wanted.key is not None:
            parts.append(writer.add(form.KEY, wanted.key))
        await connection.set_isolation_level(psycopg.IsolationLevel.READ_COMMITTED)
        copied = await _copy_files(wanted, connection, names, sums, count, writer, tell)
        parts.append(await asyncio.to_thread(_add_sums, writer, sums))
        manifest = Manifest(
            format=form.FORMAT,
            program=qiatan.__version__,
            revision=snapshot.revision,
            postgres=snapshot.server,
            dumped_by=tools.major,
            made_at=snapshot.made_at,
            ended_at=now(),
            counts=snapshot.counts,
            database_bytes=snapshot.database_bytes,
            parts=tuple(parts),
            files=copied.files,
            files_bytes=copied.size,
            files_from="none" if wanted.storage is None else "bucket" if wanted.bucket is not None else "disk",
            bucket=wanted.bucket,
            key="included" if wanted.key is not None else wanted.key_told,
            missing=copied.missing,
            missing_names=tuple(copied.missing_names),
            roles=snapshot.roles,
        )
        size = await asyncio.to_thread(writer.seal, manifest)
        await asyncio.to_thread(_read_again, writer, tell)
        writer.finish()
        await asyncio.to_thread(sync_directory, wanted.path.parent)
        return Made(wanted.path, size, manifest)


def _read_again(writer: ArchiveWriter, tell: Tell) -> None:
    """Compare every sum before the file has its name: whatever ends this process meanwhile, nobody counts on one that nobody has read."""
    try:
        check(writer.partial, tell=lambda done, size: tell("sums", done, size))
    except BrokenBackup as error:
        raise BackupError(
            f"what was written for {writer.path} is read back as something else: look at the disk, or name a directory on another one. "
            "Nothing was left behind"
        ) from error


def _failed(error: OSError, wanted: Wanted) -> BackupError:
    where = error.filename or wanted.path
    return BackupError(
        f"the backup {wanted.path} cannot be made: {where} ({error.strerror or error}). Look at the disks, or name a directory on another "
        "one. Nothing was left behind"
    )


async def _look(connection: psycopg.AsyncConnection[Any]) -> _Snapshot:
    exists = await (await connection.execute("SELECT to_regclass('public.alembic_version') IS NOT NULL")).fetchone()
    if exists != (True,):
        raise BackupError("there is no database of Qiatan here: name the right one with DATA or DATABASE_URL")
    row = await (
        await connection.execute(
            """SELECT pg_export_snapshot(), clock_timestamp(), current_setting('server_version_num')::int,
                      (SELECT version_num FROM alembic_version), pg_database_size(current_database())"""
        )
    ).fetchone()
    if row is None or row[3] is None:
        raise BackupError("the database has never been migrated to its end: start the server once (qiatan serve), then try again")
    roles = await (
        await connection.execute(
            """SELECT DISTINCT r.rolname
                 FROM (SELECT relacl AS acl FROM pg_class WHERE relnamespace = 'public'::regnamespace
                       UNION ALL SELECT proacl FROM pg_proc WHERE pronamespace = 'public'::regnamespace) o
                 CROSS JOIN LATERAL aclexplode(o.acl) a
                 JOIN pg_roles r ON r.oid = a.grantee
                WHERE r.rolname NOT IN ('qiatan_app', 'qiatan_system')
                  AND r.oid NOT IN (SELECT relowner FROM pg_class WHERE relnamespace = 'public'::regnamespace)
                ORDER BY 1 LIMIT 100"""
        )
    ).fetchall()
    return _Snapshot(row[0], row[1], row[2], row[3], row[4], roles=tuple(role for (role,) in roles))


async def _count(connection: psycopg.AsyncConnection[Any]) -> dict[str, int]:
    """Rows of each table, in the snapshot."""
    tables = await (await connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")).fetchall()
    counts = {}
    for (table,) in tables:
        row = await (await connection.execute(sql.SQL("SELECT count(*) FROM public.{}").format(sql.Identifier(table)))).fetchone()
        counts[table] = int(row[0]) if row else 0
    return counts


async def _dump(url: str, tools: Tools, snapshot: str, writer: ArchiveWriter, tell: Callable[[int], None]) -> Part:
    command = [tools["pg_dump"], "--format=custom", "--schema=public", "--no-owner", "--no-password", f"--snapshot={snapshot}"]
    with tempfile.TemporaryFile("w+b") as said:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=said, env=surroundings(url)
        )
        try:
            with writer.part(form.DUMP) as sink:
                while piece := await _piece(process):
                    await asyncio.to_thread(sink.write, piece)
                    tell(sink.size)
            code = await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if code != 0:
            said.seek(0)
            raise BackupError(f"pg_dump failed ({complaint(said.read())}): look at the database's own log")
        return Part(form.DUMP, sink.size, sink.sha256)


async def _piece(process: asyncio.subprocess.Process) -> bytes:
    if process.stdout is None:
        raise RuntimeError("pg_dump was started with a pipe")
    return await process.stdout.read(PIECE)


@dataclass(slots=True)
class _Copied:
    files: int = 0
    size: int = 0
    missing: int = 0
    missing_names: list[str] = field(default_factory=list)


async def _list_blobs(connection: psycopg.AsyncConnection[Any], wanted: Wanted, names: IO[str]) -> tuple[int, int]:
    """Write the names of all contents that the snapshot refers to, one a line; returns how many, and about how many bytes."""
    if wanted.storage is None:
        return 0, 0
    count = size = 0
    async with connection.cursor(name="qiatan_blobs") as cursor:
        cursor.itersize = 5_000
        await cursor.execute(await _references(connection, wanted.blobs))
        async for name, told in cursor:
            names.write(f"{name}\n")
            count, size = count + 1, size + (_UNKNOWN_SIZE if told is None else told)
    return count, size


async def _references(connection: psycopg.AsyncConnection[Any], blobs: Sequence[BlobColumn], *, only: bool = False) -> sql.Composed:
    rows = await (await connection.execute(KNOWN_COLUMNS)).fetchall()
    return references({(table, column) for table, column in rows}, blobs, only=only)


def references(known: AbstractSet[tuple[str, str]], blobs: Sequence[BlobColumn], *, only: bool = False) -> sql.Composed:
    """A query for all names of contents, with their sizes where a column tells them.

    `known`: the columns there are; a database of an older version lacks some. With `only`, for those among the parameter, an array.
    """
    parts: list[sql.Composable] = [sql.SQL("SELECT NULL::text AS name, NULL::bigint AS size WHERE false")]
    for blob in blobs:
        if (blob.table, blob.column) not in known:
            continue
        size = sql.Identifier(blob.size) if blob.size is not None and (blob.table, blob.size) in known else sql.SQL("NULL")
        gone = [sql.SQL(" AND {} IS NULL").format(sql.Identifier(column)) for column in blob.gone if (blob.table, column) in known]
        name = sql.SQL("unnest({})" if blob.array else "{}").format(sql.Identifier(blob.column))
        parts.append(
            sql.SQL("SELECT {}::text, {}::bigint FROM public.{} WHERE {} IS NOT NULL{}").format(
                name, size, sql.Identifier(blob.table), sql.Identifier(blob.column), sql.Composed(gone)
            )
        )
    union = sql.SQL(" UNION ALL ").join(parts)
    condition = sql.SQL(" WHERE name = ANY(%s)") if only else sql.SQL("")
    return sql.SQL("SELECT name, max(size)::bigint FROM ({}) AS referred{} GROUP BY name").format(union, condition)


async def _copy_files(
    wanted: Wanted,
    connection: psycopg.AsyncConnection[Any],
    names: IO[str],
    sums: IO[bytes],
    count: int,
    writer: ArchiveWriter,
    tell: Tell,
) -> _Copied:
    copied = _Copied()
    if wanted.storage is None:
        return copied
    absent: list[str] = []
    names.seek(0)
    for number, line in enumerate(names, start=1):
        name = line.rstrip("\n")
        part = await _copy(wanted.storage, name, writer)
        if part is None:
            absent.append(name)
        else:
            copied.files, copied.size = copied.files + 1, copied.size + part.size
            sums.write(sums_line(part.sha256, part.name))
        tell("files", number, count)
    if absent:
        query = await _references(connection, wanted.blobs, only=True)
        for start in range(0, len(absent), 10_000):
            rows = await (await connection.execute(query, (absent[start : start + 10_000],))).fetchall()
            copied.missing += len(rows)
            copied.missing_names += sorted(name for name, _ in rows)[: form.MISSING_SHOWN - len(copied.missing_names)]
    return copied


async def _copy(storage: Storage, name: str, writer: ArchiveWriter) -> Part | None:
    """Put one content into the archive; None when it is not there."""
    pieces = storage.stream(name)
    part = f"{form.FILES}{name[:2]}/{name}"
    begun = False
    try:
        first = await anext(aiter(pieces), b"")
        begun = True
        with writer.part(part) as sink:
            await asyncio.to_thread(sink.write, first)
            async for piece in pieces:
                await asyncio.to_thread(sink.write, piece)
    except NotFound as error:
        if not begun:
            return None
        # It was there a moment ago: a bucket that lost it in the middle of reading has cut it off.
        raise BackupError("the storage lost a file while it was read: try again") from error
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()
    return Part(part, sink.size, sink.sha256)


def _add_sums(writer: ArchiveWriter, sums: IO[bytes]) -> Part:
    sums.seek(0)
    with writer.part(form.SUMS) as sink:
        while piece := sums.read(PIECE):
            sink.write(piece)
    return Part(form.SUMS, sink.size, sink.sha256)


def _require_space(directory: Path, snapshot: _Snapshot, files: int) -> None:
    """A dump is compressed and has no indexes: a third of the database is more than it takes."""
    needed = snapshot.database_bytes // 3 + files + _SPARE_BYTES
    space = os.statvfs(directory)
    free = space.f_bavail * space.f_frsize
    if free < needed:
        raise BackupError(
            f"a backup needs about {needed // 2**20} MiB, and the disk of {directory} has {free // 2**20} MiB free: "
            "free some, or name a directory on another disk"
        )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
