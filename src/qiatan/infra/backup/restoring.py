"""Bringing a backup back: into an empty database and an empty directory, all or nothing.

The dump goes through pg_restore as a script into psql, in one transaction that is committed only when every table has as many rows as the
manifest says. As a script, because one statement of newer pg_restores is not known to older servers and is left out on the way.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from qiatan.infra.backup import format as form
from qiatan.infra.backup.archive import PIECE, ArchiveReader, Member, out_of_space
from qiatan.infra.backup.format import BackupError, Manifest
from qiatan.infra.backup.making import KNOWN_COLUMNS, BlobColumn, references
from qiatan.infra.backup.tools import Tools, complaint, surroundings, tools_for
from qiatan.infra.db.roles import APP, SYSTEM
from qiatan.infra.secret_key import KEY_FILE

_UNKNOWN_TO_OLDER = b"SET transaction_timeout = 0;\n"
_LOOKED_AT = 200
"""Lines: the statement stands among the first."""
_COUNTED = "qiatan counted"
_END_SECONDS = 60


def load(path: Path, manifest: Manifest, url: str, *, tell: Callable[[int, int], None]) -> None:
    """Load the dump of a checked backup into an empty database. On any failure the database is empty as before.

    Raises:
        BackupError: the database is not empty, a role or program is lacking, a statement failed, or the rows are not all there.
    """
    tools = _prepare(manifest, url)
    with (
        tempfile.TemporaryFile("w+b") as restore_said,
        tempfile.TemporaryFile("w+b") as psql_said,
        subprocess.Popen(  # noqa: S603 -- our own program, nothing on its command line is anybody's
            [tools["pg_restore"], "--no-owner", "--schema=public", "--file=-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=restore_said,
            env=surroundings(url),
        ) as restore,
        subprocess.Popen(  # noqa: S603 -- as above
            [tools["psql"], "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password", "--set=ON_ERROR_STOP=1"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=psql_said,
            env=surroundings(url),
        ) as psql,
    ):
        try:
            feeding = threading.Thread(target=_feed, args=(path, restore, tell), name="feed-pg-restore")
            feeding.start()
            rows = _run(restore, psql, manifest.counts)
            feeding.join()
        except BaseException:
            _give_up(restore, psql)
            raise
        if restore.returncode != 0 or rows is None:
            _give_up(restore, psql)
            said = restore_said if restore.returncode not in (0, None) and not _said(psql_said) else psql_said
            raise BackupError(f"the database could not be brought back ({complaint(_said(said))}): nothing was changed")
        wrong = [
            f"{table} has {rows.get(table)} rows instead of {count}" for table, count in manifest.counts.items() if rows.get(table) != count
        ]
        if wrong:
            _give_up(psql)
            raise BackupError(f"not everything came back ({'; '.join(wrong[:3])}): nothing was changed; try another backup")
        _tell(psql, "COMMIT;\nANALYZE;\n")
        if psql.wait() != 0:
            raise BackupError(f"the database could not be brought back ({complaint(_said(psql_said))}): look at the database's own log")


def _run(restore: subprocess.Popen[bytes], psql: subprocess.Popen[bytes], counts: Mapping[str, int]) -> dict[str, int] | None:
    """Pass the script on, then ask for the rows of each table; None when one of the two has given up."""
    if restore.stdout is None or psql.stdin is None or psql.stdout is None:
        raise RuntimeError("both were started with pipes")
    answers = _Answers(psql.stdout)
    with suppress(BrokenPipeError):
        psql.stdin.write(b"BEGIN;\n")
        for number, line in enumerate(restore.stdout):
            if line != _UNKNOWN_TO_OLDER:
                psql.stdin.write(line)
            if number > _LOOKED_AT:
                break
        while piece := restore.stdout.read(PIECE):
            psql.stdin.write(piece)
        psql.stdin.flush()
    # Where psql has gone, what is left is read only so that pg_restore comes to its end.
    while restore.stdout.read(PIECE):
        continue
    if restore.wait(_END_SECONDS) == 0:
        asked = "".join(f"SELECT '{table}|' || count(*) FROM public.{table};\n" for table in counts)  # noqa: S608 -- `decode` lets plain names pass only
        with suppress(BrokenPipeError):
            psql.stdin.write(f"\n{asked}SELECT '{_COUNTED}';\n".encode())
            psql.stdin.flush()
    else:
        psql.kill()
    return answers.wait()


class _Answers:
    """Reads what psql prints, so that it never waits for us, and remembers the rows of tables."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._rows: dict[str, int] = {}
        self._complete = False
        self._reading = threading.Thread(target=self._read, name="listen-to-psql")
        self._reading.start()

    def wait(self) -> dict[str, int] | None:
        """The rows of each table; None when psql ended before it had told them all."""
        self._reading.join()
        return self._rows if self._complete else None

    def _read(self) -> None:
        for content in self._out:
            line = content.decode("utf-8", "replace").strip()
            if line == _COUNTED:
                self._complete = True
                return
            name, separator, number = line.rpartition("|")
            if separator and number.isdigit():
                self._rows[name] = int(number)


