"""Background jobs."""

from __future__ import annotations

from datetime import timedelta

from qiatan.infra.jobs import JobList, in_batches
from qiatan.infra.resources import Resources
from qiatan.modules.visitors.repository import TokenDirectory

jobs = JobList("visitors")

BATCH = 5_000
KEPT_AFTER_EXPIRY = timedelta(days=1)


@jobs.periodic("23 * * * *")
async def purge_expired_tokens(resources: Resources) -> None:
    """Delete tokens that cannot be used any more, a batch per transaction."""
    await in_batches(resources, lambda tx: TokenDirectory(tx).delete_expired(tx.now - KEPT_AFTER_EXPIRY, BATCH), batch=BATCH)
