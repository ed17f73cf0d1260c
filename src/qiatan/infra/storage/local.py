"""Blobs on the local disk."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from qiatan.infra.storage.base import PIECE, Storage, check_name
from qiatan.kit.errors import NotFound, StorageFull


class LocalStorage(Storage):
    """Writes blobs durably (fsync of file and folder) and reads them back."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, name: str) -> Path:
        """Where a blob lies. Raises `NotFound` for a name that is not one of ours."""
        return self._root / check_name(name)[:2] / name

    async def put(self, name: str, content: bytes) -> None:
        await asyncio.to_thread(self._write, self.path(name), lambda file: file.write(content))

    async def join(self, parts: Sequence[str], into: str) -> None:
        paths = [self.path(part) for part in parts]

        def fill(file: BinaryIO) -> None:
            for path in paths:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, file, PIECE)

        try:
            await asyncio.to_thread(self._write, self.path(into), fill)
        except FileNotFoundError:
            raise NotFound from None

    def _write(self, path: Path, fill: Callable[[BinaryIO], object]) -> None:
        partial = path.with_name(path.name + ".partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with partial.open("wb") as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            partial.unlink(missing_ok=True)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull from error
            raise

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


def _close_unwanted(opening: asyncio.Future[BufferedReader]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
