"""PostgreSQL's own programs: which of them fit, and how they are told where the database is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from psycopg import pq

from qiatan.infra.backup.format import BackupError
from qiatan.infra.postgres import EMBEDDED_MAJOR
from qiatan.infra.postgres.placement import wheel_binaries
from qiatan.infra.setup_error import SetupError

_ASK_SECONDS = 10
_VERSION = re.compile(r"\(PostgreSQL\)[^0-9]*([0-9]+)")


@dataclass(frozen=True, slots=True)
class Tools:
    """pg_dump, pg_restore and psql of one PostgreSQL, by its major version."""

    directory: Path
    major: int

    def __getitem__(self, name: str) -> str:
        return str(self.directory / name)


def tools_for(major: int, *, what: str) -> Tools:
    """Programs that understand this major version and every one before it: those of the wheel, else those on the PATH.

    Raises `BackupError` when both are older; `what` says whose version it is.
    """
    found = [tools for tools in (_of_wheel(), _on_path()) if tools is not None]
    for tools in found:
        if tools.major >= major:
            return tools
    newest = max((tools.major for tools in found), default=0)
    have = f"only those of {newest} are here" if newest else "there are none here"
    raise BackupError(
        f"{what} is of PostgreSQL {major}, and {have}: install the client programs of PostgreSQL {major} or newer (pg_dump, on the PATH)"
    )


def surroundings(url: str) -> dict[str, str]:
    """The environment that names a database to PostgreSQL's programs. No password stands on a command line, which others may read."""
    told = {
        option.envvar.decode(): option.val.decode()
        for option in pq.Conninfo.parse(url.encode())
        if option.val is not None and option.envvar is not None
    }
    return {**os.environ, "LC_ALL": "C", "PGCONNECT_TIMEOUT": "10", **told}


def complaint(said: bytes) -> str:
    """The line that tells most of what such a program said."""
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    telling = [line for line in lines if "rror:" in line or "ERROR:" in line or "FATAL:" in line]
    return (telling or lines or ["it gave no reason"])[0][:400]


def _of_wheel() -> Tools | None:
    try:
        directory = wheel_binaries()
    except SetupError:
        return None
    return Tools(directory, EMBEDDED_MAJOR) if (directory / "pg_dump").exists() else None


def _on_path() -> Tools | None:
    places = {name: shutil.which(name) for name in ("pg_dump", "pg_restore", "psql")}
    if None in places.values():
        return None
    directory = Path(str(places["pg_dump"])).parent
    told = subprocess.run(  # noqa: S603 -- what the operator's PATH names
        [str(places["pg_dump"]), "--version"], capture_output=True, text=True, timeout=_ASK_SECONDS, check=False
    )
    version = _VERSION.search(told.stdout)
    return Tools(directory, int(version[1])) if version is not None else None
