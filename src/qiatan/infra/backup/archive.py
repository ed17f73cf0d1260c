"""Writing and reading the tar file.

Written are plain headers only, with the size put in when a part is complete, so that nothing is kept twice. Read is nothing else: every
member must be one of ours by name and kind, so that no path, link or device can be smuggled in, and no claimed size is believed beyond
what the file holds.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self

from qiatan.infra.backup import format as form
from qiatan.infra.backup.format import BackupError, BrokenBackup, Manifest, Part

BLOCK = 512
PIECE = 256 * 1024
PARTIAL = ".partial"
_SINGLE = frozenset({form.DUMP, form.KEY, form.SUMS, form.MANIFEST, form.MANIFEST_SUM})


class Sink:
    """Where the content of one part goes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sum = hashlib.sha256()
        self.size = 0

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        self._sum.update(piece)
        self.size += len(piece)

    @property
    def sha256(self) -> str:
        return self._sum.hexdigest()


class ArchiveWriter:
    """A backup in the making: under a hidden name, readable for its owner only, until `finish`. `partial`: where it lies until then."""

    def __init__(self, path: Path) -> None:
        """Raises `BackupError` when it cannot be written there, or is there already."""
        self.path = path
        self._named = False
        self.partial = path.with_name(f".{path.name}{PARTIAL}")
        if path.exists():
            raise BackupError(f"{path} is there already: name another file")
        try:
            fd = os.open(self.partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise BackupError(f"cannot write {path} ({error.strerror}): name a directory that you may write to") from error
        # Whoever clears up finds by it that this one is alive.
        fcntl.flock(fd, fcntl.LOCK_EX)
        self._file = os.fdopen(fd, "wb")

    @contextmanager
    def part(self, name: str) -> Iterator[Sink]:
        """Write a part into the block's sink."""
        at = self._file.tell()
        self._file.write(bytes(BLOCK))
        sink = Sink(self._file)
        yield sink
        self._file.write(bytes(-sink.size % BLOCK))
        end = self._file.tell()
        self._file.seek(at)
        self._file.write(_header(name, sink.size))
        self._file.seek(end)

    def add(self, name: str, content: bytes) -> Part:
        with self.part(name) as sink:
            sink.write(content)
        return Part(name, sink.size, sink.sha256)

    def seal(self, manifest: Manifest) -> int:
        """Write the manifest, the last of what is in it. Returns its size in bytes; all of it is on the disk then."""
        part = self.add(form.MANIFEST, form.encode(manifest))
        self.add(form.MANIFEST_SUM, sums_line(part.sha256, form.MANIFEST))
        self._file.write(bytes(2 * BLOCK))
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def finish(self) -> None:
        """Give a sealed file its name, which stays when its directory is flushed too (`sync_directory`)."""
        self.partial.rename(self.path)
        self._named = True
        self._file.close()

    def discard(self) -> None:
        """Leave nothing behind, under neither name."""
        if not self._file.closed:
            with suppress(OSError):  # a full disk: what is not flushed is not wanted either
                self._file.close()
        (self.path if self._named else self.partial).unlink(missing_ok=True)


def clear_leftovers(directory: Path) -> list[Path]:
    """Remove what writers that died left behind; returns what it was."""
    removed = []
    for path in directory.glob(f".qiatan-*{PARTIAL}"):
        with suppress(FileNotFoundError), path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            path.unlink()
            removed.append(path)
    return removed


@dataclass(frozen=True, slots=True)
class Member:
    """A part as the reader meets it. `read` hands its content on in pieces; what is left unread is passed over."""

    name: str
    size: int
    read: Callable[[], Iterator[bytes]]


class ArchiveReader:
    """Reads a backup from its beginning. Raises `BrokenBackup` for whatever is not exactly what we write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = path.open("rb")
            self.size = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise BackupError(f"cannot read {path} ({error.strerror}): name a backup that you may read") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def members(self) -> Iterator[Member]:
        """All parts, in their order; each must be read before the next is asked for. Ends after the manifest's sum."""
        self._file.seek(0)
        seen: set[str] = set()
        while True:
            header = self._exactly(BLOCK)
            try:
                told = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
            except (tarfile.HeaderError, ValueError):
                raise self.broken("cut off or damaged" if seen else "not a backup of Qiatan") from None
            name, size, at = told.name, told.size, self._file.tell()
            if told.type != tarfile.REGTYPE or (name not in _SINGLE and not form.FILE_NAME.fullmatch(name)):
                raise self.broken(f"it has a part that no backup has, {name[:80]!r}")
            if name in seen:
                raise self.broken(f"it has the part {name} twice")
            if size < 0 or at + size > self.size:
                raise self.broken(f"cut off: its part {name} should have {size} bytes, and {self.size - at} are left")
            if header != _header(name, size):
                raise self.broken(f"damaged before its part {name}")
            seen.add(name)
            yield Member(name, size, partial(self._content, size))
            self._file.seek(at + size)
            if self._exactly(-size % BLOCK).strip(b"\0"):
                raise self.broken(f"damaged after its part {name}")
            if name == form.MANIFEST_SUM:
                if self._file.read(2 * BLOCK + 1) != bytes(2 * BLOCK):
                    raise self.broken("cut off or damaged at its end")
                return

    def _content(self, left: int) -> Iterator[bytes]:
        while left > 0:
            piece = self._file.read(min(PIECE, left))
            if not piece:
                raise self.broken("cut off")
            left -= len(piece)
            yield piece

    def _exactly(self, size: int) -> bytes:
        content = self._file.read(size)
        if len(content) < size:
            raise self.broken("cut off" if self._file.tell() > BLOCK else "not a backup of Qiatan")
        return content

    def broken(self, how: str) -> BrokenBackup:
        return BrokenBackup(f"{self.path} cannot be used: {how}. Take another backup; this one was left as it is")


def check(path: Path, *, tell: Callable[[int, int], None] | None = None) -> Manifest:
    """Read all of a backup and compare every sum. Raises `BrokenBackup`; `tell` hears of bytes done, of so many."""
    with ArchiveReader(path) as archive:
        found = _Found()
        for member in archive.members():
            if member.name in _HELD and member.size > form.MOST_OF_MANIFEST:
                raise archive.broken(f"its {member.name} is larger than any")
            found.take(member)
            if tell is not None:
                tell(found.done, archive.size)
        try:
            return found.judge()
        except BrokenBackup as error:
            raise archive.broken(str(error)) from None


_HELD = frozenset({form.MANIFEST, form.MANIFEST_SUM})


class _Found:
    """What was read of an archive, to be compared with what its manifest says."""

    def __init__(self) -> None:
        self.done = 0
        self._parts: dict[str, Part] = {}
        self._held: dict[str, bytes] = {}
        self._sums = hashlib.sha256()
        self._sums_size = self._files = self._files_bytes = 0

    def take(self, member: Member) -> None:
        own, held = hashlib.sha256(), bytearray()
        for piece in member.read():
            own.update(piece)
            if member.name in _HELD:
                held += piece
        self.done += member.size
        if member.name.startswith(form.FILES):
            line = sums_line(own.hexdigest(), member.name)
            self._sums.update(line)
            self._sums_size += len(line)
            self._files, self._files_bytes = self._files + 1, self._files_bytes + member.size
        else:
            self._parts[member.name] = Part(member.name, member.size, own.hexdigest())
            self._held[member.name] = bytes(held)

    def judge(self) -> Manifest:
        """The manifest, when everything is as it says. Raises `BrokenBackup`."""
        stated, told = self._parts.pop(form.MANIFEST_SUM, None), self._parts.pop(form.MANIFEST, None)
        if stated is None or told is None or sums_line(told.sha256, form.MANIFEST) != self._held[form.MANIFEST_SUM]:
            raise BrokenBackup(f"the sum of its {form.MANIFEST} is not right")
        manifest = form.decode(self._held[form.MANIFEST])
        if self._parts.get(form.SUMS) != Part(form.SUMS, self._sums_size, self._sums.hexdigest()):
            raise BrokenBackup("the sums of its files are not right")
        if sorted(self._parts.values(), key=_by_name) != sorted(manifest.parts, key=_by_name) or form.DUMP not in self._parts:
            wrong = next((name for name, part in self._parts.items() if part not in manifest.parts), "one that is gone")
            raise BrokenBackup(f"the sum of its part {wrong} is not right")
        if (self._files, self._files_bytes) != (manifest.files, manifest.files_bytes):
            raise BrokenBackup("files are missing")
        return manifest


def _header(name: str, size: int) -> bytes:
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o600
    return header.tobuf(tarfile.GNU_FORMAT)


def sums_line(sha256: str, name: str) -> bytes:
    """A line of `files.sha256`."""
    return f"{sha256}  {name}\n".encode()


def out_of_space(error: OSError, where: Path) -> BackupError | None:
    """The answer to a full disk; None for another failure."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    return BackupError(f"no space left on the disk of {where}: free some, or name a directory on another disk. Nothing was left behind")


def _by_name(part: Part) -> str:
    return part.name
