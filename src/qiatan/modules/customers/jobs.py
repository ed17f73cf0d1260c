"""Background jobs."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.jobs import JobList
from qiatan.infra.resources import Resources
from qiatan.modules.customers.repository import CatalogueRepository

jobs = JobList("customers")

BATCH = 500


@jobs.job
async def drop_values(resources: Resources, *, enterprise_id: str, key: str) -> None:
    """Take the values of a field that was deleted off all customers, a batch per transaction."""
    last, more = None, True
    while more:
        async with resources.database.tenant(UUID(enterprise_id)) as tx:
            last = await CatalogueRepository(tx, tx.enterprise_id).drop_values(key, BATCH, after=last)
        more = last is not None
