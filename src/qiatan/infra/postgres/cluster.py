"""The cluster on disk: making it, checking it, and ending a postmaster that outlived its server."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from qiatan.infra.durable import sync_directory
from qiatan.infra.postgres import config
from qiatan.infra.postgres.placement import Placement
from qiatan.infra.setup_error import SetupError

EMBEDDED_MAJOR = 18
DATABASE = "qiatan"
OWNER = "qiatan"
SUPERUSER = "postgres"

_MIB = 1024 * 1024
_SPACE_TO_MAKE = 256 * _MIB
_SPACE_TO_START = 48 * _MIB
_INITDB_SECONDS = 120
_POLL_SECONDS = 0.02
_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")

log = logging.getLogger("qiatan.postgres")


class PostgresError(SetupError):
    """PostgreSQL does not start or may not be used."""


def environment() -> dict[str, str]:
    """What PostgreSQL's processes see of our environment: next to nothing."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def ensure(placement: Placement, *, durable: bool) -> None:
    """Make the cluster with the database `qiatan` when there is none, and refuse one of another major version.

    A cluster appears under its name only when it is complete, so that a start which dies halfway leaves nothing to repair.
    """
    version = placement.cluster / "PG_VERSION"
    try:
        made_by = version.read_text().strip()
    except FileNotFoundError:
        if placement.cluster.exists() and any(placement.cluster.iterdir()):
            raise PostgresError(
                f"{placement.cluster} is not a PostgreSQL cluster and not empty: move it away, or set DATA to another directory"
            ) from None
        _require_space(placement.home, _SPACE_TO_MAKE)
        _make(placement, durable=durable)
        return
    except PermissionError:
        raise PostgresError(
            f"{placement.cluster} belongs to another user: start as the user who made it, as root, or chown -R it to yourself"
        ) from None
    if made_by != str(EMBEDDED_MAJOR):
        raise PostgresError(
            f"the cluster {placement.cluster} was made by PostgreSQL {made_by}, and this version brings {EMBEDDED_MAJOR}: "
            f"dump it with the version of qiatan that made it (pg_dump), move it away, start, and restore the dump"
        )
    _require_space(placement.home, _SPACE_TO_START)


def write_configuration(placement: Placement, *, socket_dir: Path, max_connections: int, durable: bool, users: set[str]) -> Path:
    """Write the three configuration files; returns the path of the first."""
    directory = placement.home / "postgresql.d"
    directory.mkdir(mode=0o755, exist_ok=True)
    main, hba, ident = directory / "postgresql.conf", directory / "pg_hba.conf", directory / "pg_ident.conf"
    _write(hba, config.hba_file())
    _write(ident, config.ident_file(users))
    text = config.settings_file(
        socket_dir=socket_dir, hba=hba, ident=ident, max_connections=max_connections, durable=durable, memory=available_memory()
    )
    _write(main, text)
    return main


def available_memory() -> int:
    """Bytes of memory that this machine has, or that its container may use."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(whole, int(_CONTAINER_LIMIT.read_text()))
    except (OSError, ValueError):
        return whole  # no container, or one without a limit ("max")


def postmaster_status(cluster: Path) -> tuple[int, str] | None:
    """Process id and state word (`starting`, `ready`, `stopping` …) of the file that a running postmaster keeps."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        return int(lines[0]), lines[7].strip() if len(lines) > 7 else ""
    except (FileNotFoundError, IndexError, ValueError):
        return None


def end_orphan(cluster: Path, *, patience_seconds: float = 20.0) -> None:
    """End a postmaster that is still alive although its server is gone; the caller holds the directory's lock.

    Where the kernel told it of the server's death it is leaving already; elsewhere it is asked to, and in the end made to.
    A file that names a living process which is no postmaster of this cluster (a process id used again) is removed.
    """
    status = postmaster_status(cluster)
    if status is None:
        return
    pid, state = status
    if not _alive(pid):
        return
    if not _is_postmaster(pid, cluster):
        (cluster / "postmaster.pid").unlink(missing_ok=True)
        return
    log.warning("PostgreSQL (process %d, %s) outlived its server: waiting until it has stopped", pid, state or "running")
    for signal_number, share in ((signal.SIGINT, 0.6), (signal.SIGQUIT, 0.3), (signal.SIGKILL, 0.1)):
        _signal(pid, signal_number)
        deadline = time.monotonic() + patience_seconds * share
        while time.monotonic() < deadline:
            if not _alive(pid):
                return
            time.sleep(_POLL_SECONDS)
    raise PostgresError(f"an earlier PostgreSQL, process {pid}, still holds {cluster} and does not end: kill -9 {pid}")


