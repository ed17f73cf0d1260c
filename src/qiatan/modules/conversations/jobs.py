"""Background work of conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from qiatan.infra.jobs import JobList
from qiatan.modules.conversations.repository import system

if TYPE_CHECKING:
    from qiatan.infra.resources import Resources

log = structlog.get_logger(__name__)
jobs = JobList("conversations")


@jobs.periodic("40 19 * * *")
async def reconcile_counters(resources: Resources) -> None:
    """Compare heads and unread counts with the messages behind them, nightly (03:40 in Shanghai). Drift is a bug and is reported."""
    async with resources.database.system() as tx:
        drift = await system.drifted_counters(tx)
    if drift:
        log.error("conversations.counters_drifted", conversations=drift)
    else:
        log.info("conversations.counters_exact")
