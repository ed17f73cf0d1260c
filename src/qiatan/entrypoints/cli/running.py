"""What the commands share: settings from environment and options, and work on an open, migrated database."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from qiatan.infra.settings import Settings

_T = TypeVar("_T")


def environment(
    *, host: str | None = None, port: int | None = None, data: Path | None = None, workers: int | None = None
) -> dict[str, str]:
    """The environment with the options put over it."""
    given = {"HOST": host, "PORT": port, "DATA": data, "WORKERS": workers}
    return {**os.environ, **{name: str(value) for name, value in given.items() if value is not None}}


def settings(*, host: str | None = None, port: int | None = None, data: Path | None = None, workers: int | None = None) -> Settings:
    """The settings for a command; raises `SettingsError`."""
    return Settings.from_env(environment(host=host, port=port, data=data, workers=workers))


def with_database(settings: Settings, work: Callable[[Settings], Awaitable[_T]]) -> _T:
    """Migrate the database and do something with it.

    The work gets the settings with the address filled in, whether it is DATABASE_URL, the PostgreSQL of a running server on the same
    data directory, or one that was started for this command and stops with it.
    """
    from qiatan.infra import logs
    from qiatan.infra.db.migrate import UnfitDatabase, upgrade
    from qiatan.infra.postgres import PostgresError, open_database

    async def go() -> _T:
        async with open_database(settings) as url:
            try:
                await asyncio.to_thread(upgrade, url, hold=not settings.finish_upgrades)
            except UnfitDatabase as error:
                raise PostgresError(str(error)) from error
            return await work(dataclasses.replace(settings, database_url=url))

    logs.configure("warning" if settings.log_level == "info" else settings.log_level, style=settings.log_format)
    return asyncio.run(go())


async def nothing(_: Settings) -> None:
    """Work that is done when the database is migrated."""
