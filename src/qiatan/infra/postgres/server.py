"""The embedded PostgreSQL as a child process of the server.

It dies with the server: on Linux the kernel interrupts it when the thread that started it ends (`PR_SET_PDEATHSIG`), so `start` belongs
on the main thread. It has a session of its own, so Ctrl-C on the terminal reaches only the server, which then stops it in order. When it
dies by itself it is started again, with growing pauses, for as long as the server wants it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import pwd
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from qiatan.infra.postgres import cluster
from qiatan.infra.postgres.config import PORT
from qiatan.infra.postgres.lock import DirectoryLock
from qiatan.infra.postgres.placement import Placement, place
from qiatan.infra.processes import death_pact, exit_of
from qiatan.infra.setup_error import SetupError

_SOCKET_PATH_MAX = 107
_POLL_SECONDS = 0.01
_LOCK_WAIT_SECONDS = 2.0
_LEFTOVER_SECONDS = 15.0
_STOP_STEPS = ((signal.SIGINT, 7.0), (signal.SIGQUIT, 1.5), (signal.SIGKILL, 1.0))
_RESTART_PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
_CALM_SECONDS = 60.0

log = logging.getLogger("qiatan.postgres")


class EmbeddedPostgres:
    """One PostgreSQL on one data directory.

    `durable=False` switches off every flush to disk, for tests. `start_seconds` bounds how long a start may take, crash recovery
    included. All methods are for one event loop at a time; `stop` may run in another loop than `start` did.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True, max_connections: int = 60, start_seconds: float = 300.0) -> None:
        self._data_dir = data_dir.absolute()
        self._durable = durable
        self._max_connections = max_connections
        self._start_seconds = start_seconds
        self._locks: list[DirectoryLock] = []
        self._placement: Placement | None = None
        self._socket_dir: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def cluster_dir(self) -> Path | None:
        """Where the cluster is (not always below the data directory when started by root); known after `start`."""
        return self._placement.cluster if self._placement else None

    def url(self, *, user: str = cluster.OWNER, database: str = cluster.DATABASE) -> str:
        """A libpq address over the socket; `user="postgres"` is the superuser, which the product never needs."""
        if self._socket_dir is None:
            raise RuntimeError("start PostgreSQL before asking for its address")
        return f"postgresql://{user}@/{database}?host={quote(str(self._socket_dir), safe='')}&port={PORT}"

    async def start(self) -> str:
        """Start PostgreSQL, making the cluster first when there is none; returns the address of the database `qiatan`.

        Raises `SetupError` (in one line, with the remedy) when another server uses the directory, the disk is full, the cluster is
        of another version, or PostgreSQL refuses for a reason of its own.
        """
        if self._process is not None:
            return self.url()
        try:
            await asyncio.to_thread(self._prepare)
            await self._launch()
        except BaseException:
            await self.stop()
            raise
        self._keeper = asyncio.get_running_loop().create_task(self._keep(), name="postgres-keeper")
        self._locks[0].tell(url=self.url())
        return self.url()

    async def stop(self) -> None:
        """Stop PostgreSQL in order, within ten seconds, and give the data directory back. Harmless when it does not run."""
        if self._keeper is not None:
            if not self._keeper.done():
                self._keeper.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._keeper
            self._keeper = None
        if self._process is not None:
            await self._end(self._process)
            self._process = None
        while self._locks:
            self._locks.pop().release()

    def _prepare(self) -> None:
        ensure_data_dir(self._data_dir)
        self._lock(self._data_dir)
        placement = place(self._data_dir)
        if placement.home != self._data_dir:
            self._lock(placement.home)
        cluster.ensure(placement, durable=self._durable)
        cluster.end_orphan(placement.cluster)
        socket_dir = _socket_dir(placement)
        users = {"root", pwd.getpwuid(os.geteuid()).pw_name}
        if placement.account is not None:
            users.add(placement.account.name)
        cluster.write_configuration(
            placement, socket_dir=socket_dir, max_connections=self._max_connections, durable=self._durable, users=users
        )
        self._placement, self._socket_dir = placement, socket_dir

    def _lock(self, directory: Path) -> None:
        lock = DirectoryLock(directory)
        lock.acquire(wait_seconds=_LOCK_WAIT_SECONDS)
        self._locks.append(lock)

    async def _launch(self) -> None:
        """Start the postmaster and wait until it takes connections; once again while backends of a killed one are still leaving."""
        placement = self._known_placement()
        deadline = time.monotonic() + _LEFTOVER_SECONDS
        while True:
            self._process = _spawn(placement)
            if await self._becomes_ready(self._process):
                return
            said = _said(placement)
            self._process = None
            leftovers = "shared memory block" in said or "lock file" in said
            if not leftovers or time.monotonic() > deadline:
                raise cluster.explain(said, placement.cluster / "log")
            await asyncio.sleep(0.2)

    async def _becomes_ready(self, process: subprocess.Popen[bytes]) -> bool:
        placement = self._known_placement()
        began = told = time.monotonic()
        while process.poll() is None:
            if cluster.postmaster_status(placement.cluster) == (process.pid, "ready"):
                return True
            now = time.monotonic()
            if now - began > self._start_seconds:
                raise cluster.PostgresError(
                    f"PostgreSQL did not become ready within {self._start_seconds:.0f} s: see {placement.cluster / 'log'}"
                )
            if now - told > 5:
                told = now
                log.info("PostgreSQL is repairing its files after a hard stop, %.0f s so far", now - began)
            await asyncio.sleep(_POLL_SECONDS)
        return False

    async def _keep(self) -> None:
        """Start PostgreSQL again whenever it dies by itself."""
        failures = 0
        while True:
            born = time.monotonic()
            if self._process is not None:
                await exit_of(self._process)
                log.error("PostgreSQL died (exit code %s): starting it again", self._process.returncode)
            failures = 0 if time.monotonic() - born > _CALM_SECONDS else failures + 1
            await asyncio.sleep(_RESTART_PAUSES[min(failures, len(_RESTART_PAUSES)) - 1] if failures else 0)
            try:
                await self._launch()
                log.info("PostgreSQL runs again")
            except (SetupError, OSError) as error:
                log.warning("%s; trying again", error)

    async def _end(self, process: subprocess.Popen[bytes]) -> None:
        for signal_number, seconds in _STOP_STEPS if self._durable else _STOP_STEPS[1:]:
            if process.poll() is not None:
                return
            process.send_signal(signal_number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(exit_of(process), seconds)
                return
            log.warning("PostgreSQL does not stop on %s", signal_number.name)

    def _known_placement(self) -> Placement:
        if self._placement is None:
            raise RuntimeError("not prepared")
        return self._placement


def ensure_data_dir(data_dir: Path) -> None:
    """Make the data directory when it is missing: closed to others, and for root only passable, so that PostgreSQL's user gets through."""
    try:
        data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True)
    except FileExistsError:
        if not data_dir.is_dir():
            raise SetupError(f"DATA: {data_dir} is not a directory: name another one") from None
    except OSError as error:
        raise SetupError(f"DATA: cannot make {data_dir} ({error.strerror}): name a directory that you may write to") from error
    if not os.access(data_dir, os.W_OK | os.X_OK):
        raise SetupError(f"DATA: {data_dir} is not writable for this user: chown it to yourself, or name another directory")


