"""Blobs on the local disk."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from qiatan.infra.durable import sync_directory
from qiatan.infra.storage.base import PIECE, Storage, check_name
from qiatan.kit.errors import NotFound, StorageFull

UNFINISHED = ".partial"


class LocalStorage(Storage):
    """Writes blobs durably (fsync of file and folders) and reads them back."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._flushed: set[Path] = set()
        """Folders that are there after a crash, too."""

    def path(self, name: str) -> Path:
        """Where a blob lies. Raises `NotFound` for a name that is not one of ours."""
        return self._root / check_name(name)[:2] / name

    async def put(self, name: str, content: bytes) -> None:
        await self._store(self.path(name), lambda file: file.write(content))

    async def join(self, parts: Sequence[str], into: str) -> None:
        paths = [self.path(part) for part in parts]

        def fill(file: BinaryIO) -> None:
            for path in paths:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, file, PIECE)

        try:
            await self._store(self.path(into), fill)
        except FileNotFoundError:
            raise NotFound from None

    async def _store(self, path: Path, fill: Callable[[BinaryIO], object]) -> None:
        wanted = _Wanted()
        storing = asyncio.ensure_future(asyncio.to_thread(self._write, path, fill, wanted))
        try:
            await asyncio.shield(storing)
        except asyncio.CancelledError:
            # The thread goes on; its caller will never name what it stores.
            if wanted.no_more():
                path.unlink(missing_ok=True)
            storing.add_done_callback(_look_at_its_end)
            raise

    def _write(self, path: Path, fill: Callable[[BinaryIO], object], wanted: _Wanted) -> None:
        partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}{UNFINISHED}")
        written = partial
        try:
            if not wanted.still:
                return
            self._make_folder(path.parent)
            with partial.open("wb") as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
            written = partial.replace(path)
            sync_directory(path.parent)
        except BaseException as error:
            written.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull from error
            raise
        if not wanted.until_now():
            path.unlink(missing_ok=True)

    def _make_folder(self, folder: Path) -> None:
        """A file is as safe as the entry of its folder in the one above, which may be another's work that is not done yet."""
        try:
            folder.mkdir(parents=True, mode=0o700)
            self._flushed.discard(folder)
        except FileExistsError:
            pass
        if folder not in self._flushed:
            sync_directory(self._root)
            sync_directory(self._root.parent)
            self._flushed.add(folder)

    async def tidy(self, before: datetime) -> None:
        await asyncio.to_thread(self._tidy, before.timestamp())

    def _tidy(self, before: float) -> None:
        for partial in self._root.glob(f"??/*{UNFINISHED}"):
            with suppress(FileNotFoundError):  # it was finished, or given up, just now
                if partial.stat().st_mtime < before:
                    partial.unlink()

    async def get(self, name: str) -> bytes:
        try:
            return await asyncio.to_thread(self.path(name).read_bytes)
        except FileNotFoundError:
            raise NotFound from None

    async def stream(self, name: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        opening = asyncio.ensure_future(asyncio.to_thread(self.path(name).open, "rb"))
        try:
            file = await asyncio.shield(opening)
        except FileNotFoundError:
            raise NotFound from None
        except asyncio.CancelledError:
            # The thread goes on: what it opens is nobody's.
            opening.add_done_callback(_close_unwanted)
            raise
        left = length
        try:
            file.seek(start)
            while left is None or left > 0:
                piece = await asyncio.to_thread(file.read, PIECE if left is None else min(PIECE, left))
                if not piece:
                    return
                left = None if left is None else left - len(piece)
                yield piece
        finally:
            file.close()

    async def delete(self, name: str) -> None:
        await asyncio.to_thread(self.path(name).unlink, missing_ok=True)

    async def check(self) -> str:
        name = secrets.token_hex(16)
        await self.put(name, b"qiatan")
        await self.get(name)
        await self.delete(name)
        return str(self._root)


class _Wanted:
    """Whether somebody still waits for what a thread stores: said by one of the two at the end, and known to both."""

    def __init__(self) -> None:
        self.still = True
        self._stored = False
        self._lock = Lock()

    def until_now(self) -> bool:
        """Said by the thread, when it has stored it."""
        with self._lock:
            self._stored = True
            return self.still

    def no_more(self) -> bool:
        """Said by who waited. True: it is stored already, and the thread will not look again."""
        with self._lock:
            self.still = False
            return self._stored


def _look_at_its_end(storing: asyncio.Future[None]) -> None:
    """Nobody waits for it any more: a failure concerns nobody either."""
    if not storing.cancelled():
        storing.exception()


def _close_unwanted(opening: asyncio.Future[BufferedReader]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
