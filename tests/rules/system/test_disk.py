"""Which disk the health page and the metrics tell about."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from qiatan.entrypoints.system import monitor
from qiatan.infra.postgres import MOVED_FILE


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def disks(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, int]]:
    """Free bytes and size, by directory; what is not named is not there."""
    found: dict[str, tuple[int, int]] = {}

    def usage(place: Path) -> _Usage:
        try:
            free, size = found[str(place)]
        except KeyError:
            raise FileNotFoundError(place) from None
        return _Usage(size, size - free, free)

    monkeypatch.setattr("shutil.disk_usage", usage)
    return found


def test_it_is_that_of_the_data_directory(tmp_path: Path, disks: dict[str, tuple[int, int]]) -> None:
    disks[str(tmp_path)] = (700, 1_000)

    assert monitor._space(tmp_path) == (700, 1_000)


@pytest.mark.parametrize(("database", "told"), [((300, 9_000), (300, 9_000)), ((800, 900), (700, 1_000))])
def test_where_the_database_had_to_go_elsewhere_it_is_the_fuller_one(
    tmp_path: Path, disks: dict[str, tuple[int, int]], database: tuple[int, int], told: tuple[int, int]
) -> None:
    (tmp_path / MOVED_FILE).write_text("/elsewhere/cluster\n")
    disks[str(tmp_path)], disks["/elsewhere/cluster"] = (700, 1_000), database

    assert monitor._space(tmp_path) == told


def test_what_is_not_there_has_none(tmp_path: Path, disks: dict[str, tuple[int, int]]) -> None:
    assert disks == {}
    assert monitor._space(tmp_path / "nowhere") is None
