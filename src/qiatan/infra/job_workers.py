"""What works the jobs off: a worker for each queue, so that none waits for the slots of another."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping

import procrastinate
from procrastinate import periodic
from procrastinate import worker as procrastinate_worker
from procrastinate.app import WorkerOptions

from qiatan.infra.clock import SystemClock

STALLED_SECONDS = 120
ROOM_SECONDS = 1.0
"""Of the patience at the end: what it takes to put back what is cut, and to sign off."""
# Waiting for the database's notifications wakes psycopg ten times a second: a third of what an idle server costs. The worker inside
# `serve` is woken by the commit that left a job (`Workers.wake`); one that runs apart looks every five seconds. No job of ours is ever
# aborted from outside.
PACE: WorkerOptions = {
    "listen_notify": False,
    "fetch_job_polling_interval": 5.0,
    "abort_job_polling_interval": 300.0,
    "update_heartbeat_interval": 30.0,
    "stalled_worker_timeout": float(STALLED_SECONDS),
}

_BEGIN_WITH = """
    INSERT INTO procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp)
    SELECT latest.task_name, latest.periodic_id, latest.turn
      FROM unnest(CAST(%(names)s AS varchar[]), CAST(%(ids)s AS varchar[]), CAST(%(turns)s AS bigint[])) AS latest (task_name, periodic_id, turn)
     WHERE NOT EXISTS (SELECT FROM procrastinate_periodic_defers AS done
                        WHERE done.task_name = latest.task_name AND done.periodic_id = latest.periodic_id)
    ON CONFLICT DO NOTHING
"""


class Worker(procrastinate_worker.Worker):
    """The library's worker of one queue, which can be told that there is something to do.

    `patience`: how many seconds the end may take; jobs that run then may finish but for what the end itself needs. `schedules`: it also
    leaves the periodic jobs whose turn has come; one of the workers of a process is enough.
    """

    def __init__(self, app: procrastinate.App, queue: str, *, slots: int, patience: Callable[[], float], schedules: bool) -> None:
        options: WorkerOptions = {
            **PACE,
            "queues": [queue],
            "concurrency": slots,
            "install_signal_handlers": False,
            "delete_jobs": "successful",
        }
        super().__init__(app, **options)
        self._patience = patience
        self._schedules = schedules

    async def work(self) -> None:
        """Until cancelled, or until a part of it fails, which the log tells."""
        run: Callable[[], Awaitable[None]] = self.run  # the library gives it no types
        await run()

    def wake(self) -> None:
        """Look for jobs now. A call that falls into a look may be lost; then the next turn finds what it was for."""
        self._new_job_event.set()

    def stop(self) -> None:
        """How much patience there is shows only now: a process that was replaced has more than one that is stopped."""
        self.shutdown_graceful_timeout = max(0.0, self._patience() - ROOM_SECONDS)
        super().stop()  # type: ignore[no-untyped-call]

    async def _periodic_deferrer(self) -> None:
        """The library forgets a turn that is more than ten minutes old, so a machine that is off at night would never do what is nightly.

        That a turn was done is a row, so the latest one can be made up for at any time, and is done once.
        """
        if not self._schedules:
            await asyncio.Event().wait()
        await self._begin_with_the_next()
        await self._turns().worker()

    async def _begin_with_the_next(self) -> None:
        """Note as done the latest turn of each job that has none yet, as on a new installation.

        It was not missed, and would only take the processor from whoever opens the first page. The next one can be missed: a machine that is
        off every night does it in the morning.
        """
        now = SystemClock().now().timestamp()  # by which the library counts its turns
        gone = [(task, turn) for task, turn in self._turns().get_previous_tasks(at=now) if now - turn > periodic.MAX_DELAY]
        await self.app.connector.execute_query_async(
            _BEGIN_WITH,
            names=[task.task.name for task, _ in gone],
            ids=[task.periodic_id for task, _ in gone],
            turns=[turn for _, turn in gone],
        )

    def _turns(self) -> periodic.PeriodicDeferrer:
        return periodic.PeriodicDeferrer(self.app.periodic_registry, max_delay=math.inf)


class Workers:
    """One worker for each queue."""

    def __init__(self, app: procrastinate.App, slots: Mapping[str, int], *, patience: Callable[[], float]) -> None:
        self._workers = [
            Worker(app, queue, slots=number, patience=patience, schedules=place == 0) for place, (queue, number) in enumerate(slots.items())
        ]

    async def work(self) -> None:
        """Until cancelled; then jobs that run have the patience to finish. Where one worker ends by itself, the others end with it."""
        rounds = [asyncio.create_task(worker.work()) for worker in self._workers]
        try:
            await asyncio.wait(rounds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in rounds:
                one.cancel()
            ends = await asyncio.gather(*rounds, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    def wake(self) -> None:
        for worker in self._workers:
            worker.wake()