def out_of_space(directory: Path) -> PostgresError:
    """The answer to a full disk."""
    free = shutil.disk_usage(directory).free // _MIB
    return PostgresError(
        f"no space left on the disk of {directory} ({free} MiB free): free some, or set DATA to a directory on another disk"
    )


def _require_space(directory: Path, needed: int) -> None:
    if shutil.disk_usage(directory).free < needed:
        raise out_of_space(directory)


def _make(placement: Placement, *, durable: bool) -> None:
    building = placement.home / "postgresql.new"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(mode=0o700)
    placement.hand_over(building)
    command = [
        str(placement.bin / "initdb"),
        f"--pgdata={building}",
        f"--username={SUPERUSER}",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--locale=C",
        "--builtin-locale=C.UTF-8",
        "--auth=peer",
        "--data-checksums",
        "--no-instructions",
    ]
    _run(placement, command if durable else [*command, "--no-sync"], "")
    statements = (
        # Not a superuser: what the product may do here it may do on a managed PostgreSQL too.
        f"CREATE ROLE {OWNER} LOGIN CREATEROLE CREATEDB",
        f"CREATE DATABASE {DATABASE} OWNER {OWNER}",
        f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC",
    )
    single = [str(placement.bin / "postgres"), "--single", "-D", str(building), *(() if durable else ("-F",)), SUPERUSER]
    said = _run(placement, single, "".join(f"{statement}\n" for statement in statements))
    if "ERROR:" in said:
        raise PostgresError(f"PostgreSQL could not make its database: {_worst(said)}")
    if placement.cluster.exists():
        placement.cluster.rmdir()
    building.rename(placement.cluster)
    if durable:
        sync_directory(placement.home)


def _run(placement: Placement, command: list[str], text: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 -- our own binaries with paths of our own making
            command,
            input=text,
            capture_output=True,
            text=True,
            cwd="/",
            env=environment(),
            umask=0o077,
            timeout=_INITDB_SECONDS,
            start_new_session=True,
            check=False,
            **placement.identity(),
        )
    except subprocess.TimeoutExpired:
        raise PostgresError(f"{Path(command[0]).name} took more than {_INITDB_SECONDS} s: look at the disk of {placement.home}") from None
    if done.returncode != 0:
        raise explain(done.stderr, placement.home)
    return done.stderr


def explain(said: str, directory: Path) -> PostgresError:
    """Turn what PostgreSQL said before it went into one line with a remedy."""
    if "No space left on device" in said:
        return out_of_space(directory)
    return PostgresError(f"PostgreSQL does not start: {_worst(said)}; more in {directory}")


def _worst(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("FATAL:", "PANIC:", "ERROR:", "error:", "could not"))]
    return (telling or lines or ["it gave no reason"])[0]


def _write(path: Path, text: str) -> None:
    """Put a file in place in one step, readable for PostgreSQL's user; one that is right already is left alone."""
    with_end = text.encode()
    if path.is_file() and path.read_bytes() == with_end:
        return
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    with os.fdopen(fd, "wb") as file:
        os.fchmod(fd, 0o644)
        file.write(with_end)
    fresh.rename(path)


def _signal(pid: int, signal_number: signal.Signals) -> None:
    try:
        os.kill(pid, signal_number)
    except ProcessLookupError:
        log.debug("process %d was gone already", pid)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Dead, but not yet fetched by a parent that does not care (a container whose first process is no init)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def _is_postmaster(pid: int, cluster: Path) -> bool:
    if Path("/proc/self/cwd").exists():
        try:
            return Path(f"/proc/{pid}/cwd").resolve() == cluster.resolve()
        except OSError:
            return False
    shown = subprocess.run(  # noqa: S603 -- a number of our own
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return "postgres" in shown.stdout and str(cluster) in shown.stdout
