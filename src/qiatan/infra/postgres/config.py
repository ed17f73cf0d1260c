"""How the embedded PostgreSQL is set: durable, quiet when idle, and reachable by nobody but its own user.

The three files stand beside the cluster and not inside it, so that a process that runs as PostgreSQL's user cannot change who may
connect. They are written anew at each start; what an operator wants otherwise goes into `ALTER SYSTEM`, which wins over them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

PORT = 5432
_SETTINGS: dict[str, str] = {
    # reachable by a socket only
    "listen_addresses": "''",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    # small when idle
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "1GB",
    "io_method": "sync",
    "max_worker_processes": "2",
    "max_parallel_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "max_logical_replication_workers": "0",
    "max_wal_senders": "2",
    "autovacuum": "on",
    "autovacuum_worker_slots": "2",
    "autovacuum_max_workers": "2",
    "jit": "off",
    # the roles of the program are made by the database's owner, who must be able to take them
    "createrole_self_grant": "'set, inherit'",
    # flash disks: a random page costs hardly more than the next one
    "random_page_cost": "1.1",
    # bounded disk use, quick recovery; a checkpoint every few minutes even where thousands write each second
    "min_wal_size": "80MB",
    "max_wal_size": "4GB",
    "timezone": "'UTC'",
    # its own log, one file per weekday, each overwritten after a week; values of rows stay out of it
    "logging_collector": "on",
    "log_directory": "'log'",
    "log_filename": "'postgresql-%a.log'",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_file_mode": "0600",
    "log_timezone": "'UTC'",
    "log_line_prefix": "'%m [%p] %u@%d '",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_parameter_max_length_on_error": "0",
}
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_SCRATCH = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


_MIB = 1024 * 1024
_LEAST_BUFFERS, _MOST_BUFFERS = 128 * _MIB, 2048 * _MIB


def shared_buffers(memory: int) -> int:
    """How many bytes of pages PostgreSQL keeps, of a machine (or container) with so many bytes of memory: an eighth, within bounds.

    Pages it has no room for are written by whoever needs the room, while everybody waits for that commit; what it never needs is never taken.
    """
    return max(_LEAST_BUFFERS, min(_MOST_BUFFERS, memory // 8)) // _MIB * _MIB


def settings_file(*, socket_dir: Path, hba: Path, ident: Path, max_connections: int, durable: bool, memory: int) -> str:
    """The text of `postgresql.conf` for a machine with `memory` bytes; `durable=False` is for tests only and loses data when it dies."""
    settings = {
        **_SETTINGS,
        "shared_buffers": f"{(shared_buffers(memory) if durable else _LEAST_BUFFERS) // _MIB}MB",
        **(_DURABLE if durable else _SCRATCH),
        "max_connections": str(max_connections),
        "unix_socket_directories": _quoted(socket_dir),
        "hba_file": _quoted(hba),
        "ident_file": _quoted(ident),
    }
    head = "# Written by qiatan at each start. To change a setting, use ALTER SYSTEM: it wins over this file.\n"
    return head + "".join(f"{name} = {value}\n" for name, value in settings.items())


def hba_file() -> str:
    """Who may connect: over the socket, whom the kernel vouches for and the map below names."""
    return "local all all peer map=qiatan\n"


def ident_file(system_users: Iterable[str]) -> str:
    """The map: these system users may take every database role (PostgreSQL 16 and newer know `all`)."""
    return "".join(f'qiatan "{user}" all\n' for user in sorted(set(system_users)))


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("\\", "\\\\").replace("'", "''") + "'"
