from __future__ import annotations

from pathlib import Path

import pytest

from qiatan.infra.postgres import cluster
from qiatan.infra.postgres.config import settings_file, shared_buffers

MIB = 1024 * 1024
GIB = 1024 * MIB


@pytest.mark.parametrize(
    ("memory", "expected"),
    [(512 * MIB, 128 * MIB), (1 * GIB, 128 * MIB), (4 * GIB + 1, 512 * MIB), (16 * GIB, 2 * GIB), (512 * GIB, 2 * GIB)],
)
def test_pages_take_an_eighth_of_the_memory_within_bounds(memory: int, expected: int) -> None:
    assert shared_buffers(memory) == expected


@pytest.mark.parametrize(("durable", "expected"), [(True, "shared_buffers = 1024MB"), (False, "shared_buffers = 128MB")])
def test_the_file_says_so_and_what_is_for_tests_stays_small(durable: bool, expected: str) -> None:
    here = Path("/somewhere")
    text = settings_file(socket_dir=here, hba=here, ident=here, max_connections=40, durable=durable, memory=8 * GIB)

    assert expected in text.splitlines()


@pytest.mark.parametrize(("said", "expected"), [("268435456\n", 256 * MIB), ("max\n", None), (None, None), (f"{1 << 60}\n", None)])
def test_a_containers_limit_counts_where_there_is_one(
    said: str | None, expected: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(cluster, "_CONTAINER_LIMIT", limit)
    whole = cluster.available_memory()
    if said is not None:
        limit.write_text(said)

    assert cluster.available_memory() == (whole if expected is None else expected)