def _tell(psql: subprocess.Popen[bytes], statements: str) -> None:
    if psql.stdin is None:
        raise RuntimeError("it was started with a pipe")
    with suppress(BrokenPipeError):
        psql.stdin.write(statements.encode())
        psql.stdin.close()
    psql.stdin = None


def _feed(path: Path, restore: subprocess.Popen[bytes], tell: Callable[[int, int], None]) -> None:
    """The dump into pg_restore's input; one that has gone says itself why."""
    if restore.stdin is None:
        raise RuntimeError("it was started with a pipe")
    done = 0
    try:
        with ArchiveReader(path) as archive, suppress(BrokenPipeError):
            dump = next(member for member in archive.members() if member.name == form.DUMP)
            for piece in dump.read():
                restore.stdin.write(piece)
                done += len(piece)
                tell(done, dump.size)
    finally:
        # Also when the file broke since it was checked: pg_restore then finds its input cut off, and says so.
        with suppress(BrokenPipeError):
            restore.stdin.close()
        restore.stdin = None


def _prepare(manifest: Manifest, url: str) -> Tools:
    """The programs that fit; the roles are made where that is allowed."""
    tools = tools_for(manifest.dumped_by, what="this backup")
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        if (version := connection.info.server_version // 10000) > tools.major:
            tools = tools_for(version, what="the database")
        row = connection.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace").fetchone()
        if row != (0,):
            raise BackupError("the database is not empty: make an empty one and name it with DATABASE_URL; the one that is there stays")
        for role in (APP, SYSTEM, *manifest.roles):
            name = sql.Identifier(role)
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
                try:
                    connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(name))
                except psycopg.errors.InsufficientPrivilege:
                    raise BackupError(
                        f"the database has no role {role}, and this user may not make one: "
                        f"let an administrator do it (CREATE ROLE {role} NOLOGIN), granted to this user"
                    ) from None
            if role in (APP, SYSTEM):
                _take(connection, role)
                connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(name))
    return tools


def _take(connection: psycopg.Connection[tuple[object, ...]], role: str) -> None:
    """See migration 0001: from 16 on, whoever makes a role may grant it but not take it on, unless told so."""
    modern = connection.info.server_version >= 160000
    row = connection.execute("SELECT pg_has_role(current_user, %s, %s)", (role, "SET" if modern else "MEMBER")).fetchone()
    if row == (True,):
        return
    grant = "GRANT {} TO CURRENT_USER WITH SET TRUE" if modern else "GRANT {} TO CURRENT_USER"
    connection.execute(sql.SQL(grant).format(sql.Identifier(role)))


def unpack(path: Path, into: Path, *, tell: Callable[[int, int], None]) -> None:
    """Write the files and the key of a checked backup below a directory, as `DATA` has them. What is written when it returns stays."""
    made: set[Path] = set()
    done = 0
    try:
        with ArchiveReader(path) as archive:
            for member in archive.members():
                found = form.FILE_NAME.fullmatch(member.name)
                if found is not None:
                    folder = into / "files" / found[1]
                    if folder not in made:
                        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                        made.add(folder)
                    _write(folder / found[2], member.read())
                elif member.name == form.KEY:
                    _write(into / KEY_FILE, member.read())
                done += member.size
                tell(done, archive.size)
    except OSError as error:
        full = out_of_space(error, into)
        if full is not None:
            raise full from error
        raise
    os.sync()


def files_of(path: Path) -> Iterator[Member]:
    """The contents that a checked backup holds, each under its name in the storage."""
    with ArchiveReader(path) as archive:
        for member in archive.members():
            found = form.FILE_NAME.fullmatch(member.name)
            if found is not None:
                yield Member(found[2], member.size, member.read)


def absent_files(path: Path, url: str, blobs: Sequence[BlobColumn]) -> int:
    """How many contents a restored database refers to that the backup does not hold."""
    held = {member.name for member in files_of(path)}
    absent = 0
    with psycopg.connect(url, connect_timeout=10) as connection:
        known = set(connection.execute(KNOWN_COLUMNS).fetchall())
        with connection.cursor(name="qiatan_blobs") as cursor:
            cursor.execute(references(known, blobs))
            absent = sum(1 for name, _ in cursor if name not in held)
    return absent


def _write(path: Path, pieces: Iterator[bytes]) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "wb") as file:
        for piece in pieces:
            file.write(piece)


def _said(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _give_up(*processes: subprocess.Popen[bytes]) -> None:
    """End them; what their pipes still hold is not wanted."""
    for process in processes:
        process.kill()
        if process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()
            process.stdin = None
