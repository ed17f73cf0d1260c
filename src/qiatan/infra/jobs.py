"""Background jobs on procrastinate: written in the transaction of their cause, run at least once by a worker.

A module declares its jobs in `jobs.py`:

    jobs = JobList("files")

    @jobs.job
    async def delete_blob(resources: Resources, *, blob: str) -> None: ...

    @jobs.periodic("17 3 * * *")
    async def purge_orphans(resources: Resources) -> None: ...

and a use case writes one with `await tx.defer(delete_blob, blob=...)`. Arguments are JSON; a job must be safe to run twice.

A job whose work is itself a use case is only promised there, because `service` stands above `jobs`, and the service keeps the promise:

    mail_invitation = jobs.promise("mail_invitation")

    @mail_invitation.kept_by
    async def _mail_invitation(resources: Resources, *, enterprise_id: str, agent_id: str) -> None: ...

A job that fails is tried again, ten times more in about half an hour, and one whose process dies just as often. What has to be done when
the last try failed, is said with `given_up_by`:

    @mail_invitation.given_up_by
    async def _tell(resources: Resources, *, enterprise_id: str, agent_id: str) -> None: ...

Jobs that call others' servers, which may keep them waiting, are of the queue `CALLS` and hold up nothing else; letters are of `MAIL`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import procrastinate
import structlog
from procrastinate import jobs as procrastinate_jobs
from procrastinate import manager

from qiatan.infra import logs, metrics, tracing
from qiatan.infra.db.alive import WatchedConnection, watched
from qiatan.infra.db.roles import SYSTEM
from qiatan.infra.job_table import JobTable
from qiatan.infra.job_workers import PACE, STALLED_SECONDS

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from qiatan.infra.db import Tx
    from qiatan.infra.resources import Resources

JobFunction = Callable[..., Awaitable[None]]

log = structlog.get_logger(__name__)

QUEUE, CALLS, MAIL = "default", "calls", "mail"
MAX_ATTEMPTS = 10
FAILED_KEPT_HOURS = 7 * 24
"""How long a job that was given up stands in the table, for whoever looks into it; then the health page and alarms are quiet again. So long
one waits for somebody who knows it, too."""


async def _not_kept(resources: Resources, **arguments: Any) -> None:
    """What a promised job does before its work was given."""
    raise RuntimeError("nobody has given this job its work")


@dataclass(slots=True)
class Job:
    """A named job. `cron` is set for periodic ones."""

    name: str
    run: JobFunction = _not_kept
    cron: str | None = None
    queue: str = QUEUE
    give_up: JobFunction | None = None

    def kept_by(self, function: JobFunction) -> JobFunction:
        """Give a promised job its work."""
        if self.run is not _not_kept:
            raise RuntimeError(f"the job {self.name} has its work already")
        self.run = function
        return function

    def given_up_by(self, function: JobFunction) -> JobFunction:
        """Say what is done, with the job's arguments, when its last try failed."""
        self.give_up = function
        return function

    async def defer(self, connection: AsyncConnection[Any], arguments: dict[str, Any]) -> None:
        """Insert the job through an open connection, as part of its transaction."""
        row = procrastinate_jobs.Job(id=None, queue=self.queue, lock=None, queueing_lock=None, task_name=self.name, task_kwargs=arguments)
        await manager.JobManager(_Connector()).defer_job_async(row, connection=connection)


class _Connector(procrastinate.PsycopgConnector):
    """Writes through the caller's connection only; it never opens a pool of its own."""


class JobList:
    """The jobs one module declares, of one queue unless a promise names another."""

    def __init__(self, module: str, *, queue: str = QUEUE) -> None:
        self.module = module
        self.queue = queue
        self.jobs: list[Job] = []

    def job(self, function: JobFunction) -> Job:
        return self._add(function.__name__, function, None)

    def periodic(self, cron: str) -> Callable[[JobFunction], Job]:
        """A job run on a schedule, in UTC; if several workers run, exactly one gets each turn."""
        return lambda function: self._add(function.__name__, function, cron)

    def promise(self, name: str, *, queue: str | None = None) -> Job:
        """A job whose work the module's service gives (`Job.kept_by`)."""
        return self._add(name, _not_kept, None, queue)

    def _add(self, name: str, function: JobFunction, cron: str | None, queue: str | None = None) -> Job:
        job = Job(f"{self.module}.{name}", function, cron, queue or self.queue)
        self.jobs.append(job)
        return job


