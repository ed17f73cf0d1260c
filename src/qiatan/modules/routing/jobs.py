"""Background work of routing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from qiatan.infra.jobs import JobList
from qiatan.modules.routing.repository import decisions, wishes

if TYPE_CHECKING:
    from qiatan.infra.resources import Resources

jobs = JobList("routing")

BATCH = 5_000
DECISIONS_KEPT = timedelta(days=400)
WISHES_KEPT = timedelta(days=2)

run_simulation = jobs.promise("run_simulation")


@jobs.periodic("50 19 * * *")
async def purge_decisions(resources: Resources) -> None:
    """Delete decisions that are older than a year and a bit, nightly (03:50 in Shanghai), a batch per transaction."""
    deleted = BATCH
    while deleted == BATCH:
        async with resources.database.system() as tx:
            deleted = await decisions.delete_old(tx, tx.now - DECISIONS_KEPT, BATCH)


@jobs.periodic("33 * * * *")
async def purge_wishes(resources: Resources) -> None:
    """Delete wishes that nobody made use of, hourly, a batch per transaction."""
    deleted = BATCH
    while deleted == BATCH:
        async with resources.database.system() as tx:
            deleted = await wishes.delete_old(tx, tx.now - WISHES_KEPT, BATCH)
