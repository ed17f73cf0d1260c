"""What a backup looks like: one plain tar file, so that it can be taken apart without us.

database.dump          what pg_dump wrote, in its custom format
secret.key             the installation's key, where it was asked for and lies in a file of ours
files/<ab>/<name>      contents that the dump refers to
files.sha256           their sums, as `sha256sum -c` reads them
manifest.json          what is in here, with the size and sum of each other part; its lack tells that the file was cut off
manifest.json.sha256   its sum
"""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from qiatan.infra.setup_error import SetupError

FORMAT = 1
DUMP = "database.dump"
KEY = "secret.key"
SUMS = "files.sha256"
MANIFEST = "manifest.json"
MANIFEST_SUM = "manifest.json.sha256"
FILES = "files/"
FILE_NAME = re.compile(r"files/([0-9a-f]{2})/(\1[0-9a-f]{30}(?:\.[a-z]{1,8})?)")
SCHEDULED = "-scheduled"
ARCHIVE_NAME = re.compile(r"qiatan-([0-9]{8}T[0-9]{6}Z)(-scheduled)?\.tar")
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_STAMP = "%Y%m%dT%H%M%SZ"

MOST_OF_MANIFEST = 4 * 1024 * 1024
MISSING_SHOWN = 100


class BackupError(SetupError):
    """A backup cannot be made or brought back. One line: what is wrong, and what to do."""


class BrokenBackup(BackupError):
    """This file is not a backup, or not whole any more."""


class Part(msgspec.Struct, frozen=True):
    """One part of the archive: bytes, and their sum in hexadecimal."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself. `made_at` is the moment that the whole of it shows."""

    format: int
    program: str
    revision: str
    postgres: int
    dumped_by: int
    """The major version of pg_dump: pg_restore must not be older."""
    made_at: datetime
    ended_at: datetime
    counts: dict[str, int]
    """Rows of each table."""
    database_bytes: int
    parts: tuple[Part, ...]
    files: int
    files_bytes: int
    files_from: str
    """`disk`, `bucket`, or `none` when they stayed in the bucket."""
    bucket: str | None = None
    key: str = "none"
    """The secret key: `included`, `left_out`, `elsewhere` (given by a setting), or `none` when there was none yet."""
    missing: int = 0
    """Contents that the database refers to and that were nowhere, before the backup already."""
    missing_names: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    """Database roles of the operator's own that have rights on our tables."""

    def part(self, name: str) -> Part | None:
        return next((part for part in self.parts if part.name == name), None)


def encode(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def decode(content: bytes) -> Manifest:
    """Raises `BrokenBackup` for one that we cannot read."""
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BrokenBackup(f"its {MANIFEST} cannot be read ({error})") from None
    if manifest.format != FORMAT:
        raise BrokenBackup(
            f"it is of format {manifest.format}, and this Qiatan reads {FORMAT}: use the version that made it, {manifest.program}"
        )
    if not all(_TABLE.fullmatch(table) for table in manifest.counts):
        raise BrokenBackup(f"its {MANIFEST} names tables that no database of Qiatan has")
    return manifest


def archive_name(moment: datetime, *, scheduled: bool = False) -> str:
    return f"qiatan-{moment.strftime(_STAMP)}{SCHEDULED if scheduled else ''}.tar"


def moment_of(name: str) -> datetime | None:
    """When the scheduled backup of this file name began; None for any other name."""
    found = ARCHIVE_NAME.fullmatch(name)
    if found is None or found[2] is None:
        return None
    try:
        return datetime.strptime(f"{found[1]}+0000", f"{_STAMP}%z")
    except ValueError:
        return None
