"""Numbers of the whole installation that only the database knows, in one statement, at most every ten seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import text

from qiatan.infra.db import Database
from qiatan.infra.metrics import Family, gauge

KEPT_SECONDS = 10.0

# Every part is answered by a partial index, or by a table that is small. (The size of the database as a whole is told to whom may connect
# to it in person only, which the roles of this program may not.)
_NUMBERS = text(
    """
    SELECT (SELECT count(*) FROM conversations WHERE status = 'waiting') AS waiting,
           (SELECT count(*) FROM conversations WHERE status <> 'ended') AS open,
           (SELECT count(*) FROM routing_requests WHERE state = 'queued') AS queued,
           (SELECT coalesce(extract(epoch FROM CAST(:now AS timestamptz) - min(entered_at)), 0)
              FROM routing_requests WHERE state = 'queued') AS longest,
           (SELECT count(*) FROM procrastinate_jobs
             WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= :now)) AS jobs_waiting,
           (SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo' AND scheduled_at > :now) AS jobs_later,
           (SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing') AS jobs_running,
           (SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed') AS jobs_failed,
           (SELECT count(*) FROM agent_presence WHERE lease_until > :now AND status = 'online') AS online,
           (SELECT count(*) FROM agent_presence WHERE lease_until > :now AND status = 'busy') AS busy,
           (SELECT count(*) FROM agent_presence WHERE lease_until > :now AND status = 'away') AS away,
           (SELECT coalesce(extract(epoch FROM max(started_at)), 0) FROM backups WHERE ok) AS backed_up,
           (SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class
             WHERE relkind = 'r' AND relnamespace NOT IN (CAST('pg_catalog' AS regnamespace), CAST('information_schema' AS regnamespace))) AS bytes
    """
)


@dataclass(frozen=True, slots=True)
class Numbers:
    """`longest` in seconds; `jobs_waiting` should run now, `jobs_later` are tried again later, `jobs_failed` were given up within seven days;
    `backed_up`: when the last good backup began (Unix time), 0 when there is none."""

    waiting: int
    open: int
    queued: int
    longest: float
    jobs_waiting: int
    jobs_later: int
    jobs_running: int
    jobs_failed: int
    online: int
    busy: int
    away: int
    backed_up: float
    bytes: int

    def families(self) -> Iterator[Family]:
        yield gauge("qiatan_conversations_open", "Open conversations.", [({}, self.open)])
        yield gauge("qiatan_conversations_waiting", "Open conversations without an agent, left messages too.", [({}, self.waiting)])
        yield gauge("qiatan_queue_length", "Visitors in a queue.", [({}, self.queued)])
        yield gauge("qiatan_queue_longest_wait_seconds", "How long the first of all queues has waited.", [({}, self.longest)])
        jobs = {"waiting": self.jobs_waiting, "later": self.jobs_later, "running": self.jobs_running, "failed": self.jobs_failed}
        yield gauge("qiatan_jobs", "Background jobs in the table, by state.", [({"state": key}, value) for key, value in jobs.items()])
        agents = {"online": self.online, "busy": self.busy, "away": self.away}
        yield gauge("qiatan_agents_present", "Agents with an open page.", [({"status": key}, value) for key, value in agents.items()])
        yield gauge("qiatan_last_backup_time_seconds", "When the last good backup began (Unix time); 0 when none.", [({}, self.backed_up)])
        yield gauge("qiatan_database_bytes", "Size of all tables with their indexes.", [({}, self.bytes)])


class NumbersKeeper:
    """However many ask, the database is asked once in ten seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: Numbers | None = None
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def get(self) -> Numbers:
        """
        Raises:
            DatabaseUnavailable
        """
        async with self._asking:
            if self._kept is None or time.monotonic() - self._asked_at >= KEPT_SECONDS:
                async with self._database.system() as tx:
                    row = (await tx.session.execute(_NUMBERS, {"now": tx.now})).mappings().one()
                exact = {"bytes": int(row["bytes"]), "longest": float(row["longest"]), "backed_up": float(row["backed_up"])}
                self._kept = Numbers(**{**row, **exact})
                self._asked_at = time.monotonic()
            return self._kept
