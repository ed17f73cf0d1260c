"""Migrations that had to wait for older processes to end."""

from __future__ import annotations

import asyncio

import structlog

from qiatan.infra.db.migrate import UnfitDatabase, upgrade, waiting
from qiatan.infra.jobs import JobList
from qiatan.infra.resources import Resources

log = structlog.get_logger(__name__)
jobs = JobList("schema")


@jobs.periodic("*/2 * * * *")
async def finish(resources: Resources) -> None:
    """Run what is left of the migrations, when the processes it waited for have gone."""
    if not resources.settings.finish_upgrades:
        return
    url = resources.database.url
    if not await asyncio.to_thread(waiting, url):
        return
    try:
        done = await asyncio.to_thread(upgrade, url)
    except UnfitDatabase as error:
        log.warning("database.steps_wait", error=str(error))
        return
    if not done.waiting:
        log.info("database.steps_done", revision=done.target)
