"""Blobs in a bucket of Amazon S3 or anything that speaks like it. The library is loaded with the first use, to keep others small."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import structlog

from qiatan.infra.settings import S3Bucket
from qiatan.infra.storage.base import PIECE, Storage, StorageUnavailable, check_name
from qiatan.kit.errors import NotFound

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Store

log = structlog.get_logger(__name__)

_PART = 8 * 1024 * 1024
"""Of an upload in parts: S3 takes none below 5 MiB but the last."""


class S3Storage(Storage):
    def __init__(self, bucket: S3Bucket) -> None:
        self._bucket = bucket

    @cached_property
    def _store(self) -> S3Store:
        from obstore.store import S3Store  # noqa: PLC0415 -- 15 MB that installations without S3 need not load

        told = self._bucket
        endpoint = told.endpoint
        config: S3Config = {
            "access_key_id": told.access_key,
            "secret_access_key": told.secret_key,
            "region": told.region,
            # a bucket of one's own server is a path of its address; Amazon's is a host of its own
            "virtual_hosted_style_request": endpoint is None,
        }
        if endpoint is not None:
            config["endpoint"] = endpoint
        return S3Store(
            told.bucket,
            config=config,
            client_options={
                "allow_http": endpoint is not None and endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=5),
                "timeout": timedelta(seconds=60),
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
        )

    async def put(self, name: str, content: bytes) -> None:
        with _told():
            await self._store.put_async(check_name(name), content, use_multipart=False)

    async def join(self, parts: Sequence[str], into: str) -> None:
        missing: list[NotFound] = []

        async def content() -> AsyncIterator[bytes]:
            for part in parts:
                try:
                    async for piece in self.stream(part):
                        yield piece
                except NotFound as error:
                    missing.append(error)
                    raise

        try:
            with _told():
                await self._store.put_async(check_name(into), content(), use_multipart=True, chunk_size=_PART)
        except StorageUnavailable:
            # what the library gave up, and how well that went, says less than why
            if missing:
                raise missing[0] from None
            raise

    async def get(self, name: str) -> bytes:
        with _told():
            return bytes(await (await self._store.get_async(check_name(name))).bytes_async())

    async def stream(self, name: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        with _told():
            async for piece in self._read(check_name(name), start, length):
                yield piece

    async def _read(self, name: str, start: int, length: int | None) -> AsyncIterator[bytes]:
        if length == 0:
            return
        asked = await self._store.get_async(name, options={"range": {"offset": start} if length is None else (start, start + length)})
        async for piece in asked.stream(min_chunk_size=PIECE):
            yield bytes(piece)

    async def delete(self, name: str) -> None:
        check_name(name)
        with contextlib.suppress(NotFound), _told():  # gone is what was asked for
            await self._store.delete_async(name)

    async def tidy(self, before: datetime) -> None:
        """A bucket shows only what is whole; the rest it forgets by a rule that its owner gives it."""

    async def check(self) -> str:
        name = secrets.token_hex(16)
        await self.put(name, b"qiatan")
        await self.get(name)
        await self.delete(name)
        return f"bucket {self._bucket.bucket} of {self._bucket.endpoint or f'Amazon S3, {self._bucket.region}'}"


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """The library's failures in our words."""
    from obstore.exceptions import BaseError  # noqa: PLC0415 -- see S3Storage._store

    try:
        yield
    except FileNotFoundError:
        raise NotFound from None
    except (BaseError, OSError) as error:
        # what it says may name the bucket and the request: for the operator, not for who asked
        log.warning("storage.failed", error=str(error)[:500])
        raise StorageUnavailable from error
