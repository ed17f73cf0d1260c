"""Real processes on real directories; nothing of a test is left behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qiatan.infra.postgres import EmbeddedPostgres, make_scratch_dir

ROOT = Path(__file__).resolve().parents[2]


Embedded = Callable[..., EmbeddedPostgres]


@dataclass
class Held:
    """A process of `hold.py` whose PostgreSQL answers."""

    process: subprocess.Popen[str]
    postgres: int
    url: str

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> str:
        """Ask it to stop; what it said on the way."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=15)[0]


Hold = Callable[..., Held]


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A data directory that PostgreSQL's user can reach."""
    directory = make_scratch_dir()
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """A data directory whose cluster is made and stopped; only ever copied."""
    directory = make_scratch_dir()

    async def make() -> None:
        postgres = EmbeddedPostgres(directory, durable=False)
        await postgres.start()
        await postgres.stop()

    asyncio.run(make())
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def made(scratch: Path, template: Path) -> Path:
    """A data directory that an earlier start left: saves making a cluster in each test."""
    subprocess.run(["cp", "-a", f"{template}/.", str(scratch)], check=True)
    return scratch


@pytest.fixture
async def embedded() -> AsyncIterator[Embedded]:
    """Make an `EmbeddedPostgres` that is stopped at the end, whatever happens to the test."""
    made: list[EmbeddedPostgres] = []

    def make(directory: Path, **options: Any) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(directory, **options))
        return made[-1]

    yield make
    for postgres in made:
        await postgres.stop()


@pytest.fixture
def hold() -> Iterator[Hold]:
    """Start `hold.py` on a directory and wait until it is ready."""
    begun: list[Held] = []

    def begin(directory: Path, *, python: str = sys.executable, **options: Any) -> Held:
        packages = [str(ROOT / "src"), *(path for path in sys.path if "site-packages" in path)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(packages)}
        process = subprocess.Popen(
            [python, str(ROOT / "tests" / "platform" / "hold.py"), str(directory)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env=environment,
            **options,
        )
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("ready "):
                _, postgres, url = line.split()
                begun.append(Held(process, int(postgres), url))
                return begun[-1]
        process.wait(10)
        process.stdout.close()
        raise AssertionError(said)

    yield begin
    for held in begun:
        held.kill()
        if held.process.stdout is not None:
            held.process.stdout.close()
        await_end(held.postgres)


def alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def await_end(pid: int, seconds: float = 10) -> None:
    """Wait until the process has ended; fails when it does not."""
    deadline = time.monotonic() + seconds
    while alive(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there after {seconds} s"
        time.sleep(0.02)
