"""The worker: background jobs, inside `serve` or apart (`qiatan work`)."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import signal
import socket
from collections.abc import AsyncIterator, Callable

import psycopg
import structlog
import uvloop

from qiatan.entrypoints.app import build_resources
from qiatan.entrypoints.drain import Drain
from qiatan.entrypoints.listening import take_port
from qiatan.entrypoints.registry import JOBS
from qiatan.entrypoints.relay import on_the_bus
from qiatan.entrypoints.system.monitor import Monitor
from qiatan.entrypoints.work_health import Rounds, answering, build_work_app
from qiatan.infra import logs
from qiatan.infra.clock import FollowingClock
from qiatan.infra.db.clock_keeper import ClockKeeper
from qiatan.infra.db.migrate import fits
from qiatan.infra.job_workers import Workers
from qiatan.infra.jobs import CALLS, MAIL, QUEUE, build_worker_app
from qiatan.infra.postgres import open_database
from qiatan.infra.postgres.server import ensure_data_dir
from qiatan.infra.resources import Resources
from qiatan.infra.settings import Settings

log = structlog.get_logger(__name__)

SLOTS = {QUEUE: 4, CALLS: 4, MAIL: 4}
"""How many jobs of a queue run at once."""
RESTART_SECONDS = 5
PATIENCE_SECONDS = 4.0
CANCEL_AGAIN_SECONDS = 0.5
MIGRATION_LOOK_SECONDS = 2.0


@contextlib.asynccontextmanager
async def background_worker(
    resources: Resources,
    url: str,
    *,
    enabled: bool,
    patience: Callable[[], float] = lambda: PATIENCE_SECONDS,
    rounds: Rounds | None = None,
) -> AsyncIterator[None]:
    """Run the worker beside the block. At its end running jobs may finish within `patience` seconds; what is cut is done again elsewhere.

    `rounds` is kept up to date for whoever asks how the worker is.
    """
    if not enabled:
        yield
        return
    task = asyncio.create_task(_work(resources, url, rounds or Rounds(), patience), name="worker")
    try:
        yield
    finally:
        await _end(task, patience())


async def _end(task: asyncio.Task[None], seconds: float) -> None:
    """A database that is away makes the worker's own end fail or wait, which swallows a cancellation: it is repeated until it is heard."""
    task.cancel()
    await asyncio.wait([task], timeout=seconds)
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCEL_AGAIN_SECONDS)


@contextlib.asynccontextmanager
async def following_time(resources: Resources) -> AsyncIterator[None]:
    """Keep this process's clock with the database's; what tests bring as a clock is left alone."""
    if not isinstance(resources.clock, FollowingClock):
        yield
        return
    keeper = ClockKeeper(resources.database, resources.clock)
    await keeper.start()
    try:
        yield
    finally:
        await keeper.close()


async def _work(resources: Resources, url: str, rounds: Rounds, patience: Callable[[], float]) -> None:
    """Work until cancelled; a database that goes away ends a round, and the next one begins when it is back."""
    while True:
        app = build_worker_app(url, list(JOBS), resources)
        try:
            async with app.open_async():
                workers = Workers(app, SLOTS, patience=patience)
                wake = workers.wake
                resources.database.on_jobs.append(wake)
                rounds.running = True
                try:
                    await workers.work()
                finally:
                    rounds.running = False
                    resources.database.on_jobs.remove(wake)
        except Exception as error:  # noqa: BLE001 -- whatever ends a round must not end the worker
            log.warning("worker.restarting", error=str(error))
        await asyncio.sleep(RESTART_SECONDS)


def run(settings: Settings) -> None:
    """`qiatan work`: jobs only, until SIGINT or SIGTERM. Raises `SetupError` when the start cannot succeed."""
    logs.configure(settings.log_level, style=settings.log_format)
    listener = _listener(settings)
    with listener or contextlib.nullcontext():
        uvloop.run(_run(settings, listener))


def _listener(settings: Settings) -> socket.socket | None:
    """Taken before anything is started, as the port of `serve` is."""
    address = settings.work_listen
    if address is None:
        return None
    (listener,) = take_port(dataclasses.replace(settings, host=address.host, port=address.port), variable="WORK_LISTEN")
    return listener


async def _run(settings: Settings, listener: socket.socket | None) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with open_database(settings) as url:
        # With a database elsewhere nobody has made it yet.
        ensure_data_dir(settings.data_dir)
        resources = build_resources(settings, url)
        try:
            await _watched(resources, url, listener, stopping)
        finally:
            await resources.http.close()
            await resources.database.dispose()


async def _watched(resources: Resources, url: str, listener: socket.socket | None, stopping: asyncio.Event) -> None:
    """Work, and tell how it is, until told to stop."""
    monitor, drain, rounds = Monitor(resources), Drain(), Rounds()
    async with answering(build_work_app(resources, monitor, drain, rounds), listener):
        if not await _migrated(url, stopping):
            return
        async with following_time(resources), on_the_bus(resources):
            await monitor.start()
            try:
                async with background_worker(resources, url, enabled=True, rounds=rounds):
                    await stopping.wait()
                    drain.unready = True
            finally:
                await monitor.close()


async def _migrated(url: str, stopping: asyncio.Event) -> bool:
    """Wait until the database is as this program needs it, which `serve` or `qiatan migrate` does. False: told to stop before."""
    told = False
    while not stopping.is_set():
        try:
            if await asyncio.to_thread(fits, url):
                return True
        except psycopg.Error as error:
            log.info("worker.database_silent", error=str(error))
        if not told:
            log.warning("worker.waits_for_migration", hint="start the server, or run qiatan migrate")
            told = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), MIGRATION_LOOK_SECONDS)
    return False
