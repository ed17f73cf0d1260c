"""One server per data directory, by a lock that the kernel drops when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from qiatan.infra.setup_error import SetupError

LOCK_FILE = "qiatan.lock"
_POLL_SECONDS = 0.05


class ClusterInUse(SetupError):
    """Another live process works on this data directory."""

    def __init__(self, directory: Path, pid: int | None) -> None:
        self.pid = pid
        who = f"process {pid}" if pid else "another process"
        super().__init__(
            f"{who} already serves the data directory {directory}: stop it first"
            f"{f' (kill {pid})' if pid else ''}, or give this server another one with DATA=<directory>"
        )


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a data directory: the process, and how to reach its PostgreSQL once that answers."""

    pid: int
    url: str | None


class DirectoryLock:
    """An exclusive `flock` on a file in the directory; the file tells who holds it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._fd: int | None = None

    def acquire(self, *, wait_seconds: float) -> None:
        """Take the lock, waiting for a holder that is just leaving; raise `ClusterInUse` when it stays."""
        path = self._directory / LOCK_FILE
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise SetupError(
                f"cannot open {path} ({error.strerror}): start as the user who made it, or chown -R {self._directory} to yourself"
            ) from error
        deadline = time.monotonic() + wait_seconds
        while not _try_lock(fd):
            if time.monotonic() >= deadline:
                os.close(fd)
                raise ClusterInUse(self._directory, _read_pid(path))
            time.sleep(_POLL_SECONDS)
        self._fd = fd
        self.tell(url=None)

    def tell(self, *, url: str | None) -> None:
        """Write who holds the lock, for other commands and for error messages."""
        if self._fd is None:
            return
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, json.dumps({"pid": os.getpid(), "url": url}).encode(), 0)

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None


def holder_of(directory: Path) -> Holder | None:
    """The live process that holds this data directory, if there is one."""
    path = directory / LOCK_FILE
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except PermissionError:
        raise SetupError(f"{path} belongs to another user: run this as the user who runs the server, or as root") from None
    try:
        if _try_lock(fd):
            return None
    finally:
        os.close(fd)
    return _read(path)


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path) -> Holder | None:
    with suppress(ValueError, KeyError, TypeError):
        told = json.loads(path.read_text())
        return Holder(int(told["pid"]), told.get("url"))
    return None


def _read_pid(path: Path) -> int | None:
    holder = _read(path)
    return holder.pid if holder else None
