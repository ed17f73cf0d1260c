"""The embedded PostgreSQL when somebody pulls the plug."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from qiatan.infra.postgres import ClusterInUse, PostgresError
from qiatan.infra.postgres import cluster as cluster_module
from tests.platform.conftest import Embedded, Hold, alive, await_end

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")


def insert(url: str, value: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])


def kept(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT value FROM kept ORDER BY value")]


@linux_only
def test_postgres_dies_with_a_server_that_is_killed_and_the_next_start_has_everything(made: Path, hold: Hold) -> None:
    first = hold(made)
    insert(first.url, 1)
    first.kill()
    await_end(first.postgres)

    second = hold(made)
    assert kept(second.url) == [1]
    second.stop()


def test_a_start_does_not_wait_for_the_killed_one_to_be_gone(made: Path, hold: Hold) -> None:
    first = hold(made)
    insert(first.url, 1)
    first.kill()
    second = hold(made)
    assert kept(second.url) == [1]
    assert not alive(first.postgres)
    second.stop()


async def test_a_killed_postgres_comes_back_with_what_was_committed(made: Path, embedded: Embedded) -> None:
    postgres = embedded(made)
    url = await postgres.start()
    insert(url, 7)
    before = postgres.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    async with asyncio.timeout(20):
        while postgres.pid in {None, before} or not await answers(url):
            await asyncio.sleep(0.05)
    assert kept(url) == [7]
    await postgres.stop()


async def answers(url: str) -> bool:
    try:
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


async def test_an_orphan_on_the_same_data_is_stopped(made: Path, embedded: Embedded) -> None:
    """Where the kernel does not tell of the server's death: a postmaster without the death pact and without a server."""
    earlier = embedded(made)
    await earlier.start()
    await earlier.stop()
    placement = earlier._placement
    assert placement is not None
    orphan = subprocess.Popen(
        [str(placement.bin / "postgres"), "-D", str(placement.cluster), "-c", f"config_file={made}/postgresql.d/postgresql.conf"],
        cwd="/",
        env=cluster_module.environment(),
        start_new_session=True,
        stderr=subprocess.DEVNULL,
        **placement.identity(),
    )
    while cluster_module.postmaster_status(placement.cluster) != (orphan.pid, "ready"):
        await asyncio.sleep(0.02)

    postgres = embedded(made)
    began = time.monotonic()
    await postgres.start()
    assert time.monotonic() - began < 10
    assert postgres.pid != orphan.pid
    assert orphan.wait(5) == 0
    await postgres.stop()


async def test_a_stale_file_that_names_somebody_elses_process_is_no_obstacle(made: Path, embedded: Embedded) -> None:
    postgres = embedded(made)
    await postgres.start()
    assert postgres.cluster_dir is not None
    lines = (postgres.cluster_dir / "postmaster.pid").read_text().splitlines()
    await postgres.stop()
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        (postgres.cluster_dir / "postmaster.pid").write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        again = embedded(made)
        await again.start()
        assert stranger.poll() is None
        await again.stop()
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_second_server_on_the_same_data_is_told_who_has_it(made: Path, embedded: Embedded, hold: Hold) -> None:
    first = hold(made)
    with pytest.raises(ClusterInUse, match=f"process {first.process.pid} already serves .*DATA="):
        await embedded(made).start()
    insert(first.url, 1)
    first.stop()


async def test_a_start_that_fails_leaves_the_directory_free(made: Path, embedded: Embedded) -> None:
    postgres = embedded(made, durable=False)
    await postgres.start()
    await postgres.stop()
    assert postgres.cluster_dir is not None
    control = postgres.cluster_dir / "global" / "pg_control"
    content = control.read_bytes()
    control.write_bytes(b"\0" * len(content))
    with pytest.raises(PostgresError, match=r"PostgreSQL does not start: .+; more in "):
        await postgres.start()
    control.write_bytes(content)
    await postgres.start()
    await postgres.stop()


def test_a_start_that_died_halfway_is_begun_anew(scratch: Path, hold: Hold) -> None:
    half = scratch / "postgresql.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    hold(scratch).stop()
    assert not half.exists()


def test_sigterm_stops_everything_within_ten_seconds(made: Path, hold: Hold) -> None:
    held = hold(made)
    idle = psycopg.connect(held.url)
    idle.execute("SELECT 1")
    began = time.monotonic()
    assert "stopped" in held.stop()
    assert time.monotonic() - began < 10
    idle.close()
    assert not alive(held.postgres)


@linux_only
def test_ctrl_c_reaches_only_the_server(made: Path, hold: Hold) -> None:
    """The terminal interrupts a whole process group; PostgreSQL is in a session of its own."""
    held = hold(made, start_new_session=True)
    assert os.getsid(held.postgres) == held.postgres
    assert os.getpgid(held.postgres) != os.getpgid(held.process.pid)
    held.stop()
