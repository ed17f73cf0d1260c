"""`qiatan` commands as processes of their own, without what most of their time goes to: loading the program.

A process that has loaded it (and done nothing else) is forked for each command. `python -m qiatan` itself is tried where it matters.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from qiatan.entrypoints import cli

SECONDS = 110
_LOADED = ("qiatan.entrypoints.users", "qiatan.entrypoints.chains", "qiatan.infra.logs", __name__)

_processes = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class Done:
    """A command that has ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


def command(*arguments: str, text: str = "", **environment: str) -> Done:
    """Run `qiatan` with these arguments, `text` as its standard input, and this over the environment."""
    _processes.set_forkserver_preload(list(_LOADED))
    with tempfile.TemporaryDirectory() as name:
        streams = [Path(name) / stream for stream in ("stdin", "stdout", "stderr")]
        streams[0].write_text(text)
        process = _processes.Process(target=_run, args=(arguments, {**os.environ, **environment}, streams))
        process.start()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutError(f"qiatan {' '.join(arguments)} did not end within {SECONDS} s")
        return Done(process.exitcode, streams[1].read_text(), streams[2].read_text())


def _run(arguments: tuple[str, ...], environment: dict[str, str], streams: list[Path]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin = streams[0].open()
    for number, stream in enumerate(streams[1:], start=1):
        os.dup2(os.open(stream, os.O_WRONLY | os.O_CREAT), number)
    sys.argv = ["qiatan", *arguments]
    cli.main()