async def in_batches(resources: Resources, turn: Callable[[Tx], Awaitable[int]], *, batch: int) -> None:
    """Take turns, each in a transaction of its own across all enterprises, until one has done fewer than a batch: no lock is held for long."""
    done = batch
    while done == batch:
        async with resources.database.system() as tx:
            done = await turn(tx)


def build_worker_app(url: str, job_lists: list[JobList], resources: Resources) -> procrastinate.App:
    """A procrastinate application that runs the given jobs."""
    connector = procrastinate.PsycopgConnector(
        conninfo=url,
        min_size=1,
        max_size=3,
        connection_class=WatchedConnection,
        kwargs={"options": f"-c role={SYSTEM} -c timezone=UTC", "connect_timeout": 10, **watched(url)},
    )
    app = procrastinate.App(connector=connector, worker_defaults=PACE)
    app.job_manager = table = JobTable(connector, app.tasks.keys)
    ours = {job.name: job for job_list in job_lists for job in job_list.jobs}
    for job in ours.values():
        _register(app, job, resources)

    @app.periodic(cron="*/5 * * * *")
    @app.task(name="infra.retry_stalled", queue=QUEUE)
    async def retry_stalled(timestamp: int) -> None:
        """Run again what a worker that died had begun, and what one of an older release did not know."""
        for stalled in await table.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
            if stalled.attempts < MAX_ATTEMPTS:
                await table.retry_job(stalled)
            else:
                await _give_up_stalled(table, stalled, ours.get(stalled.task_name), resources)
        await table.take_up_again(ours, most=MAX_ATTEMPTS)

    @app.periodic(cron="29 20 * * *")
    @app.task(name="infra.forget_given_up", queue=QUEUE)
    async def forget_given_up(timestamp: int) -> None:
        """Jobs that ran well leave the table by themselves; of the others only this ends the row."""
        await table.give_up_unknown(hours=FAILED_KEPT_HOURS)
        await table.delete_old_jobs(FAILED_KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True)

    return app


async def _give_up_stalled(table: JobTable, stalled: procrastinate_jobs.Job, job: Job | None, resources: Resources) -> None:
    """No more of a job whose process died at every try: it may be what kills them."""
    log.error("job.given_up", job=stalled.task_name, job_id=stalled.id, reason="its process died at every try")
    try:
        if job is not None and job.give_up is not None:
            await job.give_up(resources, **stalled.task_kwargs)
    finally:
        await table.finish_job(stalled, status=procrastinate_jobs.Status.FAILED, delete_job=False)


def _register(app: procrastinate.App, job: Job, resources: Resources) -> None:
    retry = procrastinate.RetryStrategy(max_attempts=MAX_ATTEMPTS, exponential_wait=2)
    work = job.run
    if work is _not_kept:
        raise RuntimeError(f"nothing keeps the promised job {job.name}")

    async def run(context: procrastinate.JobContext, /, **arguments: Any) -> None:
        try:
            await _measured(job.name, work(resources, **arguments), arguments, attempt=context.job.attempts + 1)
        except Exception:
            if job.give_up is not None and context.job.attempts >= MAX_ATTEMPTS:
                await job.give_up(resources, **arguments)
            raise

    async def run_when_due(timestamp: int) -> None:
        await _measured(job.name, work(resources), {})

    if job.cron is None:
        app.task(name=job.name, queue=job.queue, retry=retry, pass_context=True)(run)
    else:
        app.periodic(cron=job.cron)(app.task(name=job.name, queue=job.queue, retry=retry)(run_when_due))


async def _measured(name: str, working: Awaitable[None], arguments: Mapping[str, Any], *, attempt: int = 1) -> None:
    """Run a job, and note how long it took and how it ended."""
    began, outcome = time.perf_counter(), "failed"
    ids = {"job": name} | {key: str(value) for key, value in arguments.items() if key in _TELLABLE}
    named = logs.around.set(_JobAround(ids))
    try:
        with tracing.span(f"job {name}", {"attempt": attempt, **ids}, kind="consumer"):
            await working
        outcome = "done"
    finally:
        logs.around.reset(named)
        metrics.JOB_SECONDS.observe(time.perf_counter() - began, name, outcome)


_TELLABLE = frozenset({"enterprise_id", "agent_id", "customer_id", "conversation_id"})
"""Arguments that logs and traces may name; others may hold a name or an address."""


class _JobAround:
    """A job, as what is logged meanwhile names it."""

    def __init__(self, ids: Mapping[str, str]) -> None:
        self._ids = ids

    def ids(self) -> Mapping[str, str]:
        return self._ids

    def spent_in_database(self, seconds: float) -> None:
        """Jobs may take their time; the histogram of jobs tells it."""
