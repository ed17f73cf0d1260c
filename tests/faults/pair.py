"""Two PostgreSQL servers, one the synchronous copy of the other, of which either may fail."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from bench.server import alive, tree
from qiatan.infra.postgres import cluster, make_scratch_dir
from qiatan.infra.postgres.placement import Placement, place
from tests.faults.disks import SmallDisk
from tests.faults.ports import take_ports
from tests.faults.shims import Shim

START_SECONDS = 60.0
_DISK_MIB = 1_024
_STANDBY = "standby"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "120",
    "shared_buffers": "64MB",
    # A process that is killed loses nothing that the kernel has; the machine itself does not fail here.
    "fsync": "off",
    "synchronous_commit": "on",
    "max_wal_senders": "5",
    "wal_keep_size": "64MB",
    "min_wal_size": "32MB",
    "max_wal_size": "128MB",
    "max_worker_processes": "2",
    "max_parallel_workers": "0",
    "jit": "off",
}
_HBA = "host all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n"


class Postgres:
    """One server on a port of its own; trusts everybody on this machine.

    `disk`: a file system of its own, where this machine has such; `shim`: its clock, and how slow its disk is.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.directory = make_scratch_dir()
        self.disk = SmallDisk(self.directory, _DISK_MIB)
        self.shim = Shim(self.directory)
        self.placement: Placement = place(self.directory)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self._url("qiatan", "qiatan")

    @property
    def admin_url(self) -> str:
        return self._url("postgres", "qiatan")

    def _url(self, user: str, database: str) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def make(self) -> None:
        """An empty cluster with the database `qiatan`."""
        cluster.ensure(self.placement, durable=False)

    def copy(self, other: Postgres) -> None:
        """Become a copy of the other, which goes on copying."""
        shutil.rmtree(self.placement.cluster, ignore_errors=True)
        source = f"host=127.0.0.1 port={other.port} user=postgres application_name={_STANDBY}"
        target = self.placement.home / "copy.new"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(mode=0o700)
        self.placement.hand_over(target)
        command = [
            str(self.placement.bin / "pg_basebackup"),
            "-d",
            source,
            "-D",
            str(target),
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
            "--no-sync",
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd="/", env=cluster.environment(), **self.placement.identity()
        )
        assert done.returncode == 0, done.stderr
        target.rename(self.placement.cluster)

    def start(self) -> None:
        """Start it; returns when it takes connections."""
        hba = self.placement.home / "hba.conf"
        hba.write_text(_HBA)
        hba.chmod(0o644)
        settings = {**_SETTINGS, "port": str(self.port), "hba_file": str(hba)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        (self.placement.cluster / "postmaster.pid").unlink(missing_ok=True)
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(self.placement.bin / "postgres"), "-D", str(self.placement.cluster), *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env={**cluster.environment(), **self.shim.environment()},
                start_new_session=True,
                **self.placement.identity(),
            )
        self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        ends = time.monotonic() + START_SECONDS
        while True:
            with suppress(psycopg.OperationalError), psycopg.connect(self.admin_url, connect_timeout=2):
                return
            assert self._process is not None
            assert self._process.poll() is None, self.said()
            assert time.monotonic() < ends, f"PostgreSQL does not answer: {self.said()}"
            time.sleep(0.05)

    @property
    def _log(self) -> Path:
        return self.directory / "said"

    def said(self) -> str:
        return self._log.read_text(errors="replace")[-4000:]

    def kill(self) -> None:
        """All its processes end at once, as with a machine that loses its power."""
        if self._process is None or self._process.poll() is not None:
            return
        os.kill(self.pid, signal.SIGSTOP)  # so that it starts nothing while we look
        for pid in tree(self.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(20)
        self._process = None

    def kill_one(self, kind: str) -> bool:
        """Kill -9 a process of that kind (`client backend`, `walsender`, `walreceiver`, `checkpointer` …); False when there is none."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            row = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = %s AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1", [kind]
            ).fetchone()
        if row is None:
            return False
        os.kill(row[0], signal.SIGKILL)
        return True

    def revive(self) -> None:
        """Start it again if it has given up: what watches over a server does so."""
        if self._process is None or not alive(self._process.pid):
            if self._process is not None:
                self._process.wait(20)
            self.start()
        else:
            self.wait_until_it_answers()

    def ask(self, *statements: str) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def remove(self) -> None:
        self.kill()
        self.disk.remove()
        shutil.rmtree(self.directory, ignore_errors=True)
        if self.placement.home != self.directory:
            shutil.rmtree(self.placement.home, ignore_errors=True)


class Pair:
    """A primary whose commits wait for its standby, so that whoever was told of a commit finds it on both."""

    def __init__(self) -> None:
        self.primary, self.standby = (Postgres(port) for port in take_ports(2))

    def start(self) -> None:
        self.primary.make()
        self.primary.start()
        self.rebuild_standby()

    def rebuild_standby(self) -> None:
        """Make the second server a copy of the first, and let commits wait for it."""
        self.standby.kill()
        self.standby.copy(self.primary)
        self.standby.start()
        self.primary.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{_STANDBY}'", "SELECT pg_reload_conf()")
        self.wait_until_in_step()

    def wait_until_in_step(self) -> None:
        """Until the standby is what commits wait for."""
        ends = time.monotonic() + START_SECONDS
        with psycopg.connect(self.primary.admin_url, autocommit=True) as connection:
            while connection.execute("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'").fetchone() is None:
                assert time.monotonic() < ends, f"the standby does not follow: {self.standby.said()}"
                time.sleep(0.05)

    def fail_over(self) -> None:
        """The primary dies and the standby takes its place; nobody copies it until `rebuild_standby`."""
        self.primary.kill()
        self.primary, self.standby = self.standby, self.primary
        self.primary.ask("SELECT pg_promote(wait => true)", "ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()")

    def remove(self) -> None:
        self.primary.remove()
        self.standby.remove()
