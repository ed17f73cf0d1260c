"""What is in a backup, and what is not: files that vanish, buckets, keys, a full disk, a failure that is noted."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from qiatan.entrypoints import backup_restore, backups
from qiatan.infra.backup import last_backups, making, tools
from qiatan.infra.backup.archive import ArchiveReader
from qiatan.infra.backup.format import BackupError, BrokenBackup
from qiatan.infra.backup.making import Wanted
from qiatan.infra.clock import SystemClock
from qiatan.infra.db import Database
from qiatan.infra.settings import S3Bucket, Settings
from qiatan.infra.storage import LocalStorage, S3Storage
from tests.guarantees.history import counts
from tests.platform.test_backup import KEY, blank, files_in, place, shop, silent, taken, unstarted, url_of
from tests.support.s3_server import s3_server

__all__ = ["place", "shop", "taken"]


async def test_a_key_that_is_given_by_a_setting_is_not_in_it(shop: Settings, place: Path) -> None:
    made = await backups.back_up(replace(shop, given_key=bytes.fromhex(KEY)), place, backups.Choice(), silent)

    assert (made.manifest.key, made.manifest.part("secret.key")) == ("elsewhere", None)


async def test_files_in_a_bucket_stay_there_unless_asked_for(shop: Settings, place: Path) -> None:
    bucket = S3Bucket(bucket="talk", access_key="a", secret_key="b", endpoint="http://127.0.0.1:1")

    made = await backups.back_up(replace(shop, s3=bucket), place, backups.Choice(), silent)

    assert (made.manifest.files, made.manifest.files_from, made.manifest.bucket) == (0, "none", "talk")


async def test_files_of_a_bucket_are_copied_when_asked_for_and_go_back_into_one(
    shop: Settings, place: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unstarted(monkeypatch)
    contents = files_in(shop.data_dir)
    with s3_server(place / "s3") as bucket:
        for name, content in contents.items():
            await S3Storage(bucket).put(name, content)
        made = await backups.back_up(replace(shop, s3=bucket), place, backups.Choice(with_bucket=True), silent)
        for name in contents:
            await S3Storage(bucket).delete(name)
        target = Settings(data_dir=place / "new", database_url=blank(postgres_url), s3=bucket)
        await backup_restore.restore(target, made.path, replace=False, tell=silent)

        assert {name: await S3Storage(bucket).get(name) for name in contents} == contents
    assert (made.manifest.files, made.manifest.files_from, made.manifest.bucket) == (6, "bucket", bucket.bucket)
    assert files_in(place / "new") == {}


class _Vanishing(LocalStorage):
    """Where a file is given up, row and content, in the moment before it is copied."""

    def __init__(self, root: Path, url: str, name: str) -> None:
        super().__init__(root)
        self._url, self._name = url, name

    async def stream(self, name: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        if name == self._name:
            async with await psycopg.AsyncConnection.connect(self._url) as connection:
                await connection.execute("UPDATE files SET deleted_at = now() WHERE blob = %s", (name,))
            await self.delete(name)
        async for piece in super().stream(name, start, length):
            yield piece


async def test_what_is_given_up_meanwhile_is_not_missing(shop: Settings, place: Path) -> None:
    gone = min(files_in(shop.data_dir))
    storage = _Vanishing(shop.data_dir / "files", url_of(shop), gone)
    wanted = Wanted(url=url_of(shop), path=place / "one.tar", blobs=backups.BLOBS, storage=storage)

    made = await making.make(wanted, tell=silent, now=SystemClock().now)

    assert (made.manifest.files, made.manifest.missing) == (5, 0)


async def test_what_is_written_during_the_dump_is_not_in_it(shop: Settings, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The counts, the dump and the list of files are of one moment."""

    def interfere(stage: str, done: int, size: int) -> None:
        if stage == "database" and done == 0:
            with psycopg.connect(url_of(shop)) as connection:
                connection.execute("UPDATE files SET name = 'x'")
                connection.execute("DELETE FROM messages")

    made = await backups.back_up(shop, place, backups.Choice(), interfere)
    unstarted(monkeypatch)

    assert counts(url_of(shop))["messages"] == 0
    assert made.manifest.counts["messages"] == 30
    report = await backup_restore.verify(shop, made.path, trial=True, tell=silent)
    assert report.absent == 0


