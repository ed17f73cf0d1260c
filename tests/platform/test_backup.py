"""Backups of real databases, brought back and started."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import msgspec
import psycopg
import pytest
from alembic import command as alembic

from qiatan.entrypoints import backup_restore, backups
from qiatan.infra.backup.archive import ArchiveReader, ArchiveWriter, check
from qiatan.infra.backup.format import MANIFEST, MANIFEST_SUM, BackupError, BrokenBackup, Manifest
from qiatan.infra.db import migrate
from qiatan.infra.postgres import ClusterInUse, make_scratch_dir
from qiatan.infra.settings import Settings
from tests.guarantees.history import Shop, counts, fill
from tests.platform.commands import command
from tests.platform.conftest import Hold
from tests.support.postgres import elsewhere

LIVING = {"backups", "nodes", "page_files", "routing_requests", "routing_decisions"}
"""What changes by itself: the backup that was noted, and what the program does when it is started on it."""
KEY = "0123456789abcdef" * 4


def silent(stage: str, done: int, size: int) -> None:
    """Nobody looks."""


def blank(postgres_url: str) -> str:
    name = f"backup_{uuid4().hex}"
    with psycopg.connect(elsewhere(postgres_url, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return elsewhere(postgres_url, name)


def put_files(data: Path, url: str) -> dict[str, bytes]:
    """The contents that the database refers to; returns them by name."""
    with psycopg.connect(url) as connection:
        names = [name for (name,) in connection.execute("SELECT blob FROM files WHERE deleted_at IS NULL").fetchall()]
    for name in names:
        (data / "files" / name[:2]).mkdir(parents=True, exist_ok=True)
        (data / "files" / name[:2] / name).write_bytes(f"picture {name}".encode())
    return {name: f"picture {name}".encode() for name in names}


def files_in(data: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (data / "files").rglob("*") if path.is_file()}


def write_key(data: Path) -> None:
    (data / "secret.key").write_text(KEY + "\n")
    (data / "secret.key").chmod(0o600)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory for data and backups that PostgreSQL's user can reach."""
    directory = make_scratch_dir()
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def shop(empty_database: str, place: Path) -> Settings:
    """An installation on an external database of the newest revision, with its files and its key."""
    url, data = empty_database, place / "shop"
    data.mkdir(mode=0o711)
    fill(url, Shop())
    put_files(data, url)
    write_key(data)
    return Settings(data_dir=data, database_url=url)


@pytest.fixture
async def taken(shop: Settings, place: Path) -> Path:
    """A backup of it."""
    return (await backups.back_up(shop, place, backups.Choice(), silent)).path


