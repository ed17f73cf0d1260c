"""Background work of conversations."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from qiatan.infra.jobs import JobList, in_batches
from qiatan.modules.conversations.repository import system

if TYPE_CHECKING:
    from qiatan.infra.resources import Resources

jobs = JobList("conversations")

# `service.joining` and `service.idle` keep them.
end_lost_joining = jobs.promise("end_lost_joining")
look_at_idle_again = jobs.promise("look_at_idle_again")

DRAFTS_KEPT = timedelta(days=30)
MENTIONS_KEPT = timedelta(days=180)
FORGET_BATCH = 5_000
WATCH_BATCH = 5_000


@jobs.periodic("20 19 * * *")
async def watch_idle_again(resources: Resources) -> None:
    """Have a look at what has an agent and no moment of its automatic end, nightly (03:20 in Shanghai), where conversations end by
    themselves, and at what waits though its customer took back all of it: a process of an earlier release did that during an upgrade.
    """
    await in_batches(resources, lambda tx: system.look_at_unwatched(tx, WATCH_BATCH), batch=WATCH_BATCH)


@jobs.periodic("25 19 * * *")
async def forget_drafts_and_mentions(resources: Resources) -> None:
    """Remove drafts 30 days after their conversation's end and mentions after 180 days, nightly (03:25 in Shanghai)."""
    for forget, age in ((system.forget_drafts, DRAFTS_KEPT), (system.forget_mentions, MENTIONS_KEPT)):
        gone = FORGET_BATCH
        while gone == FORGET_BATCH:
            async with resources.database.system() as tx:
                gone = await forget(tx, before=tx.now - age, limit=FORGET_BATCH)
