"""What both storages promise: the local disk, and a bucket of a real S3 server on loopback."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qiatan.infra.settings import S3Bucket
from qiatan.infra.storage import LocalStorage, S3Storage, Storage, StorageUnavailable
from qiatan.kit.errors import NotFound
from tests.support.network import free_port
from tests.support.s3_server import s3_server


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Bucket]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(params=["local", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, bucket: S3Bucket) -> Storage:
    return LocalStorage(tmp_path) if request.param == "local" else S3Storage(bucket)


def _name() -> str:
    return secrets.token_hex(16)


async def test_what_is_put_is_read_whole_and_in_parts(storage: Storage) -> None:
    name, content = _name(), os.urandom(3_000_000)
    await storage.put(name, content)

    assert await storage.get(name) == content
    assert b"".join([piece async for piece in storage.stream(name)]) == content
    assert b"".join([piece async for piece in storage.stream(name, 1_000_000, 500_000)]) == content[1_000_000:1_500_000]
    assert b"".join([piece async for piece in storage.stream(name, 2_999_999)]) == content[-1:]
    assert [piece async for piece in storage.stream(name, 0, 0)] == []


async def test_fifty_mebibytes_are_joined_from_their_parts(storage: Storage) -> None:
    parts = [(_name(), os.urandom(size)) for size in (4 * 1024 * 1024, 1, 20 * 1024 * 1024, 26 * 1024 * 1024 - 1)]
    for name, content in parts:
        await storage.put(name, content)
    whole = _name()

    await storage.join([name for name, _ in parts], whole)

    expected = b"".join(content for _, content in parts)
    assert await storage.get(whole) == expected
    assert await storage.get(parts[0][0]) == parts[0][1]


async def test_of_parts_that_are_not_all_there_nothing_is_joined(storage: Storage) -> None:
    there, whole = _name(), _name()
    await storage.put(there, b"abc")

    with pytest.raises(NotFound):
        await storage.join([there, _name()], whole)

    with pytest.raises(NotFound):
        await storage.get(whole)


async def test_what_is_deleted_is_gone_and_deleting_again_is_fine(storage: Storage) -> None:
    name = _name()
    await storage.put(name, b"abc")

    await storage.delete(name)
    await storage.delete(name)

    with pytest.raises(NotFound):
        await storage.get(name)
    with pytest.raises(NotFound):
        await anext(storage.stream(name))


@pytest.mark.parametrize("name", ["../secret.key", "a", "0" * 31, "0" * 32 + "/x", "0" * 32 + ".", "G" * 32])
async def test_only_names_of_ours_are_taken(storage: Storage, name: str) -> None:
    with pytest.raises(NotFound):
        await storage.put(name, b"abc")
    with pytest.raises(NotFound):
        await storage.get(name)
    with pytest.raises(NotFound):
        await storage.join([name], _name())
    with pytest.raises(NotFound):
        await anext(storage.stream(name))
    with pytest.raises(NotFound):
        await storage.delete(name)


async def test_it_can_be_tried(storage: Storage) -> None:
    assert await storage.check()


async def test_a_bucket_that_refuses_or_does_not_answer_is_said_to_be_unavailable(bucket: S3Bucket) -> None:

    wrong_key = S3Storage(replace(bucket, access_key="another"))
    nobody = S3Storage(replace(bucket, endpoint=f"http://127.0.0.1:{free_port()}"))

    for storage in (wrong_key, nobody):
        with pytest.raises(StorageUnavailable):
            await storage.put(_name(), b"abc")
