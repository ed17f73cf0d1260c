"""`qiatan migrate`."""

from __future__ import annotations

import asyncio

from qiatan.infra.settings import Settings


def migrate(settings: Settings, *, finish: bool) -> str:
    """Migrate as far as can be; what came of it, in a line."""
    from qiatan.infra import logs
    from qiatan.infra.db.migrate import Plan, UnfitDatabase, upgrade
    from qiatan.infra.postgres import PostgresError, open_database

    async def go() -> Plan:
        async with open_database(settings) as url:
            try:
                return await asyncio.to_thread(upgrade, url, finish=finish, hold=not settings.finish_upgrades)
            except UnfitDatabase as error:
                raise PostgresError(str(error)) from error

    logs.configure("warning" if settings.log_level == "info" else settings.log_level)
    done = asyncio.run(go())
    if not done.waiting:
        return "the database is up to date"
    if not settings.finish_upgrades:
        still = f", which ends older processes that still live ({', '.join(done.older)})" if done.older else ""
        return (
            f"the database is ready for this version; {', '.join(done.waiting)} waits for your word (FINISH_UPGRADES=off): "
            f"`qiatan migrate --finish` when the older version is not needed any more{still}"
        )
    return (
        f"the database is ready for this version; {', '.join(done.waiting)} waits for older processes to end ({', '.join(done.older)}): "
        "the server runs it then, or `qiatan migrate --finish` now"
    )
