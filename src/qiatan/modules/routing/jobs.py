"""Background work of routing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from qiatan.infra.jobs import JobList, in_batches
from qiatan.modules.routing.repository import decisions, offers, requests, spans, wishes

if TYPE_CHECKING:
    from qiatan.infra.db import Tx
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
new_longest_wait = jobs.promise("new_longest_wait")


@jobs.periodic("50 19 * * *")
async def purge_decisions(resources: Resources) -> None:
    """Delete decisions that are older than 90 days, nightly (03:50 in Shanghai), a batch per transaction."""
    await _purge(resources, decisions.delete_old, DECISIONS_KEPT)


@jobs.periodic("33 * * * *")
async def purge_wishes(resources: Resources) -> None:
    """Delete wishes that nobody made use of, hourly, a batch per transaction."""
    await _purge(resources, wishes.delete_old, WISHES_KEPT)


@jobs.periodic("45 19 * * *")
async def purge_requests(resources: Resources) -> None:
    """Delete how conversations were routed that ended half a year ago, nightly (03:45 in Shanghai), a batch per transaction."""
    await _purge(resources, requests.delete_old, REQUESTS_KEPT)


@jobs.periodic("55 19 * * *")
async def purge_times_and_offers(resources: Resources) -> None:
    """Delete times online and offers that are over long since, nightly (03:55 in Shanghai), a batch per transaction."""
    await _purge(resources, spans.delete_old, TIMES_KEPT)
    await _purge(resources, offers.delete_old, OFFERS_KEPT)


async def _purge(resources: Resources, delete_old: Callable[[Tx, datetime, int], Awaitable[int]], kept: timedelta) -> None:
    await in_batches(resources, lambda tx: delete_old(tx, tx.now - kept, BATCH), batch=BATCH)
