"""How what was brought back takes its place, and what happens where that is refused half way."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from pathlib import Path

import pytest

from qiatan.entrypoints import backup_restore
from qiatan.entrypoints.backup_restore import _require_movable, _take_place
from qiatan.infra.backup.format import BackupError
from qiatan.infra.settings import Settings

NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
KEPT = "before-restore-20261122T083000Z"


def _fill(directory: Path, words: str) -> None:
    for name in ("postgresql", "files"):
        (directory / name).mkdir(parents=True)
        (directory / name / "content").write_text(words)
    (directory / "secret.key").write_text(words)


def _tree(directory: Path) -> dict[str, str]:
    return {str(path.relative_to(directory)): path.read_text() for path in sorted(directory.rglob("*")) if path.is_file()}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    _fill(tmp_path / "data", "former")
    _fill(tmp_path / "data" / ".restoring", "fresh")
    return tmp_path / "data"


@pytest.mark.parametrize(
    "refused", ["postgresql", "files", "secret.key", ".restoring/postgresql", ".restoring/files", ".restoring/secret.key"]
)
def test_a_rename_that_is_refused_leaves_all_as_it_was(data: Path, monkeypatch: pytest.MonkeyPatch, refused: str) -> None:
    before, rename = _tree(data), Path.rename

    def refusing(self: Path, target: Path) -> Path:
        if self == data / refused:
            raise OSError(errno.EBUSY, "Device or resource busy", str(self), None, str(target))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refusing)

    with pytest.raises(BackupError, match=rf"cannot move .*/{refused} to .* \(Device or resource busy\)\. .* is as it was"):
        _take_place(data, data / ".restoring", NOW, embedded=True)

    assert _tree(data) == before
    assert not (data / KEPT).exists()


def test_what_cannot_be_taken_back_is_named(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def refusing(self: Path, target: Path) -> Path:
        if self.name == "files":
            raise OSError(errno.EBUSY, "Device or resource busy", str(self), None, str(target))
        if KEPT in self.parts:
            raise OSError(errno.EROFS, "Read-only file system", str(self), None, str(target))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refusing)

    with pytest.raises(BackupError, match=rf"Move back by hand: .*/{KEPT}/postgresql to .*/data/postgresql \(Read-only file system\)"):
        _take_place(data, data / ".restoring", NOW, embedded=True)

    assert (data / KEPT / "postgresql" / "content").read_text() == "former"


def test_beside_an_external_database_the_embedded_one_stays(data: Path) -> None:
    _take_place(data, data / ".restoring", NOW, embedded=False)

    assert (data / "postgresql" / "content").read_text() == "former"
    assert (data / "files" / "content").read_text() == "fresh"
    assert _tree(data / KEPT) == {"files/content": "former", "secret.key": "former"}


async def test_what_is_mounted_is_refused_before_anything_is_read(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _tree(data)
    monkeypatch.setattr(Path, "is_mount", lambda self: self == data / "files")

    with pytest.raises(BackupError, match=r"/data/files is a file system of its own.*Nothing was changed"):
        await backup_restore.restore(Settings(data_dir=data), tmp_path / "none.tar", replace=True, tell=lambda *_: None)

    assert _tree(data) == before


def test_a_mounted_database_that_is_not_used_is_in_nobodys_way(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_mount", lambda self: self == data / "postgresql")

    _require_movable(data, embedded=False)
    with pytest.raises(BackupError, match="/data/postgresql is a file system of its own"):
        _require_movable(data, embedded=True)
