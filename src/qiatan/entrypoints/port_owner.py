"""Who listens on a TCP port, as far as the system tells this user."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_LISTENING = "0A"


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that listens."""

    pid: int
    name: str


def owner_of_port(port: int) -> Owner | None:
    """The process that listens on this port; None when nobody does, it is another user's, or the system (not Linux) does not tell."""
    sockets = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listening(Path("/proc/net", table), port)}
    if not sockets:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        # Processes come and go while we look, and those of other users stay closed.
        with suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                with suppress(OSError):
                    if str(descriptor.readlink()) in sockets:
                        return Owner(int(process.name), (process / "comm").read_text().strip())
    return None


def _listening(table: Path, port: int) -> list[str]:
    """Inodes of listening sockets, from lines like `0: 0100007F:1F40 00000000:0000 0A … inode …`."""
    with suppress(FileNotFoundError):
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
        return [row[9] for row in rows if row[3] == _LISTENING and int(row[1].rpartition(":")[2], 16) == port]
    return []


def parent_of(pid: int) -> int | None:
    """The process that started this one; None when it is gone, or the system does not tell."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return None
