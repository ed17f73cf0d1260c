"""Every enterprise has its first channel, whatever died when it signed up."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from sqlalchemy import text

from qiatan.entrypoints import first_channels
from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.modules.channels import service as channels
from tests.support.factories import Factories


async def _first(database: Database) -> list[UUID]:
    async with database.system() as tx:
        return sorted((await tx.session.execute(text("SELECT enterprise_id FROM channels WHERE is_first"))).scalars())


async def test_who_lacks_the_first_channel_gets_it_and_the_others_are_not_visited(
    database: Database, factories: Factories, resources: Resources
) -> None:
    """Given enterprises of which two lost their process right after the sign-up, then those two alone are opened, once."""
    tenants = [await factories.tenant() for _ in range(6)]
    lost = {tenants[2].enterprise_id, tenants[4].enterprise_id}
    for tenant in tenants:
        if tenant.enterprise_id not in lost:
            async with database.tenant(tenant.enterprise_id) as tx:
                await channels.create_default(tx)
    assert not lost & set(await _first(database))
    # Connections of its own: what earlier calls have set off is not counted.
    counted = Database(database.url, clock=database.clock, pool_size=2)
    here = replace(resources, database=counted)

    try:
        await first_channels.open_forgotten.run(here)

        assert counted.committed == 1 + len(lost)  # one look, and one for each
        assert await _first(database) == sorted(tenant.enterprise_id for tenant in tenants)
        await first_channels.ensure_channels(here)
        assert counted.committed == 1 + len(lost) + 1
    finally:
        await counted.dispose()
