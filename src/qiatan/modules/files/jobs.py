"""Background jobs."""

from __future__ import annotations

from datetime import timedelta

from qiatan.infra.db import Tx
from qiatan.infra.jobs import JobList
from qiatan.infra.resources import Resources
from qiatan.modules.files.repository import Blobs, FileSweep

jobs = JobList("files")

UNUSED_FOR = timedelta(hours=24)
BATCH = 200


@jobs.job
async def delete_blobs(resources: Resources, *, blobs: list[str]) -> None:
    """Remove contents from the disk; those that are gone already are fine."""
    for blob in blobs:
        await resources.storage.delete(blob)


@jobs.periodic("47 * * * *")
async def purge_unused(resources: Resources) -> None:
    """Delete pictures that were sent up and put into no message within a day, a batch per transaction."""
    found = BATCH
    while found == BATCH:
        async with resources.database.system() as tx:
            dropped = await FileSweep(tx).drop_unattached(tx.now - UNUSED_FOR, BATCH)
            await defer_deletion(tx, dropped)
        found = len(dropped)


async def defer_deletion(tx: Tx, rows: Blobs) -> None:
    """Write the job that removes these rows' contents, into the transaction that gives them up."""
    names = [name for row in rows for name in row if name is not None]
    if names:
        await tx.defer(delete_blobs, blobs=names)
