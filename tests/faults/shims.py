"""Clocks that step and disks that are slow, for one program at a time: by a small library loaded into it (`shim.c`), so without root.

It is compiled when the tests run; where there is no C compiler, or no Linux, `Shim.why_not()` says so and the trouble is left out.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

_SOURCE = Path(__file__).with_name("shim.c")
_FORM = struct.Struct("=qq")


class NotHere(Exception):
    """This machine cannot have that trouble; the message says why."""


class Shim:
    """What one program, with all its processes, takes for the time, and how slow its disk is."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "shim"
        self._step = self._delay = 0.0
        self._write()
        # PostgreSQL may run as another user.
        self._file.chmod(0o644)

    def environment(self) -> dict[str, str]:
        """What the program has to be started with; nothing where there is no library."""
        library = _library()
        return {} if isinstance(library, str) else {"LD_PRELOAD": str(library), "FAULTS_SHIM": str(self._file)}

    @staticmethod
    def why_not() -> str | None:
        """Why this machine cannot have it; None when it can."""
        library = _library()
        return library if isinstance(library, str) else None

    def step(self, seconds: float) -> None:
        """Set the program's clock so far from the machine's, at once. Raises NotHere."""
        self._require()
        self._step = seconds
        self._write()

    def slow_disk(self, seconds: float) -> None:
        """Let every write take so much longer. Raises NotHere."""
        self._require()
        self._delay = seconds
        self._write()

    def _require(self) -> None:
        reason = self.why_not()
        if reason is not None:
            raise NotHere(reason)

    def _write(self) -> None:
        said = _FORM.pack(int(self._step * 1e9), int(self._delay * 1e9))
        # In place, since the program has this very file in its memory.
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(said)


@functools.cache
def _library() -> Path | str:
    """The compiled library, or why there is none."""
    if sys.platform != "linux":
        return "only Linux loads a library before a program's own"
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return "no C compiler"
    directory = Path(tempfile.mkdtemp(prefix="qiatan-shim-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    directory.chmod(0o755)
    target = directory / "shim.so"
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", str(target), str(_SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"the library does not compile: {done.stderr.strip().splitlines()[-1]}"
    target.chmod(0o755)
    return target
