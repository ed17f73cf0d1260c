"""Stored counters against what they count. A counter changes in the same transaction as what it counts, so a difference is a bug."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from qiatan.entrypoints.system.contracts import CounterComparison, CountersMended
from qiatan.entrypoints.system.health import is_operator
from qiatan.entrypoints.system.permissions import REPAIR_SYSTEM
from qiatan.infra import metrics
from qiatan.infra.db import Database, Tx
from qiatan.infra.jobs import JobList
from qiatan.infra.nodes import living_nodes
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor, require
from qiatan.kit.errors import DatabaseUnavailable
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service as conversations
from qiatan.modules.replies import service as replies

log = structlog.get_logger(__name__)
jobs = JobList("system")

# Comparing one enterprise reads all messages of its open conversations.
_PATIENT = text("SET LOCAL statement_timeout = '15min'")


async def _compare(tx: Tx, enterprise_id: UUID) -> dict[str, int]:
    return {
        "conversations": await conversations.count_drift(tx, enterprise_id),
        "replies": await replies.count_drift(tx, enterprise_id),
        "audit": await accounts.count_audit_drift(tx, enterprise_id),
    }


@jobs.periodic("40 19 * * *")
async def compare_counters(resources: Resources) -> None:
    """Compare all counters of all enterprises, one after another, nightly (03:40 in Shanghai). Drift is a bug and is reported."""
    await compare_all(resources.database)


async def compare_all(database: Database) -> dict[str, int]:
    """How many counters of all enterprises differ, by what they count; noted for metrics, and for the health page when none was left out.

    Raises:
        DatabaseUnavailable: it does not answer; nothing was noted.
    """
    async with database.system() as tx:
        enterprises, began = await accounts.enterprise_ids(tx), tx.now
    total = {"conversations": 0, "replies": 0, "audit": 0}
    failed = 0
    for enterprise_id in enterprises:
        try:
            async with database.system() as tx:
                await tx.session.execute(_PATIENT)
                found = await _compare(tx, enterprise_id)
        except Exception as error:
            # One enterprise's fault must not keep those behind it from being looked at. Where nobody's go well, nothing was compared.
            if isinstance(error, DatabaseUnavailable):
                await database.glance_at_clock()  # it answers: this one's took too long, and the others' may not
            failed += 1
            if failed == len(enterprises):
                raise
            log.exception("counters.not_compared", enterprise_id=str(enterprise_id), error=str(error))
            continue
        if any(found.values()):
            log.error("counters.drifted", enterprise_id=str(enterprise_id), **found)
        total = {name: number + found[name] for name, number in total.items()}
    if failed:
        # What was not looked at may differ still, so no counter is called right, and the night was none of all.
        for name in filter(total.get, total):
            metrics.DRIFT.set(total[name], name)
    else:
        metrics.note_comparison(began.isoformat(), total)
    log.info("counters.compared", enterprises=len(enterprises) - failed, failed=failed, drifted=sum(total.values()))
    return total


async def compare_own(resources: Resources, actor: AgentActor) -> CounterComparison:
    """The caller's enterprise, now; with what the night found where the caller runs the installation."""
    async with resources.database.system() as tx:
        found = await _compare(tx, actor.enterprise_id)
        at, drifted = await _night(tx) if await is_operator(tx, actor) else (None, None)
        return CounterComparison(at=tx.now, night_at=at, night_drifted=drifted, **found)


async def _night(tx: Tx) -> tuple[datetime, int] | tuple[None, None]:
    """The newest comparison that any living node remembers."""
    told: list[dict[str, Any]] = [row.health["counters"] for row in await living_nodes(tx) if row.health and row.health.get("counters")]
    if not told:
        return None, None
    newest = max(told, key=lambda one: datetime.fromisoformat(one["at"]))
    return datetime.fromisoformat(newest["at"]), sum(newest["drifted"].values())


async def mend(tx: Tx, actor: AgentActor) -> CountersMended:
    """Set the counters of the caller's enterprise right.

    Raises:
        NotAllowed: the role lacks `system.repair`, or the scope is not the whole enterprise.
    """
    require(actor, REPAIR_SYSTEM)
    accounts.require_whole_scope(actor)
    mended = CountersMended(conversations=await conversations.mend_counters(tx), replies=await replies.mend_counters(tx))
    if mended.conversations or mended.replies:
        accounts.record(tx, accounts.Who.of(actor), "counters.mended", conversations=mended.conversations, replies=mended.replies)
    return mended
