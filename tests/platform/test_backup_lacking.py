"""Backups that lack files: they are kept, and never take the place of those that have them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from alembic import command as alembic

from qiatan.entrypoints import backup_jobs, backup_restore, backups
from qiatan.infra.backup import last_backups, last_good_backup
from qiatan.infra.backup.format import archive_name
from qiatan.infra.backup_schedule import RETRY_PAUSES, BackupTime, Keep
from qiatan.infra.db import Database, migrate
from qiatan.infra.resources import Resources
from qiatan.infra.settings import Settings
from qiatan.infra.storage import S3Storage
from tests.guarantees.history import Shop, fill
from tests.platform.test_backup import blank, files_in, place, put_files, shop, silent, url_of
from tests.support.clock import FakeClock
from tests.support.s3_server import s3_server

__all__ = ["place", "shop"]


@pytest.fixture
async def nightly(shop: Settings, place: Path, resources: Resources, clock: FakeClock) -> AsyncIterator[Resources]:
    """An installation with files and a schedule that keeps two days."""
    database = Database(url_of(shop), clock=clock, pool_size=4)
    settings = replace(shop, backup_at=BackupTime(3, 30, "Asia/Shanghai"), backup_dir=place / "nightly", backup_keep=Keep(2, 0, 0))
    yield replace(resources, database=database, settings=settings)
    await database.dispose()


async def night(resources: Resources, clock: FakeClock) -> str:
    """One night; returns the name of what was made in it."""
    name = archive_name(clock.now(), scheduled=True)
    await backup_jobs.scheduled.run(resources)
    clock.advance(days=1)
    return name


def made(resources: Resources) -> list[str]:
    return sorted(path.name for path in backups.directory_of(resources.settings).iterdir())


async def outcomes(resources: Resources) -> list[tuple[bool | None, str | None]]:
    """How the nights ended. What is made by hand keeps the time of the machine, which is another."""
    async with resources.database.system() as tx:
        return [(backup.ok, backup.error) for backup in reversed(await last_backups(tx)) if backup.due_at is not None]


async def test_where_all_files_are_gone_it_is_no_good_one_and_the_whole_ones_stay(nightly: Resources, clock: FakeClock) -> None:
    """Given two good nights, when the files are not mounted for four, then the good ones stay, with the newest of the others."""
    files = nightly.settings.data_dir / "files"
    good = [await night(nightly, clock), await night(nightly, clock)]
    files.rename(files.with_name("away"))

    without = [await night(nightly, clock) for _ in range(4)]

    told = f"none of the 6 files that the database refers to are in {files}: see that it is the right one, and mounted"
    assert await outcomes(nightly) == [(True, None)] * 2 + [(False, told)] * 4
    assert made(nightly) == [*good, without[-1]]
    async with nightly.database.system() as tx:
        last = await last_good_backup(tx)
    assert last is not None
    assert Path(last.path).name == good[-1]
    report = await backup_restore.verify(nightly.settings, backups.directory_of(nightly.settings) / without[-1], trial=False, tell=silent)
    assert (report.manifest.files, report.manifest.missing, report.absent) == (0, 6, 6)

    # and once they are back, all goes on as ever
    files.with_name("away").rename(files)
    again = [await night(nightly, clock)]
    assert (await outcomes(nightly))[-1] == (True, None)
    assert made(nightly) == [good[-1], *again]


async def test_a_file_that_is_newly_missing_is_told_until_a_person_accepts_it(nightly: Resources, clock: FakeClock) -> None:
    files = nightly.settings.data_dir / "files"
    first = await night(nightly, clock)
    lost = sorted(files_in(nightly.settings.data_dir))[:2]
    (files / lost[0][:2] / lost[0]).unlink()

    await night(nightly, clock)

    told = (
        f"1 of the 6 files that the database refers to are not in {files} ({lost[0]}): "
        "bring them back from an older backup; if they are lost for good, run qiatan backup --accept-missing once"
    )
    assert (await outcomes(nightly))[-1] == (False, told)
    by_hand = await backups.back_up(nightly.settings, None, backups.Choice(), silent)
    assert by_hand.lack == told

    accepted = await backups.back_up(nightly.settings, nightly.settings.data_dir / "a.tar", backups.Choice(accept_missing=True), silent)
    assert (accepted.manifest.missing, accepted.lack) == (1, None)
    clock.advance(days=1)
    second = await night(nightly, clock)
    assert (await outcomes(nightly))[-1] == (True, None)
    assert made(nightly) == sorted([by_hand.path.name, first, second])

    # and one more is new again
    (files / lost[1][:2] / lost[1]).unlink()
    await night(nightly, clock)
    assert (await outcomes(nightly))[-1] == (False, told.replace("1 of", "2 of").replace(lost[0], ", ".join(lost)))


async def test_one_that_lacks_files_is_not_made_again_until_the_next_night(nightly: Resources, clock: FakeClock) -> None:
    """Given a file was lost, when the job runs at each time at which a failure would be tried again, then there is one a night, and told."""
    contents = files_in(nightly.settings.data_dir)
    lost = min(contents)
    (nightly.settings.data_dir / "files" / lost[:2] / lost).unlink()
    turn = archive_name(clock.now(), scheduled=True)

    await backup_jobs.scheduled.run(nightly)
    for pause in RETRY_PAUSES:
        clock.advance(seconds=pause.total_seconds())
        await backup_jobs.scheduled.run(nightly)

    assert made(nightly) == [turn]
    assert [ok for ok, _ in await outcomes(nightly)] == [False]
    async with nightly.database.system() as tx:
        assert await last_good_backup(tx) is None
    clock.advance(days=1)
    await backup_jobs.scheduled.run(nightly)
    assert [ok for ok, _ in await outcomes(nightly)] == [False, False]


async def test_backups_whose_files_stay_in_a_bucket_do_not_forget_what_was_accepted(shop: Settings, place: Path) -> None:
    """Given a loss in the bucket was accepted, when the nights copy no files, then the next copy of them is good still."""
    contents = files_in(shop.data_dir)
    lost = min(contents)
    with s3_server(place / "s3") as bucket:
        for name in contents.keys() - {lost}:
            await S3Storage(bucket).put(name, contents[name])
        settings = replace(shop, s3=bucket)

        lacking = await backups.back_up(settings, place / "1.tar", backups.Choice(with_bucket=True), silent)
        await backups.back_up(settings, place / "2.tar", backups.Choice(with_bucket=True, accept_missing=True), silent)
        without = await backups.back_up(settings, place / "3.tar", backups.Choice(), silent)
        again = await backups.back_up(settings, place / "4.tar", backups.Choice(with_bucket=True), silent)

    assert lacking.lack == (
        f"1 of the 6 files that the database refers to are not in the bucket {bucket.bucket} ({lost}): "
        "bring them back from an older backup; if they are lost for good, run qiatan backup --accept-missing once"
    )
    assert (without.manifest.files_from, without.lack) == ("none", None)
    assert (again.manifest.missing, again.lack) == (1, None)


async def test_a_database_of_the_version_before_is_backed_up_and_notes_it(postgres_url: str, place: Path) -> None:
    """Whoever upgrades makes a backup with the new program first: that database does not count what is missing."""
    url, data = blank(postgres_url), place / "old"
    data.mkdir()
    alembic.upgrade(migrate.configuration(url), "0026")
    fill(url, Shop())
    (lost, *_) = sorted(put_files(data, url))
    (data / "files" / lost[:2] / lost).unlink()
    settings = Settings(data_dir=data, database_url=url)

    lacking = await backups.back_up(settings, place, backups.Choice(), silent)
    accepted = await backups.back_up(settings, place / "two.tar", backups.Choice(accept_missing=True), silent)

    assert lacking.lack is not None
    assert (accepted.manifest.revision, accepted.manifest.missing, accepted.lack) == ("0026", 1, None)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT ok, error FROM backups ORDER BY started_at").fetchall() == [(False, lacking.lack), (True, None)]
