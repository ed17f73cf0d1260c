"""Background jobs: contents are deleted by the worker, after the transaction that gave them up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from qiatan.infra.db import Tx
from qiatan.infra.jobs import JobList, in_batches
from qiatan.infra.resources import Resources
from qiatan.modules.files.repository import Blobs, FileSweep
from qiatan.modules.files.rules import UNFINISHED_FOR

jobs = JobList("files")

BATCH = 200
COUNTS = 5_000
"""Rows of some words each, and nothing is deferred for them."""
UNUSED_FOR = timedelta(hours=24)


@jobs.job
async def delete_blobs(resources: Resources, *, blobs: list[str]) -> None:
    """Remove contents from the disk; those that are gone already are fine."""
    for blob in blobs:
        await resources.storage.delete(blob)


async def defer_deletion(tx: Tx, rows: Blobs) -> None:
    """Write the deletion of given-up contents into the transaction that gives them up."""
    names = [name for row in rows for name in row if name is not None]
    await defer_removal(tx, names)


async def defer_removal(tx: Tx, names: Sequence[str]) -> None:
    """As `defer_deletion`, by name."""
    if names:
        await tx.defer(delete_blobs, blobs=list(names))


@jobs.periodic("47 * * * *")
async def purge_unused(resources: Resources) -> None:
    """Give up pictures and files that were put into no message within a day, in all enterprises, a batch per transaction."""

    async def drop(tx: Tx) -> int:
        rows = await FileSweep(tx).drop_unattached(tx.now - UNUSED_FOR, BATCH)
        await defer_deletion(tx, rows)
        return len(rows)

    await in_batches(resources, drop, batch=BATCH)


@jobs.periodic("17 * * * *")
async def purge_expired(resources: Resources) -> None:
    """Give up the contents of files that have expired, uploads that were not finished within a day, and counts that are older than one.

    A batch per transaction.
    """

    async def empty(tx: Tx) -> int:
        rows = await FileSweep(tx).empty_expired(tx.now, BATCH)
        await defer_deletion(tx, rows)
        return len(rows)

    async def drop_uploads(tx: Tx) -> int:
        lapsed = await FileSweep(tx).drop_lapsed_uploads(tx.now, BATCH)
        await defer_removal(tx, [part for parts in lapsed for part in parts])
        return len(lapsed)

    async def drop_counts(tx: Tx) -> int:
        return await FileSweep(tx).drop_old_counts(tx.now - UNFINISHED_FOR, COUNTS)

    await in_batches(resources, empty, batch=BATCH)
    await in_batches(resources, drop_uploads, batch=BATCH)
    await in_batches(resources, drop_counts, batch=COUNTS)


@jobs.periodic("7 3 * * *")
async def tidy_storage(resources: Resources) -> None:
    """Remove what a process that died was storing; a day old, nobody can be storing it still."""
    await resources.storage.tidy(resources.clock.now() - UNUSED_FOR)
