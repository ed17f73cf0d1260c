"""File systems of their own with little room, which can be filled."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.faults.shims import NotHere

LEFT_KIB = 256


class SmallDisk:
    """A file system in memory at a directory, where this machine lets us have one; else `why_not` says why, and the directory is as it was."""

    def __init__(self, directory: Path, mib: int) -> None:
        self.directory = directory
        self._filler = directory / "filler"
        self.why_not = _mount(directory, mib)

    def fill(self, left_kib: int = LEFT_KIB) -> None:
        """Take all room but so much. Raises NotHere."""
        if self.why_not is not None:
            raise NotHere(self.why_not)
        with self._filler.open("wb") as file:
            taken = 0
            while (room := self._free() - left_kib * 1024) > 0:
                # Somebody else may have taken of it meanwhile.
                with suppress(OSError):
                    os.posix_fallocate(file.fileno(), taken, room)
                    taken += room

    def _free(self) -> int:
        space = os.statvfs(self.directory)
        return space.f_bavail * space.f_frsize

    def empty(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)

    def remove(self) -> None:
        """Everything on it is gone; the directory stays."""
        if self.why_not is None:
            subprocess.run(["umount", "--lazy", str(self.directory)], check=True)
            self.why_not = "it was removed"


def _mount(directory: Path, mib: int) -> str | None:
    if os.geteuid() != 0 or sys.platform != "linux":
        return "a file system can be mounted by root on Linux only"
    options = f"size={mib}m,mode=0711"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"this machine mounts nothing, even for root: {done.stderr.strip()}"