def _spawn(placement: Placement) -> subprocess.Popen[bytes]:
    identity = placement.identity()
    main = placement.home / "postgresql.d" / "postgresql.conf"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    output = os.open(_output(placement), flags, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603 -- our own binary with paths of our own making
            [str(placement.bin / "postgres"), "-D", str(placement.cluster), "-c", f"config_file={main}"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=cluster.environment(),
            umask=0o077,
            start_new_session=True,
            preexec_fn=death_pact(signal.SIGINT),  # noqa: PLW1509 -- nothing else can set it after the change of user; it makes two system calls
            **identity,
        )
    except OSError as error:
        raise cluster.PostgresError(f"cannot run {placement.bin / 'postgres'}: {error.strerror}") from error
    finally:
        os.close(output)


def _output(placement: Placement) -> Path:
    return placement.home / "postgresql-start.log"


def _said(placement: Placement) -> str:
    """What PostgreSQL said while it failed to start: before its log existed, and the end of the log itself."""
    said = _output(placement).read_text(errors="replace")
    logs = sorted((placement.cluster / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)
    if "log output to logging collector" in said and logs:
        with logs[-1].open("rb") as file:
            file.seek(max(0, logs[-1].stat().st_size - 4096))
            said += file.read().decode(errors="replace")
    return said


def _socket_dir(placement: Placement) -> Path:
    """A directory only PostgreSQL's user can open, with a path short enough for a socket."""
    near = placement.home / "run"
    if not _fits(near):
        name = f"qiatan-{hashlib.sha256(os.fsencode(placement.home)).hexdigest()[:16]}"
        bases = (Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108 -- the directory in it is made 0700 and checked below
        near = next(base / name for base in bases if _fits(base / name))
    with contextlib.suppress(FileExistsError):
        near.mkdir(mode=0o700)
        placement.hand_over(near)
    status = near.lstat()
    owner = placement.account.uid if placement.account else os.geteuid()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner or stat.S_IMODE(status.st_mode) & 0o077:
        raise cluster.PostgresError(
            f"{near} must be a directory that belongs to PostgreSQL's user and that nobody else can open: remove it, and start again"
        )
    return near


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_MAX
