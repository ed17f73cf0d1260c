"""The embedded PostgreSQL in ordinary times."""

from __future__ import annotations

import stat
import time
from pathlib import Path
from typing import Self
from urllib.parse import unquote

import psycopg
import pytest

from qiatan.infra.postgres import PostgresError, cluster, holder_of, open_database, require_supported
from qiatan.infra.settings import Settings
from tests.platform.conftest import Embedded, alive


async def show(url: str, *names: str) -> dict[str, str]:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        rows = [await (await connection.execute(f"SHOW {name}".encode())).fetchone() for name in names]
    return {name: str(row[0]) for name, row in zip(names, rows, strict=True) if row}


def _made_again(*_: object, **__: object) -> None:
    raise AssertionError("what takes its time is done once")


async def test_the_first_start_makes_a_durable_database_and_the_second_makes_none(
    scratch: Path, embedded: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = embedded(scratch)
    url = await first.start()
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute("CREATE TABLE kept (text text)")
        await connection.execute("INSERT INTO kept VALUES ('你好')")
    settings = await show(url, "fsync", "synchronous_commit", "full_page_writes", "data_checksums", "server_encoding", "timezone")
    assert settings == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "timezone": "UTC",
    }
    await first.stop()

    second = embedded(scratch)
    monkeypatch.setattr(cluster, "_make", _made_again)
    assert await second.start() == url
    async with await psycopg.AsyncConnection.connect(url) as connection:
        kept = await (await connection.execute("SELECT text FROM kept")).fetchone()
    assert kept == ("你好",)
    await second.stop()


async def test_it_listens_on_a_socket_that_only_its_user_can_reach(made: Path, embedded: Embedded) -> None:
    postgres = embedded(made, durable=False)
    url = await postgres.start()
    assert await show(url, "listen_addresses") == {"listen_addresses": ""}
    assert stat.S_IMODE((made / "run").stat().st_mode) == 0o700
    assert postgres.cluster_dir is not None
    assert stat.S_IMODE(postgres.cluster_dir.stat().st_mode) == 0o700
    await postgres.stop()


async def test_the_product_is_no_superuser_but_may_make_and_take_roles(made: Path, embedded: Embedded) -> None:
    postgres = embedded(made, durable=False)
    async with await psycopg.AsyncConnection.connect(await postgres.start()) as connection:
        row = await (await connection.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")).fetchone()
        assert row == (False, False)
        await connection.execute("CREATE ROLE somebody NOLOGIN")
        await connection.execute("SET ROLE somebody")
    await postgres.stop()


async def test_stopping_ends_every_process_and_frees_the_directory(made: Path, embedded: Embedded) -> None:
    postgres = embedded(made)
    await postgres.start()
    pid = postgres.pid
    assert pid is not None
    assert holder_of(made) is not None
    began = time.monotonic()
    await postgres.stop()
    assert time.monotonic() - began < 10
    assert not alive(pid)
    assert postgres.pid is None
    assert holder_of(made) is None
    await postgres.stop()


async def test_a_path_too_long_for_a_socket_gets_a_private_directory_elsewhere(scratch: Path, embedded: Embedded) -> None:
    deep = scratch / ("x" * 60) / ("y" * 60)
    deep.parent.mkdir(mode=0o711)
    postgres = embedded(deep, durable=False)
    url = await postgres.start()
    place = Path(unquote(url.partition("host=")[2].partition("&")[0]))
    assert not place.is_relative_to(scratch)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    await postgres.stop()
    place.rmdir()


async def test_other_commands_share_the_running_server(made: Path, embedded: Embedded) -> None:
    postgres = embedded(made, durable=False)
    url = await postgres.start()
    async with open_database(Settings(data_dir=made)) as shared:
        assert shared == url
        assert await require_supported(shared) >= 180000
    assert postgres.pid is not None
    await postgres.stop()


async def test_without_a_running_server_a_command_starts_its_own_and_stops_it(made: Path) -> None:
    async with open_database(Settings(data_dir=made)) as url:
        await require_supported(url)
    assert holder_of(made) is None


async def test_a_cluster_of_another_version_is_refused_and_left_alone(made: Path, embedded: Embedded) -> None:
    postgres = embedded(made, durable=False)
    await postgres.start()
    await postgres.stop()
    version = made / "postgresql" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(PostgresError, match=r"made by PostgreSQL 17.*pg_dump"):
        await embedded(made).start()
    assert version.read_text() == "17\n"


async def test_a_full_disk_is_named_with_its_remedy(scratch: Path, embedded: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qiatan.infra.postgres.cluster._SPACE_TO_MAKE", 1 << 62)
    with pytest.raises(PostgresError, match=r"no space left on the disk of .* free some, or set DATA"):
        await embedded(scratch).start()
    assert not (scratch / "postgresql").exists()


async def test_an_unreachable_database_url_is_named_without_its_password() -> None:
    with pytest.raises(PostgresError, match=r"^DATABASE_URL: the database does not answer") as refused:
        await require_supported("postgresql://somebody:hidden@127.0.0.1:1/nothing")
    assert "hidden" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("version", "fine"), [(140012, False), (150000, True), (180004, True)])
async def test_a_database_older_than_15_is_refused(version: int, fine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Info:
        server_version = version

    class Connection:
        info = Info()

        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_: object) -> None: ...

    async def connect(*_: object, **__: object) -> Connection:
        return Connection()

    monkeypatch.setattr("psycopg.AsyncConnection.connect", connect)
    if fine:
        assert await require_supported("postgresql:///x") == version
    else:
        with pytest.raises(PostgresError, match="PostgreSQL 14 is too old: use 15 or newer"):
            await require_supported("postgresql:///x")
