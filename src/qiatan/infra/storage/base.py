"""What every place for contents can do."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import ClassVar

from qiatan.kit.errors import Fault, NotFound

_NAME = re.compile(r"[0-9a-f]{32}(\.[a-z]{1,8})?")

PIECE = 256 * 1024
"""Bytes handed on at a time."""


class StorageUnavailable(Fault):
    """The file storage does not answer; nothing was stored. Try again in a moment."""

    code: ClassVar[str] = "storage_unavailable"
    status: ClassVar[int] = 503


def check_name(name: str) -> str:
    """The name itself.

    Raises:
        NotFound: for a name that is not one of ours, so that no path can be smuggled in.
    """
    if not _NAME.fullmatch(name):
        raise NotFound
    return name


class Storage(ABC):
    """Blobs under random names. What is stored when a call returns stays; a blob is there whole or not at all.

    Of a call that is cancelled nothing is kept on the local disk; a bucket may have it already.
    """

    @abstractmethod
    async def put(self, name: str, content: bytes) -> None:
        """Store a blob.

        Raises:
            StorageFull, StorageUnavailable: nothing was stored.
        """

    @abstractmethod
    async def join(self, parts: Sequence[str], into: str) -> None:
        """Store a new blob out of others, which stay.

        Raises:
            NotFound: a part is not there; nothing was stored.
            StorageFull, StorageUnavailable: nothing was stored.
        """

    @abstractmethod
    async def get(self, name: str) -> bytes:
        """The blob's content.

        Raises:
            NotFound: it was deleted or never stored.
            StorageUnavailable: the storage does not answer.
        """

    @abstractmethod
    def stream(self, name: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """`length` bytes from `start` on (all that follow without a length), in pieces. Errors as `get`, with the first piece."""

    @abstractmethod
    async def delete(self, name: str) -> None:
        """Remove a blob; one that is gone already is fine.

        Raises:
            StorageUnavailable: it may still be there.
        """

    @abstractmethod
    async def tidy(self, before: datetime) -> None:
        """Remove what was begun before that time and never became whole, because its process died."""

    @abstractmethod
    async def check(self) -> str:
        """Write, read and remove something small; where that was, in words for operators.

        Raises:
            StorageFull, StorageUnavailable, OSError: one of the three does not work; the message says why.
        """
