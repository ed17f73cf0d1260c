"""Backups that make themselves: once for all processes, tried again, told to the database, and removed when their time is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest

from qiatan.entrypoints import backup_jobs, backups, users
from qiatan.infra.backup import last_backups, last_good_backup, records
from qiatan.infra.backup.archive import check
from qiatan.infra.backup.format import BackupError, archive_name
from qiatan.infra.backup_schedule import RETRY_PAUSES, BackupTime, Keep
from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from tests.support.clock import FakeClock


@pytest.fixture
async def nightly(empty_database: str, resources: Resources, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Resources]:
    """An installation of its own with a schedule."""
    database = Database(empty_database, clock=clock, pool_size=4)
    settings = replace(
        resources.settings, backup_at=BackupTime(3, 30, "Asia/Shanghai"), backup_dir=tmp_path / "nightly", backup_keep=Keep(2, 0, 0)
    )
    yield replace(resources, database=database, settings=settings)
    await database.dispose()


def made(resources: Resources) -> list[str]:
    directory = backups.directory_of(resources.settings)
    return sorted(path.name for path in directory.iterdir()) if directory.exists() else []


async def noted(resources: Resources) -> list[records.Backup]:
    async with resources.database.system() as tx:
        return await last_backups(tx)


async def test_it_is_made_once_however_many_processes_look(nightly: Resources) -> None:
    await asyncio.gather(*(backup_jobs.scheduled.run(nightly) for _ in range(4)))
    await backup_jobs.scheduled.run(nightly)

    assert len(made(nightly)) == 1
    (backup,) = await noted(nightly)
    assert (backup.ok, backup.error) == (True, None)
    assert backup.due_at == datetime(2026, 3, 1, 19, 30, tzinfo=UTC)
    assert backup.path.endswith(made(nightly)[0])
    assert backup.size == Path(backup.path).stat().st_size
    assert check(Path(backup.path)).counts["backups"] == 1


async def test_the_next_night_has_its_own_and_old_ones_go(nightly: Resources, clock: FakeClock) -> None:
    """Given two days are kept, when there are four nights, then the last two are there; what was made by hand is left alone."""
    directory = backups.directory_of(nightly.settings)
    directory.mkdir()
    by_hand = directory / archive_name(datetime(2020, 1, 1, tzinfo=UTC))
    by_hand.write_bytes(b"mine")
    (directory / "letter.txt").write_bytes(b"mine")
    names = []
    for _ in range(4):
        await backup_jobs.scheduled.run(nightly)
        names.append(archive_name(clock.now(), scheduled=True))
        clock.advance(days=1)

    assert made(nightly) == sorted([by_hand.name, "letter.txt", *names[-2:]])
    assert len(await noted(nightly)) == 4


async def test_one_that_fails_is_tried_again_after_ever_longer_pauses(
    nightly: Resources, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[datetime] = []

    async def fail(*_: object) -> None:
        tried.append(clock.now())
        raise BackupError("the disk is full")

    monkeypatch.setattr(backups, "_make", fail)
    for pause in RETRY_PAUSES:
        await backup_jobs.scheduled.run(nightly)
        clock.advance(seconds=pause.total_seconds() - 1)
        await backup_jobs.scheduled.run(nightly)
        clock.advance(seconds=1)
    await backup_jobs.scheduled.run(nightly)
    clock.advance(hours=6)
    await backup_jobs.scheduled.run(nightly)

    assert len(tried) == len(RETRY_PAUSES) + 1
    assert [later - earlier for earlier, later in pairwise(tried)] == list(RETRY_PAUSES)
    assert {(backup.ok, backup.error) for backup in await noted(nightly)} == {(False, "the disk is full")}
    async with nightly.database.system() as tx:
        assert await last_good_backup(tx) is None
    assert made(nightly) == []


async def test_a_failure_removes_no_older_one(nightly: Resources, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    await backup_jobs.scheduled.run(nightly)
    good = made(nightly)

    async def fail(*_: object) -> None:
        raise BackupError("the disk is full")

    monkeypatch.setattr(backups, "_make", fail)
    for _ in range(10):
        clock.advance(days=1)
        await backup_jobs.scheduled.run(nightly)

    assert made(nightly) == good
    async with nightly.database.system() as tx:
        last = await last_good_backup(tx)
    assert last is not None
    assert last.path.endswith(good[0])


async def test_one_whose_process_died_is_made_by_another(nightly: Resources, clock: FakeClock) -> None:
    at = nightly.settings.backup_at
    assert at is not None
    turn = at.last_turn(clock.now())
    async with nightly.database.system() as tx:
        await records.begin(tx, machine="shop-1", path="/gone.tar", turn=turn)
    directory = backups.directory_of(nightly.settings)
    directory.mkdir()
    (directory / ".qiatan-20260302T120000Z-scheduled.tar.partial").write_bytes(b"half")

    await backup_jobs.scheduled.run(nightly)

    assert len(made(nightly)) == 1
    assert [(backup.ok, backup.error) for backup in await noted(nightly)] == [
        (True, None),
        (False, "the process ended before the backup did"),
    ]


async def test_while_one_is_at_it_no_other_begins(nightly: Resources) -> None:
    async with records.turn_of_schedule(nightly.database.url) as ours:
        assert ours
        await backup_jobs.scheduled.run(nightly)

    assert made(nightly) == []
    assert await noted(nightly) == []


async def test_while_one_is_at_it_a_new_server_makes_its_demo(nightly: Resources) -> None:
    async with records.turn_of_schedule(nightly.database.url) as ours:
        assert ours
        access = await users.ensure_demo(nightly.database)

    assert access is not None
    assert access.email == "admin@demo.local"


async def test_without_a_schedule_nothing_happens(nightly: Resources) -> None:
    await backup_jobs.scheduled.run(replace(nightly, settings=replace(nightly.settings, backup_at=None)))

    assert made(nightly) == []
    assert await noted(nightly) == []


async def test_a_directory_that_cannot_be_written_is_told(nightly: Resources, tmp_path: Path) -> None:
    (tmp_path / "nightly").write_bytes(b"a file")

    await backup_jobs.scheduled.run(nightly)

    (backup,) = await noted(nightly)
    assert backup.ok is False
    assert backup.error is not None
    assert backup.error.startswith(f"cannot make {tmp_path / 'nightly'} (")


async def test_what_was_noted_long_ago_is_forgotten(nightly: Resources, clock: FakeClock) -> None:
    async with nightly.database.system() as tx:
        await records.end(tx, await records.begin(tx, machine="shop-1", path="/a.tar"), size=1)
    clock.advance(days=401)
    async with nightly.database.system() as tx:
        await records.begin(tx, machine="shop-1", path="/b.tar")

    assert [backup.path for backup in await noted(nightly)] == ["/b.tar"]
    with psycopg.connect(nightly.database.url) as connection:
        assert connection.execute("SELECT count(*) FROM backups").fetchone() == (1,)