async def test_a_full_disk_and_a_cancellation_leave_nothing(shop: Settings, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = place / "backups"
    target.mkdir()
    free = os.statvfs(place)
    full = os.statvfs_result((*free[:4], 10, *free[5:]))

    with monkeypatch.context() as patched:
        patched.setattr("qiatan.infra.backup.making.os.statvfs", lambda _: full)
        with pytest.raises(BackupError, match=r"a backup needs about \d+ MiB, and the disk of .+ has 0 MiB free"):
            await backups.back_up(shop, target, backups.Choice(), silent)
    assert list(target.iterdir()) == []

    stopped = asyncio.Event()

    def stop(stage: str, done: int, size: int) -> None:
        if stage == "files" and not stopped.is_set():
            stopped.set()
            working.cancel()

    working = asyncio.create_task(backups.back_up(shop, target, backups.Choice(), stop))
    with pytest.raises(asyncio.CancelledError):
        await working
    assert stopped.is_set()
    assert list(target.iterdir()) == []


async def test_one_that_was_cancelled_before_its_sums_were_compared_is_removed(shop: Settings, place: Path) -> None:
    # given a backup that is written, and about to be read again
    target = place / "backups"
    target.mkdir()
    loop, ended = asyncio.get_running_loop(), threading.Event()
    found: list[list[str]] = []

    def stop(stage: str, done: int, size: int) -> None:
        if stage == "sums" and not found:
            found.append([path.name for path in target.iterdir()])
            loop.call_soon_threadsafe(working.cancel)
            ended.wait(60)

    # when it is cancelled then
    working = asyncio.create_task(backups.back_up(shop, target / "one.tar", backups.Choice(), stop))
    try:
        with pytest.raises(asyncio.CancelledError):
            await working
        left = list(target.iterdir())
    finally:
        ended.set()

    # then nobody can take it for a good one, as it never had its name
    assert (found, left) == ([[".one.tar.partial"]], [])


async def test_a_failed_one_is_noted_with_its_reason(shop: Settings, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BrokenBackup("it was not written well")

    monkeypatch.setattr(making, "check", refuse)

    with pytest.raises(BackupError) as refused:
        await backups.back_up(shop, place / "one.tar", backups.Choice(), silent)

    assert str(refused.value) == (
        f"what was written for {place / 'one.tar'} is read back as something else: look at the disk, or name a directory on another one. "
        "Nothing was left behind"
    )
    assert await noted(shop) == [(False, None, str(refused.value))]
    assert [path.name for path in place.iterdir()] == ["shop"]


async def test_a_disk_that_fails_while_the_sums_are_compared_leaves_nothing_and_is_noted(
    shop: Settings, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = ArchiveReader._content

    def broken(self: ArchiveReader, left: int) -> Iterator[bytes]:
        yield from content(self, min(left, 100))
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(ArchiveReader, "_content", broken)

    path = place / "one.tar"

    with pytest.raises(BackupError) as failed:
        await backups.back_up(shop, path, backups.Choice(), silent)

    assert str(failed.value) == (
        f"the backup {path} cannot be made: {path} (Input/output error). Look at the disks, or name a directory on another one. "
        "Nothing was left behind"
    )
    assert await noted(shop) == [(False, None, str(failed.value))]
    assert [path.name for path in place.iterdir()] == ["shop"]


async def test_one_that_was_stopped_by_hand_does_not_run_for_ever(shop: Settings, place: Path) -> None:
    def stop(stage: str, done: int, size: int) -> None:
        if stage == "files" and done == 1:
            working.cancel()

    working = asyncio.create_task(backups.back_up(shop, place / "one.tar", backups.Choice(), stop))
    with pytest.raises(asyncio.CancelledError):
        await working

    assert await noted(shop) == [(False, None, "it was stopped before its end")]


async def noted(settings: Settings) -> list[tuple[bool | None, int | None, str | None]]:
    database = Database(url_of(settings), pool_size=1)
    async with database.system() as tx:
        found = [(one.ok, one.size, one.error) for one in await last_backups(tx)]
    await database.dispose()
    return found


def test_programs_that_are_too_old_are_named() -> None:
    with pytest.raises(BackupError, match=r"the database is of PostgreSQL 99, and only those of \d+ are here: install the client programs"):
        tools.tools_for(99, what="the database")


def test_no_password_stands_on_a_command_line() -> None:
    told = tools.surroundings("postgresql://ann:s3cret%21@db.example:5433/talk?sslmode=require")

    assert {name: told[name] for name in ("PGUSER", "PGPASSWORD", "PGHOST", "PGPORT", "PGDATABASE", "PGSSLMODE")} == {
        "PGUSER": "ann",
        "PGPASSWORD": "s3cret!",
        "PGHOST": "db.example",
        "PGPORT": "5433",
        "PGDATABASE": "talk",
        "PGSSLMODE": "require",
    }


def test_every_column_that_names_contents_is_known() -> None:
    from qiatan.entrypoints.tables import metadata

    named = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if column.name.endswith(("blob", "blobs")) or column.name in ("avatar", "parts", "logo", "picture")
    }
    assert named == {(blob.table, blob.column) for blob in backups.BLOBS}
