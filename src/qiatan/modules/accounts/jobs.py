"""Background jobs of accounts."""

from __future__ import annotations

from qiatan.infra.jobs import JobList
from qiatan.infra.resources import Resources
from qiatan.modules.accounts import repository

jobs = JobList("accounts")


@jobs.job
async def delete_avatar(resources: Resources, *, blob: str) -> None:
    """Remove a picture that its owner replaced."""
    await resources.storage.delete(blob)


@jobs.periodic("41 3 * * *")
async def purge_expired(resources: Resources) -> None:
    """Forget expired sessions and links."""
    async with resources.database.system() as tx:
        await repository.purge(tx)
