"""Background work of routing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from qiatan.infra.jobs import JobList
from qiatan.modules.routing.repository import decisions, offers, requests, spans, wishes

if TYPE_CHECKING:
    from qiatan.infra.resources import Resources

jobs = JobList("routing")

BATCH = 5_000
REQUESTS_KEPT = timedelta(days=180)
"""Longer than recorded traffic reaches back, which is simulated with the wishes of these."""
DECISIONS_KEPT = timedelta(days=90)
WISHES_KEPT = timedelta(days=1)
OFFERS_KEPT = timedelta(days=30)
TIMES_KEPT = timedelta(days=800)
"""Times online: two years and a bit, for the attendance."""

run_simulation = jobs.promise("run_simulation")
reschedule = jobs.promise("reschedule")


@jobs.periodic("50 19 * * *")
async def purge_decisions(resources: Resources) -> None:
    """Delete decisions that are older than 90 days, nightly (03:50 in Shanghai), a batch per transaction."""
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


@jobs.periodic("45 19 * * *")
async def purge_requests(resources: Resources) -> None:
    """Delete how conversations were routed that ended half a year ago, nightly (03:45 in Shanghai), a batch per transaction."""
    deleted = BATCH
    while deleted == BATCH:
        async with resources.database.system() as tx:
            deleted = await requests.delete_old(tx, tx.now - REQUESTS_KEPT, BATCH)


@jobs.periodic("55 19 * * *")
async def purge_times_and_offers(resources: Resources) -> None:
    """Delete times online and offers that are over long since, nightly (03:55 in Shanghai), a batch per transaction."""
    for table, kept in ((spans, TIMES_KEPT), (offers, OFFERS_KEPT)):
        deleted = BATCH
        while deleted == BATCH:
            async with resources.database.system() as tx:
                deleted = await table.delete_old(tx, tx.now - kept, BATCH)
