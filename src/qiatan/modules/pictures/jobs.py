"""Background jobs: contents are deleted by the worker, after the transaction that gave them up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from qiatan.infra.db import Tx
from qiatan.infra.jobs import JobList, in_batches
from qiatan.infra.resources import Resources
from qiatan.modules.pictures.repository import PictureDirectory

jobs = JobList("pictures")

BATCH = 200
UNUSED_FOR = timedelta(hours=24)


@jobs.job
async def delete_contents(resources: Resources, *, blobs: list[str]) -> None:
    """Remove contents; those that are gone already are fine."""
    for blob in blobs:
        await resources.storage.delete(blob)


async def defer_deletion(tx: Tx, blobs: Sequence[str]) -> None:
    """Write the deletion of given-up contents into the transaction that gives them up."""
    if blobs:
        await tx.defer(delete_contents, blobs=list(blobs))


@jobs.periodic("23 * * * *")
async def purge_unused(resources: Resources) -> None:
    """Give up pictures that nothing has held for a day and that were never sent, in all enterprises, a batch per transaction."""

    async def drop(tx: Tx) -> int:
        blobs = await PictureDirectory(tx).drop_unused(tx.now - UNUSED_FOR, BATCH)
        await defer_deletion(tx, blobs)
        return len(blobs)

    await in_batches(resources, drop, batch=BATCH)