def url_of(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url


def unstarted(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Leave the last proof out where another test has it; returns what would have been started."""
    started: list[Path] = []
    monkeypatch.setattr(backup_restore, "start_and_ask", lambda data, _url: started.append(data))
    return started


def rewritten(path: Path, change: Manifest) -> Path:
    """The same backup with another manifest, whole by its own account."""
    writer = ArchiveWriter(path.with_name("rewritten.tar"))
    with ArchiveReader(path) as archive:
        for member in archive.members():
            if member.name not in (MANIFEST, MANIFEST_SUM):
                with writer.part(member.name) as sink:
                    for piece in member.read():
                        sink.write(piece)
    writer.seal(change)
    writer.finish()
    return writer.path


def test_beside_a_running_server_and_back_and_started(made: Path, place: Path, hold: Hold) -> None:
    """Given a server at work, when it is backed up and brought back elsewhere, then all is there and the program starts on it."""
    running = hold(made)
    migrate.upgrade(running.url)
    before = fill(running.url, Shop())
    contents = put_files(made, running.url)
    write_key(made)

    done = command("backup", DATA=str(made))

    assert done.returncode == 0, done.stderr
    (path,) = (made / "backups").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert done.stdout.startswith(f"{path}  ")
    assert "1 enterprises, 2 agents, 6 customers, 6 conversations, 30 messages" in done.stdout
    assert "  files       6 files, " in done.stdout
    assert "  secret key  in it" in done.stdout
    with psycopg.connect(running.url) as connection:
        assert connection.execute("SELECT ok, path, error FROM backups").fetchall() == [(True, str(path), None)]
    refused = command("restore", str(path), "--into", str(made), "--replace")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"process {running.process.pid} already serves the data directory {made}: stop it first" in refused.stderr

    back = place / "back"
    done = command("restore", str(path), "--into", str(back))

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"restored into {back}: start the server\n")
    assert files_in(back) == contents
    assert (back / "secret.key").read_text() == KEY + "\n"
    assert not (back / ".restoring").exists()
    again = hold(back)
    now = counts(again.url)
    assert {table: now[table] for table in before.keys() - LIVING} == {table: before[table] for table in before.keys() - LIVING}


def test_it_is_verified_by_bringing_it_up(made: Path, place: Path, hold: Hold) -> None:
    """Also without a running server; a backup that lacks a file says so and ends with 1."""
    running = hold(made)
    migrate.upgrade(running.url)
    fill(running.url, Shop())
    contents = put_files(made, running.url)
    running.stop()
    (made / "files" / (lost := min(contents))[:2] / lost).unlink()

    done = command("backup", str(place / "one.tar"), "--without-secret-key", DATA=str(made))
    assert done.returncode == 1
    assert f"  missing     1 files were not in the storage any more ({lost})" in done.stdout
    assert done.stderr.endswith(
        f"1 of the 6 files that the database refers to are not in {made / 'files'} ({lost}): "
        "bring them back from an older backup; if they are lost for good, run qiatan backup --accept-missing once\n"
    )
    accepted = command("backup", str(place / "two.tar"), "--accept-missing", DATA=str(made))
    assert accepted.returncode == 0, accepted.stderr

    for wholly in ((), ("--sums-only",)):
        checked = command("backup", "verify", str(place / "two.tar"), *wholly, DATA=str(place / "elsewhere"))

        assert checked.returncode == 1
        assert checked.stderr.endswith("1 files that the database refers to are not in it\n")
        assert "all sums are right" not in checked.stdout
    (made / "files" / lost[:2] / lost).write_bytes(contents[lost])
    assert command("backup", str(place / "three.tar"), DATA=str(made)).returncode == 0
    whole = command("backup", "verify", str(place / "three.tar"), DATA=str(place / "elsewhere"))
    assert whole.returncode == 0, whole.stderr
    assert whole.stdout.endswith("all sums are right; brought up, counted and started\n")
    assert not (place / "elsewhere").exists()


async def test_one_of_an_older_version_is_brought_up_to_this_one(postgres_url: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And taking it changes nothing in the older database: an upgrade can be prepared by it."""
    url, data = blank(postgres_url), place / "old"
    data.mkdir()
    alembic.upgrade(migrate.configuration(url), "0012")
    before = fill(url, Shop())
    contents = put_files(data, url)
    made = await backups.back_up(Settings(data_dir=data, database_url=url), place, backups.Choice(), silent)
    assert made.manifest.revision == "0012"
    assert counts(url) == before
    unstarted(monkeypatch)
    target = blank(postgres_url)

    report = await backup_restore.restore(Settings(data_dir=place / "new", database_url=target), made.path, replace=False, tell=silent)

    assert report.revision == migrate.head()
    assert files_in(place / "new") == contents
    now = counts(target)
    assert (now["messages"], now["customers"], now["customer_tags"]) == (before["messages"], before["customers"], 12)


async def test_what_is_there_is_kept_under_another_name(
    shop: Settings, taken: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unstarted(monkeypatch)
    former = files_in(shop.data_dir)
    target = replace(shop, database_url=blank(postgres_url))

    with pytest.raises(BackupError, match=r"is not empty \(files, secret\.key\): name an empty directory with --into, or give --replace"):
        await backup_restore.restore(target, taken, replace=False, tell=silent)
    assert sorted(path.name for path in shop.data_dir.iterdir()) == ["files", "secret.key"]
    report = await backup_restore.restore(target, taken, replace=True, tell=silent)

    assert report.kept is not None
    assert report.kept.parent == shop.data_dir
    assert report.kept.name.startswith("before-restore-")
    assert files_in(report.kept) == former == files_in(shop.data_dir)
    assert counts(url_of(target))["messages"] == 30


async def test_a_database_that_is_not_empty_is_never_touched(shop: Settings, taken: Path, place: Path) -> None:
    before = counts(url_of(shop))

    with pytest.raises(BackupError, match="the database is not empty: make an empty one and name it with DATABASE_URL"):
        await backup_restore.restore(replace(shop, data_dir=place / "new"), taken, replace=True, tell=silent)

    assert counts(url_of(shop)) == before
    assert [path.name for path in (place / "new").iterdir()] == ["qiatan.lock"]


async def test_a_broken_one_changes_nothing(shop: Settings, taken: Path, place: Path, postgres_url: str) -> None:
    content = bytearray(taken.read_bytes())
    content[len(content) // 2] ^= 1
    taken.write_bytes(content)
    target = Settings(data_dir=place / "new", database_url=blank(postgres_url))

    with pytest.raises(BrokenBackup, match="is not right"):
        await backup_restore.restore(target, taken, replace=True, tell=silent)

    assert counts(url_of(target)) == {}
    assert not (place / "new").exists()


async def test_one_that_does_not_come_back_whole_leaves_the_database_empty(
    taken: Path, place: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a dump with fewer rows than its manifest says, when it is restored, then nothing is committed."""
    manifest = check(taken)
    lying = rewritten(taken, msgspec.structs.replace(manifest, counts={**manifest.counts, "messages": 31}))
    target = Settings(data_dir=place / "new", database_url=blank(postgres_url))
    started = unstarted(monkeypatch)

    with pytest.raises(BackupError, match=r"not everything came back \(messages has 30 rows instead of 31\): nothing was changed"):
        await backup_restore.restore(target, lying, replace=False, tell=silent)

    assert counts(url_of(target)) == {}
    assert [path.name for path in (place / "new").iterdir()] == ["qiatan.lock"]
    assert started == []


async def test_a_dump_that_cannot_be_loaded_leaves_the_database_empty(taken: Path, place: Path, postgres_url: str) -> None:
    path = place / "nonsense.tar"
    manifest = check(taken)
    writer = ArchiveWriter(path)
    with ArchiveReader(taken) as archive:
        dump = b"".join(next(archive.members()).read())
    parts = [writer.add("database.dump", dump[: len(dump) // 2]), writer.add("files.sha256", b"")]
    writer.seal(msgspec.structs.replace(manifest, parts=tuple(parts), files=0, files_bytes=0))
    writer.finish()
    target = Settings(data_dir=place / "new", database_url=blank(postgres_url))

    with pytest.raises(BackupError, match=r"the database could not be brought back \(.+\): nothing was changed"):
        await backup_restore.restore(target, path, replace=False, tell=silent)

    assert counts(url_of(target)) == {}


async def test_one_of_a_newer_version_is_refused(taken: Path, place: Path, postgres_url: str) -> None:
    manifest = check(taken)
    newer = rewritten(taken, msgspec.structs.replace(manifest, revision="9999", program="2.0.0"))
    target = Settings(data_dir=place / "new", database_url=blank(postgres_url))

    with pytest.raises(
        BackupError, match=r"is of Qiatan 2\.0\.0 \(schema 9999\), and this older one knows .+: bring it back with 2\.0\.0 or newer"
    ):
        await backup_restore.restore(target, newer, replace=False, tell=silent)

    assert counts(url_of(target)) == {}


async def test_a_size_that_no_disk_has_is_refused_before_anything_is_written(taken: Path, place: Path, postgres_url: str) -> None:
    manifest = check(taken)
    huge = rewritten(taken, msgspec.structs.replace(manifest, database_bytes=2**60))
    with pytest.raises(BackupError, match=r"needs about \d+ MiB, and the disk of .+ MiB free"):
        await backup_restore.restore(Settings(data_dir=place / "new"), huge, replace=False, tell=silent)

    assert [path.name for path in (place / "new").iterdir()] == ["qiatan.lock"]


async def test_the_key_stays_where_a_backup_without_it_is_brought_back(
    shop: Settings, place: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unstarted(monkeypatch)
    made = await backups.back_up(shop, place, backups.Choice(with_key=False), silent)
    assert (made.manifest.key, made.manifest.part("secret.key")) == ("left_out", None)

    await backup_restore.restore(replace(shop, database_url=blank(postgres_url)), made.path, replace=True, tell=silent)

    assert (shop.data_dir / "secret.key").read_text() == KEY + "\n"


async def test_a_database_that_is_none_of_ours_is_refused(postgres_url: str, place: Path) -> None:
    with pytest.raises(BackupError, match="there is no database of Qiatan here"):
        await backups.back_up(Settings(data_dir=place, database_url=blank(postgres_url)), place, backups.Choice(), silent)
    with pytest.raises(BackupError, match="there is nothing to back up"):
        await backups.back_up(Settings(data_dir=place), place, backups.Choice(), silent)
    assert list(place.iterdir()) == []


async def test_a_directory_that_is_in_use_is_not_restored_into(taken: Path, made: Path, hold: Hold) -> None:
    hold(made)

    with pytest.raises(ClusterInUse):
        await backup_restore.restore(Settings(data_dir=made), taken, replace=True, tell=silent)
