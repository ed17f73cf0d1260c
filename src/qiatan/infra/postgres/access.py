"""One way to the database for every command: the configured one, the running server's, or our own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from qiatan.infra.postgres.cluster import PostgresError
from qiatan.infra.postgres.lock import ClusterInUse, holder_of
from qiatan.infra.postgres.server import EmbeddedPostgres

if TYPE_CHECKING:
    from qiatan.infra.settings import Settings

OLDEST_MAJOR = 15
_CONNECT_SECONDS = 10


@asynccontextmanager
async def open_database(settings: Settings, *, share: bool = True, max_connections: int = 60) -> AsyncIterator[str]:
    """Give the address of a database that answers, for as long as the block lasts.

    With DATABASE_URL, that one, checked for its version. Without, the embedded PostgreSQL: of the server that runs on the data directory
    when there is one and `share` allows it, else started here, for so many connections, and stopped at the end. Raises `SetupError`.
    """
    if settings.database_url is not None:
        await require_supported(settings.database_url)
        yield settings.database_url
        return
    holder = holder_of(settings.data_dir) if share else None
    if holder is not None:
        if holder.url is None:
            raise ClusterInUse(settings.data_dir, holder.pid)
        yield holder.url
        return
    server = EmbeddedPostgres(settings.data_dir, max_connections=max_connections)
    url = await server.start()
    try:
        yield url
    finally:
        await server.stop()


async def require_supported(url: str) -> int:
    """Connect once and return the server's version number (180004 for 18.4); raise `PostgresError` when it is too old or silent."""
    import psycopg  # noqa: PLC0415 -- heavy, and most commands do not need it

    try:
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=_CONNECT_SECONDS) as connection:
            version = connection.info.server_version
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise PostgresError(f"DATABASE_URL: the database does not answer ({reason}): check the address and that it runs") from error
    if version // 10000 < OLDEST_MAJOR:
        raise PostgresError(
            f"DATABASE_URL: PostgreSQL {version // 10000} is too old: use {OLDEST_MAJOR} or newer, "
            f"or leave DATABASE_URL empty for the embedded one"
        )
    return version
