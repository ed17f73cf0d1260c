"""Background jobs."""

from __future__ import annotations

from qiatan.infra.jobs import JobList
from qiatan.infra.resources import Resources
from qiatan.modules.files import service

jobs = JobList("files")
jobs.jobs.append(service.DELETE_BLOBS)

BATCH = 200


@jobs.periodic("47 * * * *")
async def purge_unused(resources: Resources) -> None:
    """Delete pictures that were sent up and never used, a batch per transaction."""
    dropped = BATCH
    while dropped == BATCH:
        async with resources.database.system() as tx:
            dropped = await service.drop_unused(tx, BATCH)
