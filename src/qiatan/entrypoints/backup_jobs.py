"""Looking whether a scheduled backup is due. Every few minutes, so that one that failed or was slept through is made up for."""

from __future__ import annotations

from qiatan.entrypoints import backups
from qiatan.infra.jobs import JobList
from qiatan.infra.resources import Resources

jobs = JobList("backups")


@jobs.periodic("*/5 * * * *")
async def scheduled(resources: Resources) -> None:
    """Make the backup of the latest turn, when BACKUP_AT is set and nobody has made it."""
    await backups.scheduled(resources)
