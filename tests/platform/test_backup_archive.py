"""The tar file of a backup: what we write we read, and nothing else."""

from __future__ import annotations

import stat
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qiatan.infra.backup import format as form
from qiatan.infra.backup.archive import ArchiveReader, ArchiveWriter, check, clear_leftovers, sums_line
from qiatan.infra.backup.format import BackupError, BrokenBackup, Manifest
from qiatan.infra.backup.restoring import unpack

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FILE = "files/ab/ab" + "0" * 30 + ".png"


def write(path: Path, *, extra: dict[str, bytes] | None = None, change: Callable[[Manifest], Manifest] = lambda manifest: manifest) -> Path:
    """A small backup; `extra` parts come before its manifest, which may be changed."""
    writer = ArchiveWriter(path)
    parts = [writer.add(form.DUMP, b"PGDMP" + bytes(range(256)) * 5), writer.add(form.KEY, b"00" * 32)]
    file = writer.add(FILE, b"picture")
    parts.append(writer.add(form.SUMS, sums_line(file.sha256, FILE)))
    for name, content in (extra or {}).items():
        writer.add(name, content)
    manifest = Manifest(
        format=form.FORMAT,
        program="0.1.0",
        revision="0016",
        postgres=180000,
        dumped_by=18,
        made_at=NOON,
        ended_at=NOON,
        counts={"enterprises": 1},
        database_bytes=1,
        parts=tuple(parts),
        files=1,
        files_bytes=7,
        files_from="disk",
        key="included",
    )
    writer.seal(change(manifest))
    writer.finish()
    return path


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return write(tmp_path / "one.tar")


def test_what_is_written_is_read(backup: Path) -> None:
    heard: list[tuple[int, int]] = []

    manifest = check(backup, tell=lambda done, size: heard.append((done, size)))

    assert manifest.counts == {"enterprises": 1}
    assert heard
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_any_tar_program_takes_it_apart(backup: Path, tmp_path: Path) -> None:
    with tarfile.open(backup) as archive:
        archive.extractall(tmp_path / "by hand", filter="data")

    assert (tmp_path / "by hand" / FILE).read_bytes() == b"picture"
    assert (tmp_path / "by hand" / form.SUMS).read_text().endswith(f"  {FILE}\n")


def test_it_is_unpacked_as_the_data_directory_has_it(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()

    unpack(backup, tmp_path / "new", tell=lambda *_: None)

    assert (tmp_path / "new" / FILE).read_bytes() == b"picture"
    assert (tmp_path / "new" / "secret.key").read_bytes() == b"00" * 32
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").rglob("*") if path.is_file()} == {0o600}


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_flipped_bit_anywhere_is_found(backup: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(backup.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    other = tmp_path / "flipped.tar"
    other.write_bytes(content)

    with pytest.raises(BrokenBackup, match=r"flipped\.tar cannot be used: .+ Take another backup; this one was left as it is"):
        check(other)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_one_that_is_cut_off_anywhere_is_found(backup: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = backup.read_bytes()
    other = tmp_path / "cut.tar"
    other.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])

    with pytest.raises(BrokenBackup):
        check(other)


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "files/../../x",
        "files/ab/cd" + "0" * 30,
        "files/ab/ab" + "0" * 30 + "/x",
        "files/AB/AB" + "0" * 30,
        "postgresql/pg_hba.conf",
        ".",
        "",
    ],
)
def test_a_name_that_is_none_of_ours_is_refused(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "smuggled.tar", extra={name: b"x"})

    with pytest.raises(BrokenBackup, match="it has a part that no backup has"):
        check(path)
    with pytest.raises(BrokenBackup):
        unpack(path, tmp_path, tell=lambda *_: None)
    assert not (tmp_path.parent / "x").exists()


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME],
)
def test_a_part_that_is_no_plain_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    header = tarfile.TarInfo(form.KEY)
    header.type, header.linkname = kind, "/etc/passwd"
    path = tmp_path / "link.tar"
    path.write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(1024))

    with pytest.raises(BrokenBackup, match="it has a part that no backup has"):
        check(path)


@pytest.mark.parametrize("size", [2**20, 2**40, 2**62])
def test_a_size_that_the_file_does_not_hold_is_not_believed(tmp_path: Path, size: int) -> None:
    header = tarfile.TarInfo(form.DUMP)
    header.size = size
    path = tmp_path / "huge.tar"
    path.write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(1024))

    with pytest.raises(BrokenBackup, match=rf"cut off: its part database\.dump should have {size} bytes, and 1024 are left"):
        check(path)


def test_a_part_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenBackup, match=r"it has the part secret\.key twice"):
        check(write(tmp_path / "twice.tar", extra={form.KEY: b"11" * 32}))


def test_a_file_that_no_sum_was_written_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenBackup, match="the sums of its files are not right"):
        check(write(tmp_path / "more.tar", extra={"files/cd/cd" + "0" * 30: b"x"}))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda manifest: msgspec.structs.replace(manifest, format=2),
            "it is of format 2, and this Qiatan reads 1: use the version that made it, 0.1.0",
        ),
        (lambda manifest: msgspec.structs.replace(manifest, files=2), "files are missing"),
        (lambda manifest: msgspec.structs.replace(manifest, parts=manifest.parts[:1]), "the sum of its part secret.key is not right"),
        (lambda manifest: msgspec.structs.replace(manifest, counts={"x; DROP TABLE y": 1}), "names tables that no database of Qiatan has"),
    ],
)
def test_a_manifest_that_does_not_tell_the_truth_is_refused(tmp_path: Path, change: Callable[[Manifest], Manifest], told: str) -> None:
    with pytest.raises(BrokenBackup) as refused:
        check(write(tmp_path / "lying.tar", change=change))
    assert told in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"x", b"not a tar file at all" * 100, bytes(10_240)])
def test_another_file_is_told_apart(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(content)

    with pytest.raises(BrokenBackup, match=r"holiday\.jpg cannot be used: not a backup of Qiatan"):
        check(path)


def test_one_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="name a backup that you may read"):
        ArchiveReader(tmp_path / "none.tar")


def test_an_unfinished_one_has_no_name_and_leaves_nothing(tmp_path: Path) -> None:
    writer = ArchiveWriter(tmp_path / "qiatan-20260302T120000Z.tar")
    writer.add(form.DUMP, b"x" * 10_000)
    assert [path.name for path in tmp_path.iterdir()] == [".qiatan-20260302T120000Z.tar.partial"]
    assert clear_leftovers(tmp_path) == []

    writer.discard()

    assert list(tmp_path.iterdir()) == []


def test_what_a_dead_process_left_is_cleared(tmp_path: Path) -> None:
    left = tmp_path / ".qiatan-20260302T120000Z.tar.partial"
    left.write_bytes(b"half")
    (tmp_path / "mine.partial").write_bytes(b"mine")

    assert clear_leftovers(tmp_path) == [left]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.partial"]


def test_nothing_is_written_over(backup: Path) -> None:
    before = backup.read_bytes()

    with pytest.raises(BackupError, match="is there already: name another file"):
        ArchiveWriter(backup)

    assert backup.read_bytes() == before


def test_parts_of_more_than_eight_gibibytes_have_a_header() -> None:
    header = tarfile.TarInfo(form.DUMP)
    header.size = 2**40

    assert tarfile.TarInfo.frombuf(header.tobuf(tarfile.GNU_FORMAT), "utf-8", "strict").size == 2**40
