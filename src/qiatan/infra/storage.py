"""Blobs on the local disk, under random names."""

from __future__ import annotations

import asyncio
import errno
import os
import re
from pathlib import Path

from qiatan.kit.errors import NotFound, StorageFull

_NAME = re.compile(r"[0-9a-f]{32}(\.[a-z]{1,8})?")


class Storage:
    """Writes blobs durably (fsync of file and folder) and reads them back."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, name: str) -> Path:
        """Where a blob lies.

        Raises:
            NotFound: for a name that is not one of ours, so that no path can be smuggled in.
        """
        if not _NAME.fullmatch(name):
            raise NotFound
        return self._root / name[:2] / name

    async def put(self, name: str, content: bytes) -> None:
        """Store a blob; when this returns it is on disk.

        Raises:
            StorageFull: nothing was stored.
        """
        await asyncio.to_thread(self._write, self.path(name), content)

    def _write(self, path: Path, content: bytes) -> None:
        partial = path.with_name(path.name + ".partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with partial.open("wb") as file:
                file.write(content)
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
        """The blob's content.

        Raises:
            NotFound: it was deleted or never stored.
        """
        try:
            return await asyncio.to_thread(self.path(name).read_bytes)
        except FileNotFoundError:
            raise NotFound from None

    async def delete(self, name: str) -> None:
        """Remove a blob; one that is gone already is fine."""
        await asyncio.to_thread(self.path(name).unlink, missing_ok=True)
