"""The local disk: what a crash leaves, and what is left of calls that nobody waits for any more."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from qiatan.infra.storage import LocalStorage
from qiatan.kit.errors import StorageFull

NAME = "ab" + "0" * 30
BESIDE = "ab" + "1" * 30
ELSEWHERE = "cd" + "0" * 30


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """As the product has it: a folder of the data directory, which is there."""
    return tmp_path / "files"


@pytest.fixture
def flushed(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What was flushed to the disk, in order, under the names that it has in the end."""
    found: list[Path] = []
    flush = os.fsync

    def note(descriptor: int) -> None:
        there = {entry.stat().st_ino: entry for entry in (root.parent, *root.parent.rglob("*"))}
        found.append(there[os.fstat(descriptor).st_ino])
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    return found


@pytest.fixture
def stop() -> Iterator[Event]:
    """Where a thread waits until a test lets it go on."""
    event = Event()
    yield event
    event.set()


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def _shape(path: Path) -> str:
    return path.name.partition(".")[0] + path.suffix


async def test_a_file_in_a_new_folder_is_safe_with_the_folder_itself(root: Path, flushed: list[Path]) -> None:
    storage = LocalStorage(root)

    await storage.put(NAME, b"abc")
    await storage.put(BESIDE, b"def")
    await storage.put(ELSEWHERE, b"ghi")

    assert [_shape(path) for path in flushed] == [
        *("files", root.parent.name, f"{NAME}.partial", "ab"),
        *(f"{BESIDE}.partial", "ab"),
        *("files", root.parent.name, f"{ELSEWHERE}.partial", "cd"),
    ]
    assert [await storage.get(name) for name in (NAME, BESIDE, ELSEWHERE)] == [b"abc", b"def", b"ghi"]


async def test_a_folder_that_another_process_has_just_made_is_not_taken_for_safe(root: Path, flushed: list[Path]) -> None:
    (root / "ab").mkdir(parents=True)

    await LocalStorage(root).put(NAME, b"abc")

    assert [_shape(path) for path in flushed] == ["files", root.parent.name, f"{NAME}.partial", "ab"]


@pytest.mark.parametrize("call", [1, 2, 3, 4])
async def test_of_a_call_that_nobody_waits_for_any_more_nothing_stays(
    root: Path, stop: Event, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    """Whichever flush it hangs in, before or after the file has its name."""
    flush, calls, there, ended = os.fsync, 0, Event(), Event()

    def wait(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            there.set()
            stop.wait(20)
        flush(descriptor)

    write = LocalStorage._write

    def note_the_end(self: LocalStorage, *given: object) -> None:
        try:
            write(self, *given)  # type: ignore[arg-type]
        finally:
            ended.set()

    monkeypatch.setattr(os, "fsync", wait)
    monkeypatch.setattr(LocalStorage, "_write", note_the_end)
    putting = asyncio.create_task(LocalStorage(root).put(NAME, b"abc"))
    assert await asyncio.to_thread(there.wait, 20)

    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    stop.set()

    assert await asyncio.to_thread(ended.wait, 20)
    assert (calls >= call, _files(root)) == (True, [])


async def test_what_could_not_be_made_safe_is_not_there(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is told that nothing was stored gives the name up, and nobody would ever remove it."""
    flush, calls = os.fsync, 0

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:  # the file has its name by then
            raise OSError(errno.ENOSPC, "no space")
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(StorageFull):
        await LocalStorage(root).put(NAME, b"abc")

    assert _files(root) == []


async def test_what_a_process_that_died_was_storing_goes_after_a_while(root: Path) -> None:
    storage = LocalStorage(root)
    await storage.put(NAME, b"abc")
    old, young = (root / "ab" / f"{name}.partial" for name in (BESIDE, f"{NAME}.x"))
    for path in (old, young):
        path.write_bytes(b"a")
    os.utime(old, (0, 0))
    os.utime(storage.path(NAME), (0, 0))
    os.utime(young, (2e9, 2e9))

    await storage.tidy(datetime(2026, 1, 1, tzinfo=UTC))

    assert sorted(_files(root)) == sorted([storage.path(NAME), young])
