"""The audit chains of an installation, verified on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from qiatan.infra.db import Database
from qiatan.infra.settings import Settings
from qiatan.infra.setup_error import SetupError
from qiatan.modules.accounts import service


@dataclass(frozen=True, slots=True)
class Chain:
    """What verifying one enterprise's log found, as it is told."""

    enterprise_id: UUID
    name: str
    whole: bool
    said: str


async def verify(settings: Settings, *, enterprise: str | None = None, noted: tuple[int, bytes] | None = None) -> list[Chain]:
    """Walk the chains of all enterprises, or of the one with this name or id.

    Needs `settings.database_url` of a migrated database; the server may run meanwhile.

    Raises:
        SetupError: no enterprise has the name, or several have.
    """
    if settings.database_url is None:
        raise RuntimeError("the command line opens the database first and fills in its address")
    database = Database(settings.database_url, pool_size=1)
    try:
        return [await _verify(database, enterprise_id, noted) for enterprise_id in await _asked(database, enterprise)]
    finally:
        await database.dispose()


async def _asked(database: Database, enterprise: str | None) -> list[UUID]:
    async with database.system() as tx:
        if enterprise is None:
            return await service.enterprise_ids(tx)
        found = await service.enterprises_named(tx, enterprise)
    if not found:
        raise SetupError(f"--enterprise: there is none named {enterprise!r}: check the name, or leave it out to verify all")
    if len(found) > 1:
        ids = ", ".join(str(enterprise_id) for enterprise_id in found)
        raise SetupError(f"--enterprise: {len(found)} enterprises have this name: give the id of one instead: {ids}")
    return found


async def _verify(database: Database, enterprise_id: UUID, noted: tuple[int, bytes] | None) -> Chain:
    async with database.tenant(enterprise_id) as tx:
        name = (await service.get_enterprise(tx)).name
    report = await service.verify_chain(database, enterprise_id, noted=noted)
    if report.flaw is not None:
        return Chain(enterprise_id, name, whole=False, said=f"BROKEN after {report.entries} good entries: {report.flaw}")
    return Chain(enterprise_id, name, whole=True, said=f"ok, {report.entries} entries, head {report.seq}:{report.hash.hex()}")
