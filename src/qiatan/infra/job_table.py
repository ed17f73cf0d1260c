"""The library's table of jobs, where its own statements do not say what is meant here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from procrastinate import connector as procrastinate_connector
from procrastinate import jobs, manager

# The library's `fetch_job` has no word for names. Locks of jobs, which it looks at, are not used here.
_FETCH = """
    WITH next AS (
        SELECT id FROM procrastinate_jobs
         WHERE status = 'todo'
           AND (CAST(%(queues)s AS varchar[]) IS NULL OR queue_name = ANY(%(queues)s))
           AND task_name = ANY(%(names)s)
           AND (scheduled_at IS NULL OR scheduled_at <= now())
         ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    UPDATE procrastinate_jobs AS job SET status = 'doing', worker_id = %(worker_id)s FROM next WHERE job.id = next.id
    RETURNING job.id, job.status, job.task_name, job.priority, job.lock, job.queueing_lock, job.args, job.scheduled_at, job.queue_name,
              job.attempts, job.worker_id
"""

_TAKE_UP_AGAIN = """
    SELECT procrastinate_retry_job_v2(id, NULL, NULL, NULL, NULL)
      FROM procrastinate_jobs WHERE status = 'failed' AND attempts <= %(most)s AND task_name = ANY(%(names)s)
"""

_GIVE_UP_UNKNOWN = """
    SELECT procrastinate_finish_job_v1(job.id, 'failed', false)
      FROM procrastinate_jobs AS job
     WHERE job.status = 'todo' AND job.task_name <> ALL(%(names)s)
       AND EXISTS (SELECT FROM procrastinate_events AS event
                    WHERE event.job_id = job.id AND event.type = 'deferred' AND event.at < now() - make_interval(hours => %(hours)s))
"""


class JobTable(manager.JobManager):
    """Gives out the jobs that this program knows, and leaves the others to those who know them.

    During an upgrade the newer release leaves jobs of which the older one beside it has never heard; the library would take them and
    fail them for good.
    """

    def __init__(self, connector: procrastinate_connector.BaseConnector, known: Callable[[], Collection[str]]) -> None:
        super().__init__(connector)
        self._known = known

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> jobs.Job | None:
        """Take the next one of these queues (None: of all)."""
        wanted = None if queues is None else list(queues)
        rows = await self.connector.execute_query_all_async(_FETCH, queues=wanted, names=list(self._known()), worker_id=worker_id)
        return jobs.Job.from_row(rows[0]) if rows else None

    async def take_up_again(self, names: Collection[str], *, most: int) -> None:
        """Try again what was failed after so few tries: a worker of a release that did not know these jobs yet has done that."""
        await self.connector.execute_query_all_async(_TAKE_UP_AGAIN, names=list(names), most=most)

    async def give_up_unknown(self, *, hours: int) -> None:
        """Fail what has waited for so long without anybody who knows it: jobs that a release took away have no worker any more."""
        await self.connector.execute_query_all_async(_GIVE_UP_UNKNOWN, names=list(self._known()), hours=hours)
